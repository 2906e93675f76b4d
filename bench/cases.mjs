/**
 * What is measured, and the targets. `bytes` is what an event of the peer takes (its header is never smaller
 * than ours): it sizes the rings of both sides, which hold a whole round, so that nothing is discarded.
 */

/** Both sides in the same session form: same events enabled, same contexts, rings of the same size. */
export const COMPARED = [
  { name: 'none', title: 'no field', loop: 'none', events: 'bench:none', bytes: 8 },
  { name: 'int', title: '1 × i32', loop: 'int', events: 'bench:int', bytes: 12, target: 0.55, latency: true },
  { name: 'three', title: 'i32, i32, u64', loop: 'three', events: 'bench:three', bytes: 24 },
  { name: 'text', title: 'i32 + 15 characters', loop: 'text', events: 'bench:text', bytes: 28, target: 0.7 },
  {
    name: 'joined',
    title: 'the same, concatenated',
    loop: 'joined',
    events: 'bench:joined',
    peer: { loop: 'text', events: 'bench:text' },
    bytes: 28,
  },
  {
    name: 'context',
    title: '1 × i32 + vpid, vtid',
    loop: 'int',
    events: 'bench:int',
    bytes: 20,
    contexts: ['vpid', 'vtid'],
  },
  { name: 'sites', title: '50 enabled sites in turn', loop: 'sites', events: 'bench:site*', bytes: 12 },
  {
    name: 'threads',
    title: '1 × i32, 2 threads',
    loop: 'int',
    events: 'bench:int',
    bytes: 12,
    verb: 'pair',
    threads: 2,
  },
]

/** A disabled site is what its loop costs over a loop of as many empty calls. */
export const DISABLED = [
  { name: 'disabled', title: 'disabled site − empty call', loop: 'int', floor: 'empty', target: 1.5 },
  {
    name: 'disabled50',
    title: '50 disabled sites − 50 empty calls',
    loop: 'sites',
    floor: 'empty50',
    target: 1.5,
  },
]

export const CLOCKS = [
  { name: 'coarse', title: 'clock coarse', target: 0.4 },
  { name: 'global', title: 'clock global' },
]

export const FLOORS = [
  { loop: 'empty', title: 'empty call' },
  { loop: 'now', title: 'performance.now' },
  { loop: 'hrtime', title: 'process.hrtime.bigint' },
  { loop: 'clock', title: 'clock_gettime' },
  { loop: 'atomic', title: 'atomic store (sequentially consistent)' },
  { loop: 'plain', title: 'plain store' },
]

const SUB_BUFFERS = 8
const MIN_SUB_BUFFER_BYTES = 64 * 1024

/**
 * Power-of-two sub-buffers, because LTTng rounds up to one, for a round of `n` events on every thread beside the
 * sub-buffer that the last round left half full: larger rings only leave more of the processor's caches.
 */
export const ringFor = ({ bytes, threads = 1 }, n) => {
  let size = MIN_SUB_BUFFER_BYTES
  while (size * (SUB_BUFFERS - 1) < n * bytes * threads) size *= 2
  return { subbufSizeBytes: size, subbufCount: SUB_BUFFERS }
}

/** V8 may still swap a loop's code in its first long rounds (measured: up to four, Node 20 to 26). */
export const SETTLE_ROUNDS = 5

/** Rounds until even our smaller records have been once around the ring: no page is touched first in a timed one. */
export const warmRounds = ({ bytes, threads = 1 }, n) => {
  const { subbufSizeBytes, subbufCount } = ringFor({ bytes, threads }, n)
  return Math.max(
    SETTLE_ROUNDS,
    Math.ceil((subbufSizeBytes * subbufCount) / (n * Math.max(4, bytes - 4))) + 1,
  )
}

/** Both consumers copy at more than this; while they do, the other side must not be measured. */
const DRAIN_BYTES_PER_MS = 250_000
const DRAIN_LEAST_MS = 30

export const drainMs = ({ bytes, threads = 1 }, n) =>
  DRAIN_LEAST_MS + (n * bytes * threads) / DRAIN_BYTES_PER_MS
