/** The clocks of one thread, captured at import: a program may replace the global ones by fakes later. */
import { type ClockSource, coarseClock, globalClock, monotonicClock } from '../channel/index.ts'
import type { ClockKind } from '../control/index.ts'

const readClock = process.hrtime.bigint
const schedule = setImmediate

export function monotonicNs(): bigint {
  return readClock()
}

export class ThreadClock {
  readonly #coarse = coarseClock(readClock, callback => void schedule(callback).unref())

  /** `shared` gives the word that all threads of a session's global clock agree on. */
  source(kind: ClockKind, shared: () => BigInt64Array): ClockSource {
    switch (kind) {
      case 'global':
        return globalClock(shared(), readClock)
      case 'coarse':
        return this.#coarse
      case 'monotonic':
        return monotonicClock(readClock)
    }
  }
}
