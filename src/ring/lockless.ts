/**
 * Any number of threads and processes write into one ring, none waits for another. A record gets its room by one
 * compare-and-swap on the tail, and gives account of it by one addition to the commit counter of its sub-buffer; a
 * reader takes sub-buffers whose counter is complete. The order of LTTng: tail, clock, swap. So times grow with
 * offsets. Whoever fills or leaves a sub-buffer says where it ends before its own addition, which a reader waits for.
 *
 *   tail at        record fits                      a:  tail + size
 *   offset 0       a new sub-buffer, if it is free  b:  tail + size; header: sequence, begin
 *   the end of it  fills it exactly                 c:  tail + size; header: end
 *   else           does not fit                     d:  next sub-buffer + size; end of the old one, and what is left of
 *                                                       it committed; begin of the new one
 */
import { assert, KymoError } from '../base/index.ts'
import {
  classCountersDouble,
  dataOffset,
  HEADER_BEGIN_TIME,
  HEADER_COMMITTED,
  HEADER_DOUBLES,
  HEADER_END,
  HEADER_END_LOST,
  HEADER_END_TIME,
  HEADER_SEQUENCE,
  HEADER_WORDS,
  HEADERS_DOUBLE,
  HEADERS_WORD,
  LAST_HIGH_WORD,
  LAST_LOW_WORD,
  LOSS_BASE_BIGINT,
  LOSS_CAUSES,
  LOSS_FULL,
  LOSS_TOO_BIG,
  lostWithoutLock,
  MAX_WRITERS,
  placesWord,
  RELEASED_WORD,
  type RingGeometry,
  readGeometry,
  sinceEpoch,
  TAIL_WORD,
  WAIT_WORD,
  WRITER_OWNER,
  WRITER_STEPS,
  WRITER_WORDS,
} from './layout.ts'
import type { RecordParts, ReservationText, RingWriter } from './reserve.ts'

const TAIL_MASK = 0x7fffffff
const FIRST_STEP = 2
/** Nanoseconds: half of what a short timestamp reaches. A time that is not the last one's but near is as good. */
const LAST_IS_OLD = 2 ** 26
/** A writer's steps are even between records, odd within one, and come round to FIRST_STEP. */
const STEPS = 2 ** 30
/** What reserveSlow() answers besides an offset and ~cause: another writer was faster; the ring takes no more. */
const AGAIN = -1000
const CLOSED = -1001

/** The words of a lockless ring and what writers and the reader both do with them. */
export class LocklessWords {
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly bigints: BigInt64Array
  readonly geometry: RingGeometry & { readonly epoch: bigint; readonly created: number }
  readonly dataOffset: number
  readonly #bits: number

  constructor(buffer: ArrayBufferLike) {
    const geometry = readGeometry(buffer)
    assert(geometry.reservation === 'lockless', 'the ring is a lockless one')
    this.geometry = geometry
    this.dataOffset = dataOffset(geometry)
    this.words = new Int32Array(buffer, 0, this.dataOffset / 4)
    this.doubles = new Float64Array(buffer, 0, this.dataOffset / 8)
    this.bigints = new BigInt64Array(buffer, 0, this.dataOffset / 8)
    this.#bits = Math.log2(geometry.subBufferBytes)
  }

  /** Of a tail, modulo 2^(31 - bits). */
  sequenceOf(tail: number): number {
    return tail >>> this.#bits
  }

  offsetOf(tail: number): number {
    return tail & (this.geometry.subBufferBytes - 1)
  }

  physicalOf(sequence: number): number {
    return sequence & (this.geometry.subBufferCount - 1)
  }

