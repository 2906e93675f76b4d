/**
 * Every offset, width and bit of the memory that a writer, a reader and a crash tool share. Nobody else
 * has a number. A change here raises LAYOUT_VERSION and gets a line in docs/CHANGELOG-formats.md.
 *
 *   byte   0  ┌──────────────────────────────────────────────────────────────┐
 *             │ identity: written once, before the file gets its name        │
 *         128 ├──────────────────────────────────────────────────────────────┤
 *             │ writer: committed, begun                                     │ one cache line
 *         192 ├──────────────────────────────────────────────────────────────┤
 *             │ 16 slots of 32 bytes: the state after record n in n mod 16   │ writer
 *         704 ├──────────────────────────────────────────────────────────────┤
 *             │ losses by cause, f64 each                                    │ writer
 *         768 ├──────────────────────────────────────────────────────────────┤
 *             │ reader: released, wait                                       │ one cache line
 *         832 ├──────────────────────────────────────────────────────────────┤
 *             │ consumer: selector, two position records of 64 bytes         │ consumer
 *        1024 ├──────────────────────────────────────────────────────────────┤
 *             │ a 64-byte header for each sub-buffer                         │ writer
 *             ├──────────────────────────────────────────────────────────────┤
 *             │ overwrite mode: which sub-buffer is where, a word each       │ both
 *             │ lockless: 64 bytes for each of 64 writers                    │ writers
 *             ├──────────────────────────────────────────────────────────────┤
 *             │ records by event class, f64 each                             │ writer
 *             ├──────────────────────────────────────────────────────────────┤ page boundary
 *             │ sub-buffers                                                  │
 *             └──────────────────────────────────────────────────────────────┘
 *
 * Words are 32-bit integers, times and counts IEEE doubles (nanoseconds since the ring's epoch; a slot's time is two
 * words), all in the byte order of the machine, all naturally aligned. Offsets named `…_WORD` index an Int32Array
 * over the header, `…_DOUBLE` a Float64Array.
 */
import { alignUp, assert, KymoError } from '../base/index.ts'

/** "KYMR" */
export const RING_MAGIC = 0x4b594d52
/** Of everything that two processes share in memory: rings and control files. */
export const LAYOUT_VERSION = 2

export const PAGE_BYTES = 4096
export const MIN_SUB_BUFFER_BYTES = 4096
/** A record's end is kept in 31 bits of data offset. */
export const MAX_DATA_BYTES = 2 ** 30
export const MIN_SUB_BUFFERS = 2
export const MAX_SUB_BUFFERS = 256

/**
 * What happens when the ring is full: the newest record is lost (`discard`), or the oldest sub-buffer is written
 * over (`overwrite`, a flight recorder).
 */
export const RING_MODES = ['discard', 'overwrite'] as const
export type RingMode = (typeof RING_MODES)[number]

/**
 * Who may write: one thread (`single`), any number without a lock (`lockless`: whole sub-buffers are read), or any
 * number that take a lock (`locked`).
 */
export const RESERVATIONS = ['single', 'lockless', 'locked'] as const
export type Reservation = (typeof RESERVATIONS)[number]
/** A lockless position keeps offset and sequence in 31 bits: enough sequences to tell laps apart. */
export const MAX_LOCKLESS_SUB_BUFFER_BYTES = 2 ** 21

export const MAGIC_WORD = 0
export const VERSION_WORD = 1
export const DATA_OFFSET_WORD = 2
export const SUB_BUFFER_BYTES_WORD = 3
export const SUB_BUFFER_COUNT_WORD = 4
export const CLASS_CAPACITY_WORD = 5
/** The ring's number in its channel: the stream instance. */
export const RING_NUMBER_WORD = 6
/** The thread that writes now (a ring is lent to one thread after another). */
export const OWNER_WORD = 7
/** Threads that have written, one after the other. */
export const OWNERS_WORD = 12
/** Index in RING_MODES. */
export const MODE_WORD = 13
export const SPARES_WORD = 14
/** Index in RESERVATIONS. */
export const RESERVATION_WORD = 15
/** Lower and upper half of the epoch: CLOCK_MONOTONIC in ns, a multiple of 2³². */
export const EPOCH_LOW_WORD = 8
export const EPOCH_HIGH_WORD = 9
export const CREATED_DOUBLE = 5

