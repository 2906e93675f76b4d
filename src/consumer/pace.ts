/** When to look at the rings next, and when to stop looking: no clock and no timer of its own. */

/** A ring is looked at once a millisecond at most: more would cost its writer. */
const FASTEST_MS = 1
/** A ring of eight sub-buffers at two million events a second lasts six times as long. */
const SLOWEST_MS = 10
const SLOWDOWN = 1.5
/** What was committed is on disk so long after at the latest, also when no sub-buffer is full. */
const FLUSH_MS = 100
/** So long without a new record until we sleep. */
const IDLE_MS = 100

export class Pace {
  #intervalMs = FASTEST_MS
  #flushedMs: number
  #busyMs: number

  constructor(nowMs: number) {
    this.#flushedMs = nowMs
    this.#busyMs = nowMs
  }

  /** After a look that found `records` new records and `complete` sub-buffers. */
  note(nowMs: number, records: number, complete: number): void {
    if (records > 0) this.#busyMs = nowMs
    this.#intervalMs = complete > 0 ? FASTEST_MS : Math.min(SLOWEST_MS, this.#intervalMs * SLOWDOWN)
  }

  get intervalMs(): number {
    return Math.round(this.#intervalMs)
  }

  /** True once a flush period: partly filled sub-buffers are due. */
  isFlushDue(nowMs: number): boolean {
    if (nowMs - this.#flushedMs < FLUSH_MS) return false
    this.#flushedMs = nowMs
    return true
  }

  isIdle(nowMs: number): boolean {
    return nowMs - this.#busyMs >= IDLE_MS
  }

  /** Somebody woke us: a record is on its way. */
  wake(nowMs: number): void {
    this.#busyMs = nowMs
    this.#intervalMs = FASTEST_MS
  }
}
