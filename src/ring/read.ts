/**
 * The reader's end of a ring in discard mode:
 *
 *   const reader = new RingReader(buffer)
 *   for (let piece; (piece = reader.next('partial')) !== undefined; ) {
 *     write(piece.bytes)
 *     reader.release(piece, packets)
 *   }
 *
 * It changes only the reader's words and the consumer's record, and believes nothing: every number of the
 * writer's is checked against the ring's geometry.
 */
import { KymoError } from '../base/index.ts'
import {
  BEGUN_WORD,
  COMMITTED_WORD,
  classCountersDouble,
  dataOffset,
  HEADER_DOUBLES,
  HEADER_END,
  HEADER_END_LOST,
  HEADER_END_TIME,
  HEADER_WORDS,
  HEADERS_DOUBLE,
  HEADERS_WORD,
  LOSS_BASE_DOUBLE,
  LOSS_CAUSES,
  type LossCause,
  lostWithoutLock,
  OWNER_WORD,
  OWNERS_WORD,
  POSITION_BASE_DOUBLE,
  POSITION_BASE_WORD,
  POSITION_DOUBLES,
  POSITION_LOST,
  POSITION_OFFSET,
  POSITION_PACKETS,
  POSITION_SEQUENCE,
  POSITION_TIME,
  POSITION_WORDS,
  physicalCount,
  RELEASED_WORD,
  type RingGeometry,
  type RingIdentity,
  readGeometry,
  SELECTOR_WORD,
  SLOT_BASE_DOUBLE,
  SLOT_BASE_WORD,
  SLOT_DOUBLES,
  SLOT_END,
  SLOT_LOST,
  SLOT_PHYSICAL,
  SLOT_SAFE_DISTANCE,
  SLOT_SEQUENCE,
  SLOT_TIME_HIGH,
  SLOT_TIME_LOW,
  SLOT_WORDS,
  SLOTS,
  sinceEpoch,
  WAIT_WORD,
} from './layout.ts'

/** A writer at full speed needed 3 tries at most; only a hostile one needs more than this. */
const SNAPSHOT_TRIES = 100_000

/** What the writer had published at one moment: all of one record. */
export interface RingState {
  /** Records committed, modulo 2³². */
  readonly committed: number
  readonly sequence: number
  readonly physical: number
  /** Bytes used of that sub-buffer. */
  readonly end: number
  /** Of the last record, in ns since the epoch; the ring's creation before the first. */
  readonly time: number
  /** Records lost before the last record. */
  readonly lost: number
}

/** Where the consumer is: what stands in its record, and so what the next consumer goes on from. */
export interface ReaderPosition {
  /** Packets written so far: the number of the next. */
  readonly packets: number
  readonly sequence: number
  readonly offset: number
  /** Time of the last record taken: the next packet begins here. */
  readonly time: number
  /** Lost records reported so far. */
  readonly lost: number
}

/** Whole records of one sub-buffer. */
export interface Piece {
  readonly bytes: Uint8Array
  readonly sequence: number
  /** Offset in the sub-buffer after the last record. */
  readonly end: number
  /** True when the writer has left this sub-buffer. */
  readonly isLast: boolean
  readonly time: number
  readonly lost: number
}

export class RingReader {
  readonly geometry: Required<RingGeometry> & RingIdentity
  readonly #words: Int32Array
  readonly #doubles: Float64Array
  readonly #bigints: BigInt64Array
  readonly buffer: ArrayBufferLike
  readonly #dataOffset: number
  #position: ReaderPosition

  constructor(buffer: ArrayBufferLike) {
    this.geometry = readGeometry(buffer)
    this.buffer = buffer
    this.#dataOffset = dataOffset(this.geometry)
    this.#words = new Int32Array(buffer, 0, this.#dataOffset / 4)
    this.#doubles = new Float64Array(buffer, 0, this.#dataOffset / 8)
    this.#bigints = new BigInt64Array(buffer, 0, this.#dataOffset / 8)
    this.#position = this.#loadPosition()
  }

  get position(): ReaderPosition {
    return this.#position
  }

  /** Id of the thread that writes. */
  get owner(): number {
    return this.#words[OWNER_WORD] as number
  }