/** Records committed, modulo 2³²: storing it is the commit. */
export const COMMITTED_WORD = 32
/** committed + 1 while a record is under way. */
export const BEGUN_WORD = 33
/** Lockless: sequence × sub-buffer size + offset in 31 bits; negative when the ring takes no more records. */
export const TAIL_WORD = 34
/** Lockless: time of a record that is not later than the last one reserved. */
export const LAST_LOW_WORD = 35
export const LAST_HIGH_WORD = 36
/** Locked: 0, or 1 while somebody writes. */
export const LOCK_WORD = 37

export const SLOTS = 16
export const SLOT_BASE_WORD = 48
export const SLOT_WORDS = 8
export const SLOT_SEQUENCE = 0
/** Bytes used of the sub-buffer. */
export const SLOT_END = 1
export const SLOT_PHYSICAL = 2
export const SLOT_BASE_DOUBLE = SLOT_BASE_WORD / 2
export const SLOT_DOUBLES = SLOT_WORDS / 2
/** CLOCK_MONOTONIC of the record: lower and upper half, so that the writer needs no arithmetic but of integers. */
export const SLOT_TIME_LOW = 4
export const SLOT_TIME_HIGH = 5
/** Records lost before it. */
export const SLOT_LOST = 3
/** A reader accepts a slot if the writer went on by at most so many records meanwhile. */
export const SLOT_SAFE_DISTANCE = SLOTS - 2

export const LOSS_BASE_DOUBLE = 88
/** 64-bit counters of what is lost without a lock; negative when they count no more. */
export const LOSS_BASE_BIGINT = 92
/** Why a record was not kept, in the order of their counters. */
export const LOSS_CAUSES = ['full', 'too big', 'nested', 'bad value'] as const
export type LossCause = (typeof LOSS_CAUSES)[number]
export const LOSS_FULL = 0
export const LOSS_TOO_BIG = 1
export const LOSS_NESTED = 2
export const LOSS_BAD_VALUE = 3

/** Sequence of the oldest sub-buffer that the reader still needs. */
export const RELEASED_WORD = 192
/** Not 0: the reader is asleep and wants a byte in its FIFO. */
export const WAIT_WORD = 193

export const SELECTOR_WORD = 208
export const POSITION_BASE_WORD = 224
export const POSITION_WORDS = 16
export const POSITION_SEQUENCE = 0
export const POSITION_OFFSET = 1
export const POSITION_BASE_DOUBLE = POSITION_BASE_WORD / 2
export const POSITION_DOUBLES = POSITION_WORDS / 2
export const POSITION_PACKETS = 1
export const POSITION_TIME = 2
export const POSITION_LOST = 3

export const HEADERS_WORD = 256
export const HEADER_WORDS = 16
export const HEADER_SEQUENCE = 0
/** In overwrite mode, of a sub-buffer that was never written: far from any that a reader looks for at first. */
const NO_SEQUENCE = -(2 ** 31)
/** Bytes used; valid once a record of a later sub-buffer is committed. */
export const HEADER_END = 1
/** Lockless: bytes committed in all laps, modulo 2³². A sub-buffer is complete at (lap + 1) × its size. */
export const HEADER_COMMITTED = 2
export const HEADERS_DOUBLE = HEADERS_WORD / 2
export const HEADER_DOUBLES = HEADER_WORDS / 2
export const HEADER_BEGIN_TIME = 2
export const HEADER_END_TIME = 3
export const HEADER_END_LOST = 4
/** Records before its first one, since the ring was made. */
export const HEADER_FIRST_RECORD = 5

