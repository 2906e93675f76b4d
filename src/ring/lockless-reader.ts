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
  MAX_WRITERS,
  placesWord,
  RELEASED_WORD,
  TAIL_WORD,
  WRITER_OWNER,
  WRITER_STEPS,
  WRITER_WORDS,
} from './layout.ts'
import { LocklessWords } from './lockless.ts'
import { type Piece, RingReader, type RingState } from './read.ts'

const CLOSED_BIT = -0x80000000
const CLOSED_COUNT = -(2n ** 63n)

export class LocklessReader extends RingReader {
  readonly #shared: LocklessWords
  /** Writers that were within a record when this sub-buffer was first seen to be incomplete. */
  #suspects: { sequence: number; steps: Map<number, number> } | undefined

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

  /** When the sub-buffer that next() gave begins: its first record. */
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
   * Gives up the oldest sub-buffer when a writer that is dead left it incomplete: false when it is complete, still
   * being filled, or when somebody alive may be within it; to be asked again then. `isAlive` knows the writers' owners.
   */
  skip(isAlive: (owner: number) => boolean): boolean {
    const { sequence, packets, lost } = this.position
    const tail = Atomics.load(this.#shared.words, TAIL_WORD) & ~CLOSED_BIT
    if (this.#shared.distance(this.#shared.sequenceOf(tail), sequence) === 0) return false
    if (this.#missing(sequence) === 0 || !this.#isForsaken(sequence, isAlive)) return false
    // Those who have gone on meanwhile have committed what they had there.
    const missing = this.#missing(sequence)
    if (missing === 0) return false
    Atomics.add(this.#shared.words, this.#shared.committedWord(this.#shared.physicalOf(sequence)), missing)
    const { subBufferBytes: end } = this.#shared.geometry
    const { time } = this.position
    this.release({ bytes: new Uint8Array(0), sequence, end, isLast: true, time, lost }, packets, lost)
    return true
  }

  /**
   * Whoever has room in an incomplete sub-buffer had an odd step when we first saw that it is incomplete: the swap made
   * both visible. All of those that live have gone on since: then it is nobody alive.
   */
  #isForsaken(sequence: number, isAlive: (owner: number) => boolean): boolean {
    const { words, geometry } = this.#shared
    if (this.#suspects?.sequence !== sequence) {
      const steps = new Map<number, number>()
      for (let i = 0; i < MAX_WRITERS; i++) {
        const place = placesWord(geometry) + i * WRITER_WORDS
        const step = Atomics.load(words, place + WRITER_STEPS)
        if (step % 2 === 1) steps.set(place, step)
      }
      this.#suspects = { sequence, steps }
    }
    for (const [place, step] of this.#suspects.steps) {
      const hasGoneOn = Atomics.load(words, place + WRITER_STEPS) !== step
      if (hasGoneOn || !isAlive(Atomics.load(words, place + WRITER_OWNER))) this.#suspects.steps.delete(place)
    }
    return this.#suspects.steps.size === 0
  }

  /** Makes room for other writers: those who are not alive write no more. Only when nothing is left to be skipped. */
  forget(isAlive: (owner: number) => boolean): void {
    const { words, geometry } = this.#shared
    for (let i = 0; i < MAX_WRITERS; i++) {
      const place = placesWord(geometry) + i * WRITER_WORDS
      const step = Atomics.load(words, place + WRITER_STEPS)
      if (step !== 0 && !isAlive(Atomics.load(words, place + WRITER_OWNER))) {
        Atomics.compareExchange(words, place + WRITER_STEPS, step, 0)
      }
    }
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
