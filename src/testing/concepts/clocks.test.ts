import assert from 'node:assert/strict'
import test from 'node:test'
import { needs } from '../needs.ts'
import { counts, numberIn, Sandbox, type Stamped, stampedEvents } from './sandbox.ts'

const HITS = 2000
const THREADS = 8
const LAST = 2001
/** performance.now() counts in steps, and where it stands on CLOCK_MONOTONIC is known to about 100 ns. */
const SLACK_NS = 50_000n

function byThread(events: readonly Stamped[]): Map<number, Stamped[]> {
  const threads = new Map<number, Stamped[]>()
  for (const event of events) {
    const vtid = numberIn(event.text, 'vtid')
    const own = threads.get(vtid) ?? []
    own.push(event)
    threads.set(vtid, own)
  }
  return threads
}

for (const clock of ['monotonic', 'coarse', 'global']) {
  test(`${clock}: time never decreases within a stream, and is that of CLOCK_MONOTONIC`, async t => {
    if (!needs(t, 'babeltrace2')) return
    const box = new Sandbox(t)
    const { result, stdout } = await box.recordProgram(['-e', 'clock:*', '--clock', clock], 'clocks')
    assert.deepEqual(result.discarded, {})
    assert.deepEqual(counts(result), { 'clock:tick': THREADS * HITS })
    const [before, after] = (JSON.parse(stdout) as [string, string]).map(BigInt) as [bigint, bigint]
    const events = stampedEvents(box.trace)
    const threads = byThread(events)
    assert.equal(threads.size, THREADS)
    assert.equal(new Set(events.map(event => event.pid)).size, 2)
    for (const own of threads.values()) {
      let last = before - SLACK_NS
      for (const [n, { time, text }] of own.entries()) {
        // A step back would show as a wrap forwards, which ends beyond `after`.
        assert.equal(numberIn(text, 'n'), n)
        assert.ok(time >= last, `${last} ${time}`)
        last = time
      }
      assert.ok(last <= after + SLACK_NS, `${last} ${after}`)
    }
    if (clock === 'global') assert.equal(new Set(events.map(event => event.time)).size, THREADS * HITS)
  })
}

test("global: the stamps of two processes agree with a ping-pong's order, and are all different", async t => {
  if (!needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const { result } = await box.recordProgram(['-e', 'pong:*', '--clock', 'global'], 'ping-pong')
  assert.deepEqual(counts(result), { 'pong:token': LAST + 1 })
  const events = stampedEvents(box.trace)
  assert.deepEqual(
    events.map(event => numberIn(event.text, 'n')),
    Array.from({ length: LAST + 1 }, (_, n) => n),
  )
  const times = events.map(event => event.time)
  assert.ok(times.every((time, i) => i === 0 || time > (times[i - 1] as bigint)))
  const pids = [...new Set(events.map(event => event.pid))]
  assert.equal(pids.length, 2)
  assert.ok(events.every((event, i) => event.pid === pids[i % 2]))
})