  /** Threads that have written, one after the other. */
  get owners(): number {
    return this.#words[OWNERS_WORD] as number
  }

  state(): RingState {
    for (let tries = 0; tries < SNAPSHOT_TRIES; tries++) {
      const committed = Atomics.load(this.#words, COMMITTED_WORD)
      const slot = committed & (SLOTS - 1)
      const word = SLOT_BASE_WORD + slot * SLOT_WORDS
      const double = SLOT_BASE_DOUBLE + slot * SLOT_DOUBLES
      const state = {
        committed,
        sequence: Atomics.load(this.#words, word + SLOT_SEQUENCE),
        physical: Atomics.load(this.#words, word + SLOT_PHYSICAL),
        end: Atomics.load(this.#words, word + SLOT_END),
        time: sinceEpoch(
          this.#words[word + SLOT_TIME_LOW] as number,
          this.#words[word + SLOT_TIME_HIGH] as number,
          this.geometry.epoch,
        ),
        lost: this.#doubles[double + SLOT_LOST] as number,
      }
      const distance = (Atomics.load(this.#words, COMMITTED_WORD) - committed) >>> 0
      if (distance <= SLOT_SAFE_DISTANCE) return this.#checked(state)
    }
    throw this.damage(`no stable state in ${SNAPSHOT_TRIES} tries`)
  }

  /**
   * The next whole records, or `undefined`. `complete` takes only sub-buffers that the writer has left,
   * `partial` also what is committed of the current one.
   */
  next(depth: 'complete' | 'partial'): Piece | undefined {
    const state = this.state()
    // Our predecessor may have died between its record and the space that it freed.
    if (Atomics.load(this.#words, RELEASED_WORD) !== this.#position.sequence) this.free()
    for (;;) {
      const { sequence, offset, packets, time, lost } = this.#position
      if (sequence === state.sequence) {
        if (depth === 'complete' || offset === state.end) return undefined
        return this.piece(state.physical, state.end, false, state.time, state.lost)
      }
      const physical = this.#physicalOf(sequence, state)
      const header = HEADERS_WORD + physical * HEADER_WORDS
      const double = HEADERS_DOUBLE + physical * HEADER_DOUBLES
      const end = this.#words[header + HEADER_END] as number
      if (end !== offset) {
        const endTime = this.#doubles[double + HEADER_END_TIME] as number
        return this.piece(physical, end, true, endTime, this.#doubles[double + HEADER_END_LOST] as number)
      }
      this.#store({ packets, sequence: (sequence + 1) | 0, offset: 0, time, lost })
    }
  }

  /** Says that `packets` packets are safe, the last of them made of `piece` (or, without one, of losses alone). */
  release(piece: Piece | undefined, packets: number, lost: number): void {
    const old = this.#position
    if (piece === undefined) this.#store({ ...old, packets, lost })
    else if (piece.isLast)
      this.#store({ packets, sequence: (piece.sequence + 1) | 0, offset: 0, time: piece.time, lost })
    else this.#store({ packets, sequence: piece.sequence, offset: piece.end, time: piece.time, lost })
  }

  /** True when no record is under way; of use after a memory barrier only. */
  isQuiet(): boolean {
    return Atomics.load(this.#words, BEGUN_WORD) === Atomics.load(this.#words, COMMITTED_WORD)
  }

  committed(): number {
    return Atomics.load(this.#words, COMMITTED_WORD)
  }

  /** Asks the writer for a byte in the session's FIFO with its next record, or no longer. */
  setWait(wanted: boolean): void {
    Atomics.store(this.#words, WAIT_WORD, wanted ? 1 : 0)
  }

  losses(): Record<LossCause, number> {
    const count = (cause: LossCause): number => {
      const index = LOSS_CAUSES.indexOf(cause)
      const underLock = this.#doubles[LOSS_BASE_DOUBLE + index] as number
      return countOrNone(underLock + lostWithoutLock(this.#bigints, index))
    }
    return Object.fromEntries(LOSS_CAUSES.map(cause => [cause, count(cause)])) as Record<LossCause, number>
  }

  /** Records of each event class id; the last counter holds all classes from there on. */
  classCounts(): Float64Array {
    const start = classCountersDouble(this.geometry)
    return this.#doubles.slice(start, start + this.geometry.classCapacity).map(countOrNone)
  }

  /** Records of `physical` behind the position, checked. */
  protected piece(physical: number, end: number, isLast: boolean, time: number, lost: number): Piece {
    const { offset, sequence } = this.#position
    if (end < offset || end > this.geometry.subBufferBytes) {
      throw this.damage(
        `a sub-buffer ends at ${end} after ${offset} of ${this.geometry.subBufferBytes} bytes`,
      )
    }
    if (!Number.isFinite(time) || !isCount(lost)) throw this.damage(`time ${time}, lost ${lost}`)
    const start = this.#dataOffset + physical * this.geometry.subBufferBytes + offset
    const bytes = new Uint8Array(this.buffer, start, end - offset)
    return { bytes, sequence, end, isLast, time: Math.max(time, this.#position.time), lost }
  }

  #physicalOf(sequence: number, state: RingState): number {
    const behind = (state.sequence - sequence) | 0
    if (behind < 0 || behind >= this.geometry.subBufferCount) {
      throw this.damage(`the reader is ${behind} sub-buffers behind, of ${this.geometry.subBufferCount}`)
    }
    const physical = state.physical - behind
    return physical < 0 ? physical + this.geometry.subBufferCount : physical
  }

  #checked(state: RingState): RingState {
    const { subBufferBytes } = this.geometry
    const fits =
      state.physical >= 0 &&
      state.physical < physicalCount(this.geometry) &&
      state.end >= 0 &&
      state.end <= subBufferBytes
    if (!fits || !Number.isFinite(state.time) || !isCount(state.lost)) {
      throw this.damage(
        `physical sub-buffer ${state.physical}, end ${state.end}, time ${state.time}, lost ${state.lost}`,
      )
    }
    return state
  }

  protected damage(what: string): KymoError {
    return new KymoError('KYMO_RING', `ring ${this.geometry.number} is damaged: ${what}`)
  }

  #loadPosition(): ReaderPosition {
    const selector = (this.#words[SELECTOR_WORD] as number) & 1
    const word = POSITION_BASE_WORD + selector * POSITION_WORDS
    const double = POSITION_BASE_DOUBLE + selector * POSITION_DOUBLES
    const position = {
      packets: this.#doubles[double + POSITION_PACKETS] as number,
      sequence: this.#words[word + POSITION_SEQUENCE] as number,
      offset: this.#words[word + POSITION_OFFSET] as number,
      time: this.#doubles[double + POSITION_TIME] as number,
      lost: this.#doubles[double + POSITION_LOST] as number,
    }
    const { packets, offset, time, lost } = position
    const fits = offset >= 0 && offset <= this.geometry.subBufferBytes
    if (!fits || !isCount(packets) || !isCount(lost) || !Number.isFinite(time)) {
      throw this.damage(`read to ${offset}, packet ${packets}, time ${time}, lost ${lost}`)
    }
    return position
  }

  /** The record first, then its selector, then the space: a consumer may die between any two. */
  #store(position: ReaderPosition): void {
    const selector = ((this.#words[SELECTOR_WORD] as number) & 1) ^ 1
    const word = POSITION_BASE_WORD + selector * POSITION_WORDS
    const double = POSITION_BASE_DOUBLE + selector * POSITION_DOUBLES
    this.#doubles[double + POSITION_PACKETS] = position.packets
    this.#words[word + POSITION_SEQUENCE] = position.sequence
    this.#words[word + POSITION_OFFSET] = position.offset
    this.#doubles[double + POSITION_TIME] = position.time
    this.#doubles[double + POSITION_LOST] = position.lost
    Atomics.store(this.#words, SELECTOR_WORD, selector)
    this.#position = position
    this.free()
  }

  protected free(): void {
    Atomics.store(this.#words, RELEASED_WORD, this.#position.sequence)
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** Counters are for people: a damaged one is shown as none. */
function countOrNone(value: number): number {
  return isCount(value) ? value : 0
}
