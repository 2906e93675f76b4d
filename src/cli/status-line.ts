/** The one live line of `record` on a terminal. Nothing of it remains at the end. */
import { formatSize } from '../base/index.ts'
import type { Totals } from '../consumer/index.ts'
import { formatCount } from './table.ts'

const MIN_INTERVAL_MS = 250
const CLEAR = '\r\u001b[K'

export class StatusLine {
  readonly #stream: NodeJS.WriteStream
  #shownMs = Number.NEGATIVE_INFINITY
  #shownRecorded = 0
  #isShown = false

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  /** Shows the totals, at most four times a second; `isLast` says that nothing follows for a while. */
  update(totals: () => Totals, isLast: boolean): void {
    const nowMs = performance.now()
    const elapsedMs = nowMs - this.#shownMs
    if (!this.#stream.isTTY || (elapsedMs < MIN_INTERVAL_MS && !isLast)) return
    const { recorded, discarded, bytes, programs } = totals()
    const rate =
      isLast || !Number.isFinite(elapsedMs) ? 0 : ((recorded - this.#shownRecorded) * 1000) / elapsedMs
    const text = [
      `${formatCount(rate)} events/s`,
      `${formatCount(recorded)} recorded`,
      `${formatCount(discarded)} discarded`,
      formatSize(bytes),
      programs === 1 ? '1 program' : `${programs} programs`,
    ].join(' · ')
    this.#shownMs = nowMs
    this.#shownRecorded = recorded
    this.#isShown = true
    // The cursor goes back to the line's beginning, so that the program's next line replaces ours.
    this.#stream.write(`${CLEAR}${text.slice(0, this.#stream.columns - 1)}\r`)
  }

  /** Makes room for other text. */
  clear(): void {
    if (this.#isShown) this.#stream.write(CLEAR)
    this.#isShown = false
  }
}
