/** The clocks of one thread, captured at import: a program may replace the global ones by fakes later. */
import { performance } from 'node:perf_hooks'
import { type ClockSource, CoarseTime, globalClock, monotonicClock } from '../channel/index.ts'
import type { ClockKind } from '../control/index.ts'

const now = performance.now
const hrtime = process.hrtime.bigint
const schedule = setImmediate

/** Bracketing stops after so many rounds or so long: with 4000 rounds the shift is known to about 100 ns. */
const BRACKET_ROUNDS = 4000
const BRACKET_BUDGET_NS = 1_000_000n

export function monotonicNs(): bigint {
  return hrtime()
}

export class ThreadClock {
  readonly #coarse = new CoarseTime(now, performance, callback => void schedule(callback).unref())
  #shift: bigint | undefined

  source(kind: ClockKind, epoch: bigint, shared: (() => BigInt64Array) | undefined): ClockSource {
    if (kind === 'global' && shared !== undefined) return globalClock(shared(), monotonicNs, epoch)
    this.#shift ??= bracketShift()
    const base = Number(this.#shift - epoch)
    return kind === 'coarse' ? this.#coarse.source(base) : monotonicClock(now, performance, base)
  }
}

/**
 * CLOCK_MONOTONIC less performance.now() is one constant of a thread. Each pair of readings around one of the
 * other bounds it; the bounds of all pairs leave a narrow interval, whose middle is taken.
 */
function bracketShift(): bigint {
  let low = -(2n ** 62n)
  let high = 2n ** 62n
  const start = hrtime()
  let before = start
  for (let round = 0; round < BRACKET_ROUNDS && before - start < BRACKET_BUDGET_NS; round++) {
    const relative = BigInt(Math.round(now.call(performance) * 1e6))
    const after = hrtime()
    if (before - relative > low) low = before - relative
    if (after - relative < high) high = after - relative
    before = after
  }
  return (low + high) / 2n
}