/** A word of the table: the physical id of the sub-buffer at a position, who may take it, and its lap. */
export const PLACE_PHYSICAL = 0x3ff
/** The writer is not in it: a reader may exchange it for one of its own. */
export const PLACE_FREE = 0x400
export const PLACE_LAP_SHIFT = 11

/** Threads that may write into a lockless ring at a time; each has a cache line. */
export const MAX_WRITERS = 64
export const WRITER_WORDS = 16
/** 0 while nobody has it; even: within no record; odd: within one. */
export const WRITER_STEPS = 0
export const WRITER_OWNER = 1

export interface RingGeometry {
  readonly subBufferBytes: number
  readonly subBufferCount: number
  /** Event classes that are counted one by one; those above share the last counter. */
  readonly classCapacity: number
  /** `discard` where nothing is said. */
  readonly mode?: RingMode
  /** Sub-buffers beside those of the ring, for a reader to exchange: in overwrite mode, 0 where nothing is said. */
  readonly spareCount?: number
  /** `single` where nothing is said. */
  readonly reservation?: Reservation
}

const PARTS: readonly (readonly [name: string, startWord: number, words: number])[] = [
  ['identity', 0, 32],
  ['writer', COMMITTED_WORD, 16],
  ['slots', SLOT_BASE_WORD, SLOTS * SLOT_WORDS],
  ['losses', LOSS_BASE_DOUBLE * 2, 16],
  ['reader', RELEASED_WORD, 16],
  ['selector', SELECTOR_WORD, 16],
  ['positions', POSITION_BASE_WORD, 2 * POSITION_WORDS],
]
for (const [index, [name, start, words]] of PARTS.entries()) {
  const next = PARTS[index + 1]?.[1] ?? HEADERS_WORD
  assert(start + words === next && start % 16 === 0, `${name} fills whole cache lines up to the next part`)
}

/** Sub-buffers in memory. */
export function physicalCount({ subBufferCount, spareCount = 0 }: RingGeometry): number {
  return subBufferCount + spareCount
}

/** Index in the words of the table of positions, or of the writers. */
export function placesWord(geometry: RingGeometry): number {
  return HEADERS_WORD + physicalCount(geometry) * HEADER_WORDS
}

/** The word of a table: lap and position follow from the sub-buffer's sequence; the count is a power of two. */
export function placeWord(physical: number, sequence: number, subBufferCount: number): number {
  return (Math.floor((sequence >>> 0) / subBufferCount) << PLACE_LAP_SHIFT) | PLACE_FREE | physical
}

/** Index in the doubles of the counter of event class 0. */
export function classCountersDouble(geometry: RingGeometry): number {
  const places = geometry.mode === 'overwrite' ? alignUp(geometry.subBufferCount, 16) : 0
  const writers = geometry.reservation === 'lockless' ? MAX_WRITERS * WRITER_WORDS : 0
  return (placesWord(geometry) + places + writers) / 2
}

/** The time of a slot or writer, in ns since the ring's epoch (whose lower half is 0). */
export function sinceEpoch(low: number, high: number, epoch: bigint): number {
  return (high - Number(epoch >> 32n)) * 2 ** 32 + (low >>> 0)
}

/** Records lost without a lock, from the ring's memory seen as 64-bit words; a closed counter keeps its count. */
export function lostWithoutLock(bigints: BigInt64Array, cause: number): number {
  return Number(BigInt.asUintN(63, Atomics.load(bigints, LOSS_BASE_BIGINT + cause)))
}

/** Where the sub-buffers begin. */
export function dataOffset(geometry: RingGeometry): number {
  return alignUp((classCountersDouble(geometry) + geometry.classCapacity) * 8, PAGE_BYTES)
}

export function ringBytes(geometry: RingGeometry): number {
  return dataOffset(geometry) + geometry.subBufferBytes * physicalCount(geometry)
}

