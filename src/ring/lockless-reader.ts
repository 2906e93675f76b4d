/** The reader's end of a lockless ring: whole sub-buffers, and the tail, which it may move on or close. */
import {
  HEADER_BEGIN_TIME,
  HEADER_DOUBLES,
  HEADER_END,
  HEADER_END_LOST,
  HEADER_END_TIME,
  HEADER_WORDS,
  HEADERS_DOUBLE,
  HEADERS_WORD,
  LOSS_BASE_BIGINT,
  LOSS_CAUSES,
  RELEASED_WORD,
  TAIL_WORD,
} from './layout.ts'
import { LocklessWords } from './lockless.ts'
import { type Piece, RingReader, type RingState } from './read.ts'

const CLOSED_BIT = -0x80000000
const CLOSED_COUNT = -(2n ** 63n)

export class LocklessReader extends RingReader {
  readonly #shared: LocklessWords

  constructor(buffer: ArrayBufferLike) {
    super(buffer)
    this.#shared = new LocklessWords(buffer)
  }

  /** The oldest sub-buffer, once all of its records are committed. flush() ends one that is being filled. */
  override next(): Piece | undefined {
    this.free()
    const { sequence } = this.position
    const physical = this.#shared.physicalOf(sequence)
    if (this.#missing(sequence) !== 0) return undefined
    const header = HEADERS_WORD + physical * HEADER_WORDS
    const double = HEADERS_DOUBLE + physical * HEADER_DOUBLES
    const { words, doubles } = this.#shared
    const time = doubles[double + HEADER_END_TIME] as number
    // Two that leave sub-buffers at once may have looked at the counters in another order.
    const lost = Math.max(doubles[double + HEADER_END_LOST] as number, this.position.lost)
    return this.piece(physical, words[header + HEADER_END] as number, true, time, lost)
  }

  /** When the oldest sub-buffer begins: its first record. */
  beginTime(): number {
    const physical = this.#shared.physicalOf(this.position.sequence)
    return this.#shared.doubles[HEADERS_DOUBLE + physical * HEADER_DOUBLES + HEADER_BEGIN_TIME] as number
  }

  /** Ends the sub-buffer that is being filled; false when there is nothing in it. `now` is CLOCK_MONOTONIC. */
  flush(now: () => bigint): boolean {
    const { words, geometry } = this.#shared
    for (;;) {
      const tail = Atomics.load(words, TAIL_WORD)
      const time = Number(now() - geometry.epoch)
      const offset = this.#shared.offsetOf(tail)
      if (offset === 0) return false
      const sequence = this.#shared.sequenceOf(tail & ~CLOSED_BIT)
      const next = this.#shared.tailOf(sequence + 1) | (tail & CLOSED_BIT)
      if (Atomics.compareExchange(words, TAIL_WORD, tail, next) !== tail) continue
      this.#shared.end(sequence, offset, time)
      this.#shared.commit(sequence, geometry.subBufferBytes - offset)
      return true
    }
  }

  /** From now on nobody gets room, and no loss is counted. */
  close(): void {
    Atomics.or(this.#shared.words, TAIL_WORD, CLOSED_BIT)
    for (let cause = 0; cause < LOSS_CAUSES.length; cause++) {
      Atomics.or(this.#shared.bigints, LOSS_BASE_BIGINT + cause, CLOSED_COUNT)
    }
  }

  /**
   * Gives up the oldest sub-buffer: a writer was killed within a record, and none is left that could have been in it.
   * False when it is complete, or still being filled.
   */
  skip(): boolean {
    const { sequence, packets, lost } = this.position
    const missing = this.#missing(sequence)
    const tail = Atomics.load(this.#shared.words, TAIL_WORD) & ~CLOSED_BIT
    if (missing === 0 || this.#shared.distance(this.#shared.sequenceOf(tail), sequence) === 0) return false
    Atomics.add(this.#shared.words, this.#shared.committedWord(this.#shared.physicalOf(sequence)), missing)
    const { subBufferBytes: end } = this.#shared.geometry
    this.release(
      { bytes: new Uint8Array(0), sequence, end, isLast: true, time: this.position.time, lost },
      packets,
      lost,
    )
    return true
  }

  /** No record is under way: everything that was reserved is committed. */
  override isQuiet(): boolean {
    const tail = Atomics.load(this.#shared.words, TAIL_WORD) & ~CLOSED_BIT
    const last = this.#shared.sequenceOf(tail)
    let sequence = Atomics.load(this.#shared.words, RELEASED_WORD)
    while (this.#shared.distance(last, sequence) !== 0) {
      if (this.#missing(sequence) !== 0) return false
      sequence = (sequence + 1) | 0
    }
    const { subBufferBytes } = this.#shared.geometry
    return this.#missing(sequence) === subBufferBytes - this.#shared.offsetOf(tail)
  }

  override state(): RingState {
    throw this.damage('a lockless ring has no last record')
  }

  /** Bytes that are not committed yet. */
  #missing(sequence: number): number {
    const { subBufferBytes, subBufferCount } = this.#shared.geometry
    const lap = Math.floor((sequence >>> 0) / subBufferCount)
    const complete = Math.imul(lap + 1, subBufferBytes)
    const word = this.#shared.committedWord(this.#shared.physicalOf(sequence))
    const missing = (complete - Atomics.load(this.#shared.words, word)) | 0
    if (missing < 0 || missing > subBufferBytes) {
      throw this.damage(`${missing} of ${subBufferBytes} bytes of sub-buffer ${sequence} are not committed`)
    }
    return missing
  }
}