  /** The tail at the beginning of a sub-buffer. */
  tailOf(sequence: number): number {
    return (sequence << this.#bits) & TAIL_MASK
  }

  /** Sub-buffers from `released` to `sequence`, where one of them is known modulo 2^(31 - bits) alone. */
  distance(sequence: number, released: number): number {
    return (sequence - released) & (TAIL_MASK >>> this.#bits)
  }

  committedWord(physical: number): number {
    return HEADERS_WORD + physical * HEADER_WORDS + HEADER_COMMITTED
  }

  /** Says where the sub-buffer of `sequence` ends. Observable once its commit counter is complete. */
  end(sequence: number, end: number, time: number): void {
    const physical = this.physicalOf(sequence)
    const double = HEADERS_DOUBLE + physical * HEADER_DOUBLES
    this.words[HEADERS_WORD + physical * HEADER_WORDS + HEADER_END] = end
    this.doubles[double + HEADER_END_TIME] = time
    this.doubles[double + HEADER_END_LOST] = this.lost()
  }

  commit(sequence: number, bytes: number): void {
    Atomics.add(this.words, this.committedWord(this.physicalOf(sequence)), bytes)
  }

  lost(): number {
    return LOSS_CAUSES.reduce((sum, _, cause) => sum + lostWithoutLock(this.bigints, cause), 0)
  }

  time(low: number, high: number): number {
    return sinceEpoch(low, high, this.geometry.epoch)
  }
}

export class LocklessWriter implements RingWriter {
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly view: DataView
  readonly bytes: Uint8Array
  /** [1] tail and [3], [4] time of the record that wants room; [5] the sub-buffer in which it got it. */
  readonly own = new Int32Array(8)
  readonly ownDoubles = new Float64Array(1)
  readonly classCounters: number
  readonly classCapacity: number
  readonly created: number
  readonly epoch: bigint
  readonly text: ReservationText
  readonly #shared: LocklessWords
  readonly #wake: () => void
  /** Word of its steps. */
  readonly #place: number

  /** `owner` tells the reader whether this writer still lives. Throws when too many write. */
  constructor(buffer: ArrayBufferLike, owner: number, wake: () => void) {
    const shared = new LocklessWords(buffer)
    const { geometry } = shared
    this.#shared = shared
    this.#wake = wake
    this.words = shared.words
    this.doubles = shared.doubles
    this.view = new DataView(buffer, shared.dataOffset)
    this.bytes = new Uint8Array(buffer, shared.dataOffset)
    this.classCounters = classCountersDouble(geometry)
    this.classCapacity = geometry.classCapacity
    this.created = geometry.created
    this.epoch = geometry.epoch
    this.#place = this.#enter(owner)
    this.text = {
      record: parts => recordText(geometry, this.#place, parts),
      isExact: true,
      functions: {},
      recover: `W[${this.#place}] = W[${this.#place}] & -2;`,
      lose: cause => `lose(${cause});`,
    }
  }

  #enter(owner: number): number {
    const { words, geometry } = this.#shared
    for (let i = 0; i < MAX_WRITERS; i++) {
      const place = placesWord(geometry) + i * WRITER_WORDS + WRITER_STEPS
      if (Atomics.compareExchange(words, place, 0, FIRST_STEP) !== 0) continue
      Atomics.store(words, place - WRITER_STEPS + WRITER_OWNER, owner)
      return place
    }
    throw new KymoError('KYMO_WRITERS', `a lockless ring has at most ${MAX_WRITERS} writers at a time`)
  }

  /** Gives its place to another writer. */
  leave(): void {
    Atomics.store(this.words, this.#place, 0)
  }

  /** All four ways of the picture above, for the tail and the time in `own`. */
  reserveSlow(size: number): number {
    const { words, own } = this
    const shared = this.#shared
    const { subBufferBytes, subBufferCount } = shared.geometry
    if (words[WAIT_WORD] !== 0) this.#wake()
    const tail = own[1] as number
    if (tail < 0) return CLOSED
    if (size > subBufferBytes) return ~LOSS_TOO_BIG
    const offset = shared.offsetOf(tail)
    const leaves = offset !== 0 && offset + size > subBufferBytes
    const sequence = shared.sequenceOf(tail) + (leaves ? 1 : 0)
    const isNew = offset === 0 || leaves
    if (isNew && shared.distance(sequence, Atomics.load(words, RELEASED_WORD)) >= subBufferCount)
      return ~LOSS_FULL
    const begin = isNew ? shared.tailOf(sequence) : tail
    const next = (begin + size) & TAIL_MASK
    if (Atomics.compareExchange(words, TAIL_WORD, tail, next) !== tail) return AGAIN
    const time = shared.time(own[3] as number, own[4] as number)
    if (leaves) {
      shared.end(sequence - 1, offset, time)
      shared.commit(sequence - 1, subBufferBytes - offset)
    }
    if (isNew) {
      const physical = shared.physicalOf(sequence)
      words[HEADERS_WORD + physical * HEADER_WORDS + HEADER_SEQUENCE] = sequence
      this.doubles[HEADERS_DOUBLE + physical * HEADER_DOUBLES + HEADER_BEGIN_TIME] = time
    }
    if (shared.offsetOf(next) === 0) shared.end(sequence, subBufferBytes, time)
    words[LAST_LOW_WORD] = own[3] as number
    words[LAST_HIGH_WORD] = own[4] as number
    own[5] = shared.physicalOf(sequence)
    return shared.physicalOf(sequence) * subBufferBytes + shared.offsetOf(begin)
  }

  lose(cause: number): void {
    this.discard(cause)
  }

  /** False where the ring is closed: then the count stands. */
  discard(cause: number): boolean {
    if (cause === ~CLOSED) return false
    const { bigints } = this.#shared
    for (;;) {
      const count = Atomics.load(bigints, LOSS_BASE_BIGINT + cause)
      if (count < 0n) return false
      if (Atomics.compareExchange(bigints, LOSS_BASE_BIGINT + cause, count, count + 1n) === count) return true
    }
  }

  /** Every record looks at the tail: one that is closed is what tells it. */
  arm(): void {}
}

/** The common way, a, without a call between the swap and the addition; the others through reserveSlow(). */
function recordText(
  { subBufferBytes, subBufferCount }: RingGeometry,
  place: number,
  parts: RecordParts,
): string {
  const bits = Math.log2(subBufferBytes)
  return `
    if (${parts.isStale}) { ${parts.again} }
    const step = W[${place}];
    W[${place}] = step + 1;
    let p = 0, low = 0, high = 0, gl = 0, gh = 0, size = 0, physical = 0, isNear = false;
    for (;;) {
      // An old one only makes the swap fail.
      const tail = W[${TAIL_WORD}];
      gl = W[${LAST_LOW_WORD}]; gh = W[${LAST_HIGH_WORD}];
      ${parts.readClock}
      low = ${parts.low}; high = ${parts.high};
      const offset = tail & ${subBufferBytes - 1};
      physical = tail >>> ${bits} & ${subBufferCount - 1};
      isNear = ${parts.isNear};
      size = (isNear ? ${parts.nearHeaderBytes} : ${parts.maxHeaderBytes}) + ${parts.exactBytes};
      if (offset !== 0 && offset + size < ${subBufferBytes} && tail > 0 && W[${WAIT_WORD}] === 0) {
        if (Atomics.compareExchange(W, ${TAIL_WORD}, tail, tail + size) !== tail) continue;
        if ((low - gl >>> 0) > ${LAST_IS_OLD} || high !== gh) {
          W[${LAST_LOW_WORD}] = low; W[${LAST_HIGH_WORD}] = high;
        }
        p = physical * ${subBufferBytes} + offset;
        break;
      }
      O[1] = tail; O[3] = low; O[4] = high;
      p = reserveSlow(size);
      if (p === ${AGAIN}) continue;
      if (p < 0) { W[${place}] = step; ${parts.discard('~p')} }
      physical = O[5];
      break;
    }
    ${parts.write}
    Atomics.add(W, ${HEADERS_WORD + HEADER_COMMITTED} + physical * ${HEADER_WORDS}, size);
    W[${place}] = step === ${STEPS} ? ${FIRST_STEP} : step + 2;`
}