/** Says what is wrong with the sizes a user asked for, or `undefined`. */
export function geometryProblem(geometry: RingGeometry): string | undefined {
  const { subBufferBytes: bytes, subBufferCount: count, mode = 'discard', spareCount = 0 } = geometry
  const { reservation = 'single' } = geometry
  if (!Number.isInteger(bytes) || bytes < MIN_SUB_BUFFER_BYTES || bytes % PAGE_BYTES !== 0) {
    return `a sub-buffer has a multiple of ${PAGE_BYTES} bytes: got ${bytes}`
  }
  if (!Number.isInteger(count) || count < MIN_SUB_BUFFERS || count > MAX_SUB_BUFFERS) {
    return `a ring has ${MIN_SUB_BUFFERS} to ${MAX_SUB_BUFFERS} sub-buffers: got ${count}`
  }
  if (!RING_MODES.includes(mode)) return `a ring's mode is ${RING_MODES.join(' or ')}: got ${mode}`
  if (mode === 'overwrite' && (count & (count - 1)) !== 0) {
    return `a ring that is written over has a power of two of sub-buffers: got ${count}`
  }
  if (!RESERVATIONS.includes(reservation)) {
    return `a ring's reservation is ${RESERVATIONS.join(', ')}: got ${reservation}`
  }
  if (reservation === 'lockless') {
    const isPower = ((bytes & (bytes - 1)) | (count & (count - 1))) === 0
    if (!isPower || bytes > MAX_LOCKLESS_SUB_BUFFER_BYTES) {
      const most = MAX_LOCKLESS_SUB_BUFFER_BYTES
      return `a lockless ring has powers of two up to ${most} bytes: got ${count} sub-buffers of ${bytes}`
    }
    if (mode === 'overwrite')
      return 'a lockless ring is not written over: nobody could say who leaves a sub-buffer'
  }
  const mostSpares = mode === 'overwrite' ? count : 0
  if (!Number.isInteger(spareCount) || spareCount < 0 || spareCount > mostSpares) {
    return `a ring of ${count} sub-buffers in ${mode} mode has 0 to ${mostSpares} spare ones: got ${spareCount}`
  }
  if (bytes * (count + spareCount) > MAX_DATA_BYTES) {
    return `a ring has at most ${MAX_DATA_BYTES} bytes: got ${count + spareCount} sub-buffers of ${bytes}`
  }
  return undefined
}

export interface RingIdentity {
  readonly number: number
  /** CLOCK_MONOTONIC in ns, a multiple of 2³². */
  readonly epoch: bigint
  /** Nanoseconds since the epoch. */
  readonly created: number
}

/** Writes the identity of a new ring into zeroed memory. */
export function formatRing(buffer: ArrayBufferLike, geometry: RingGeometry, identity: RingIdentity): void {
  const words = new Int32Array(buffer, 0, HEADERS_WORD)
  const doubles = new Float64Array(buffer, 0, HEADERS_DOUBLE + HEADER_DOUBLES)
  words[VERSION_WORD] = LAYOUT_VERSION
  words[DATA_OFFSET_WORD] = dataOffset(geometry)
  words[SUB_BUFFER_BYTES_WORD] = geometry.subBufferBytes
  words[SUB_BUFFER_COUNT_WORD] = geometry.subBufferCount
  words[CLASS_CAPACITY_WORD] = geometry.classCapacity
  words[RING_NUMBER_WORD] = identity.number
  words[MODE_WORD] = RING_MODES.indexOf(geometry.mode ?? 'discard')
  words[SPARES_WORD] = geometry.spareCount ?? 0
  words[RESERVATION_WORD] = RESERVATIONS.indexOf(geometry.reservation ?? 'single')
  words[EPOCH_LOW_WORD] = Number(BigInt.asIntN(32, identity.epoch))
  words[EPOCH_HIGH_WORD] = Number(BigInt.asIntN(32, identity.epoch >> 32n))
  const created = identity.epoch + BigInt(Math.trunc(identity.created))
  words[SLOT_BASE_WORD + SLOT_TIME_LOW] = Number(BigInt.asIntN(32, created))
  words[SLOT_BASE_WORD + SLOT_TIME_HIGH] = Number(BigInt.asIntN(32, created >> 32n))
  words[LAST_LOW_WORD] = words[SLOT_BASE_WORD + SLOT_TIME_LOW] as number
  words[LAST_HIGH_WORD] = words[SLOT_BASE_WORD + SLOT_TIME_HIGH] as number
  doubles[CREATED_DOUBLE] = identity.created
  doubles[POSITION_BASE_DOUBLE + POSITION_TIME] = identity.created
  doubles[HEADERS_DOUBLE + HEADER_BEGIN_TIME] = identity.created
  if (geometry.mode === 'overwrite') formatPlaces(buffer, geometry)
  words[MAGIC_WORD] = RING_MAGIC
}

