/** The clocks of one thread, captured at import: a program may replace the global ones by fakes later. */
import { type ClockSource, CoarseTime, globalClock, monotonicClock } from '../channel/index.ts'
import type { ClockKind } from '../control/index.ts'

const readClock = process.hrtime.bigint
const schedule = setImmediate

export function monotonicNs(): bigint {
  return readClock()
}

export class ThreadClock {
  readonly #coarse = new CoarseTime(readClock, callback => void schedule(callback).unref())

  /** `shared` gives the word that all threads of a session's global clock agree on. */
  source(kind: ClockKind, epoch: bigint, shared: () => BigInt64Array): ClockSource {
    switch (kind) {
      case 'global':
        return globalClock(shared(), readClock, epoch)
      case 'coarse':
        return this.#coarse.source(epoch)
      case 'monotonic':
        return monotonicClock(readClock, epoch)
    }
  }
}
