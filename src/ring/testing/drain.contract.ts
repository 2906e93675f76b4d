/** A reader that checks everything it takes: for one writer whose attempts are numbered from 1 without a gap. */
import assert from 'node:assert/strict'
import type { Piece, RingReader } from '../index.ts'
import { assertRecords, CREATED, timeOf } from './record.contract.ts'

export class CheckedDrain {
  readonly reader: RingReader
  /** Number of the last record read. */
  last = 0
  lastAttempt = 0
  #packets = 0

  constructor(reader: RingReader) {
    this.reader = reader
  }

  /** Takes all there is, or at most `pieces`; returns the number of records. */
  assertAll(depth: 'complete' | 'partial', pieces = Number.POSITIVE_INFINITY): number {
    const before = this.last
    for (let i = 0; i < pieces; i++) {
      const piece = this.reader.next(depth)
      if (piece === undefined) break
      this.#assertPiece(piece)
    }
    return this.last - before
  }

  /** Each record once, in order, whole; time and losses are those of the piece's last record. */
  #assertPiece(piece: Piece): void {
    const { time } = this.reader.position
    for (const { number, attempt } of assertRecords(piece.bytes)) {
      if (number !== this.last + 1) assert.fail(`record ${number} comes after record ${this.last}`)
      if (attempt <= this.lastAttempt) assert.fail(`attempt ${attempt} comes after ${this.lastAttempt}`)
      this.last = number
      this.lastAttempt = attempt
    }
    assert.equal(piece.time, timeOf(this.lastAttempt), 'the time of the last record')
    assert.equal(piece.lost, this.lastAttempt - this.last, 'what was lost before the last record')
    assert(time >= CREATED && piece.time > time, `time ${piece.time} comes after ${time}`)
    this.reader.release(piece, ++this.#packets, piece.lost)
  }
}

export function lossCount(reader: RingReader): number {
  return Object.values(reader.losses()).reduce((sum, count) => sum + count, 0)
}