/** The writer is at position 0; at the others lies what no lap has written, in sub-buffers that say so. */
function formatPlaces(buffer: ArrayBufferLike, geometry: RingGeometry): void {
  const words = new Int32Array(buffer, 0, placesWord(geometry))
  for (let i = 1; i < physicalCount(geometry); i++) {
    words[HEADERS_WORD + i * HEADER_WORDS + HEADER_SEQUENCE] = NO_SEQUENCE
  }
  const places = new Int32Array(buffer, placesWord(geometry) * 4, geometry.subBufferCount)
  for (let i = 1; i < places.length; i++) places[i] = placeWord(i, -1, 1)
}

/** Reads what formatRing() wrote; refuses memory that is no ring of this layout, or lies about its size. */
export function readGeometry(buffer: ArrayBufferLike): Required<RingGeometry> & RingIdentity {
  if (buffer.byteLength < HEADERS_WORD * 4) {
    throw new KymoError(
      'KYMO_RING',
      `a ring has at least ${HEADERS_WORD * 4} bytes: got ${buffer.byteLength}`,
    )
  }
  const words = new Int32Array(buffer, 0, HEADERS_WORD)
  const word = (index: number): number => (words[index] as number) >>> 0
  if (word(MAGIC_WORD) !== RING_MAGIC) {
    throw new KymoError('KYMO_RING', `a ring begins with ${RING_MAGIC}: got ${word(MAGIC_WORD)}`)
  }
  if (word(VERSION_WORD) !== LAYOUT_VERSION) {
    throw new KymoError(
      'KYMO_LAYOUT',
      `ring layout ${LAYOUT_VERSION} is needed: the ring has ${word(VERSION_WORD)}`,
    )
  }
  const geometry = {
    subBufferBytes: word(SUB_BUFFER_BYTES_WORD),
    subBufferCount: word(SUB_BUFFER_COUNT_WORD),
    classCapacity: word(CLASS_CAPACITY_WORD),
    mode: RING_MODES[word(MODE_WORD)] ?? (`number ${word(MODE_WORD)}` as RingMode),
    spareCount: word(SPARES_WORD),
    reservation: RESERVATIONS[word(RESERVATION_WORD)] ?? (`number ${word(RESERVATION_WORD)}` as Reservation),
  }
  const problem = geometryProblem(geometry)
  if (problem !== undefined) throw new KymoError('KYMO_RING', problem)
  if (ringBytes(geometry) !== buffer.byteLength) {
    throw new KymoError(
      'KYMO_RING',
      `the ring's sizes need ${ringBytes(geometry)} bytes: got ${buffer.byteLength}`,
    )
  }
  if (dataOffset(geometry) !== word(DATA_OFFSET_WORD)) {
    throw new KymoError(
      'KYMO_RING',
      `the ring has its sub-buffers at ${dataOffset(geometry)}: it says ${word(DATA_OFFSET_WORD)}`,
    )
  }
  return {
    ...geometry,
    number: word(RING_NUMBER_WORD),
    epoch: (BigInt(words[EPOCH_HIGH_WORD] as number) << 32n) | BigInt(word(EPOCH_LOW_WORD)),
    created: new Float64Array(buffer, 0, HEADERS_DOUBLE)[CREATED_DOUBLE] as number,
  }
}
