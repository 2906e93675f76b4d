import { readFileSync } from 'node:fs'
import { type Nanoseconds, nanoseconds } from '../base/index.ts'

/** Brackets of the two clocks from which the narrowest is taken. */
const BRACKETS = 16

/** Identifies this boot of this machine, and so its CLOCK_MONOTONIC. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** What to add to CLOCK_MONOTONIC to get the time since the Unix epoch, to about a millisecond. */
export function monotonicOffsetFromEpoch(): Nanoseconds {
  let best = { width: BigInt(Number.MAX_SAFE_INTEGER), offset: 0n }
  for (let i = 0; i < BRACKETS; i++) {
    const before = process.hrtime.bigint()
    const wall = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6))
    const after = process.hrtime.bigint()
    if (after - before < best.width) best = { width: after - before, offset: wall - (before + after) / 2n }
  }
  return nanoseconds(best.offset)
}
