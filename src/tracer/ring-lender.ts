/** Where a thread gets its rings from. */
import type { Channel } from '../control/index.ts'
import type { RingIdentity } from '../ring/index.ts'
import { monotonicNs } from './thread-clock.ts'

/** Classes that are counted one by one in the table of `kymo record`. */
export const CLASS_CAPACITY = 512

export interface RingLender {
  /** Id of this thread. */
  readonly tid: number
  /** A ring for this thread in the channel's directory, or `undefined` when there is no memory for one. */
  lend(directory: string, channel: Channel): ArrayBufferLike | undefined
  /** Takes back what lend() or sharedClock() gave, when nobody in this thread can touch it any more. */
  giveBack(buffer: ArrayBufferLike): void
  /** Tells the session's consumer that there is something to look at. */
  wake(sessionDirectory: string): void
  /** The word of the session's global clock. */
  sharedClock(sessionDirectory: string): BigInt64Array
}

/** A ring that begins now. Its epoch has a lower word of 0, so that short timestamps are those of the clock. */
export function newIdentity(number: number): RingIdentity {
  const now = monotonicNs()
  const epoch = (now >> 32n) << 32n
  return { number, epoch, created: Number(now - epoch) }
}
