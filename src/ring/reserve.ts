/**
 * The space-reservation layer: how a writer gets room for a record and makes it visible. A channel
 * chooses the variant before its first record; nothing above asks which one it is.
 */

/** Private words of a writer, in an Int32Array that no other thread sees. */
export const OWN_OFFSET = 0
/** Records may end here without a look at the shared words; 0 sends the next one the slow way. */
export const OWN_LIMIT = 1
export const OWN_COMMITTED = 2
/** Data offset of the current sub-buffer. */
export const OWN_BASE = 3
export const OWN_SEQUENCE = 4
export const OWN_PHYSICAL = 5
/** CLOCK_MONOTONIC of the last record, in halves. */
export const OWN_TIME_LOW = 6
export const OWN_TIME_HIGH = 7
export const OWN_WORDS = 8
/** Private doubles of a writer. */
export const OWN_LOST = 0
export const OWN_DOUBLES = 1

/**
 * How the commit word is stored. `plain` needs a processor that keeps stores in order (x64) and readers
 * that pay for the fence (membarrier); `atomic` is right everywhere and costs about 9 ns more.
 */
export type CommitStore = 'plain' | 'atomic'

/** One thread's end of a ring. Offsets are bytes from the beginning of the sub-buffers. */
export interface RingWriter {
  readonly words: Int32Array
  readonly doubles: Float64Array
  /** Over the sub-buffers. */
  readonly view: DataView
  readonly bytes: Uint8Array
  readonly own: Int32Array
  readonly ownDoubles: Float64Array
  /** Index in `doubles` of the counter of event class 0. */
  readonly classCounters: number
  readonly classCapacity: number
  /** Nanoseconds since the ring's epoch. */
  readonly created: number
  readonly epoch: bigint

  /** True while a record of this ring is under way: somebody interrupted it. The one that asks is then counted lost. */
  isNested(): boolean
  /** Room for `size` bytes: its offset, or ~cause where there is none; the caller then calls discard(). */
  reserve(size: number): number
  /** The part of reserve() that looks at shared words, switches sub-buffers and wakes the reader. */
  reserveSlow(size: number): number
  begin(): void
  /** Takes begin() back. */
  abandon(): void
  /** Publishes a record that ends at `end`; `low` and `high` are the halves of its time, not below the last one. */
  commit(end: number, eventId: number, low: number, high: number): void
  lose(cause: number): void
  /**
   * lose() for a hit that has begun nothing, as safe from a stop as a record is: false, and nothing counted, when the
   * generation in `words[word]` is no longer the one in `seen[0]`. Calls nothing: it counts with hardly a stack.
   */
  discard(cause: number, words: Int32Array, word: number, seen: Int32Array): boolean
  /** Sends the next record the slow way, where it wakes a reader that sleeps. */
  arm(): void

  /**
   * The same steps as program text, for a compiled probe. Names in the text: W words, F doubles,
   * O own, T ownDoubles, and the functions `reserveSlow` and `lose`.
   */
  readonly text: ReservationText
}

export interface ReservationText {
  /**
   * Declares `n`, `m` and `p`. Sizes are expressions; `discard` is what to do without room for the cause that an
   * expression gives, and leaves.
   */
  reserve(maxBytes: string, exactBytes: string, discard: (cause: string) => string): string
  readonly begin: string
  readonly abandon: string
  /** Counts a loss without a call: also where the stack has no room for one. */
  lose(cause: number): string
  /** Publishes a record that ends at `q`; its time is in `low` and `high`. */
  commit(eventId: number): string
}
