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

  /** The part of a reservation that looks at shared words, switches sub-buffers and wakes the reader. */
  reserveSlow(size: number): number
  lose(cause: number): void
  /**
   * lose() for a hit that has begun nothing, as safe from a stop as a record is: false, and nothing counted, when the
   * generation in `words[word]` is no longer the one in `seen[0]`. Calls nothing: it counts with hardly a stack.
   */
  discard(cause: number, words: Int32Array, word: number, seen: Int32Array): boolean
  /** Sends the next record the slow way, where it wakes a reader that sleeps. */
  arm(): void
  /** The same steps as program text, for a compiled probe. */
  readonly text: ReservationText
}

/** A writer whose steps can be made one by one, for probes that are not compiled. */
export interface StepWriter extends RingWriter {
  readonly text: StepText
  /** Room for `size` bytes: its offset, or ~cause where there is none; the caller then calls discard(). */
  reserve(size: number): number
  /** True while a record of this ring is under way: somebody interrupted it. The one that asks is then counted lost. */
  isNested(): boolean
  begin(): void
  /** Takes begin() back. */
  abandon(): void
  /** Publishes a record that ends at `end`; `low` and `high` are the halves of its time, not below the last one. */
  commit(end: number, eventId: number, low: number, high: number): void
}

/** What the text of a recording probe says around and within the reservation. */
export interface RecordParts {
  readonly eventId: number
  /** Expressions: bytes of context and payload, at most and exactly. */
  readonly maxBytes: string
  readonly exactBytes: string
  readonly maxHeaderBytes: number
  /** Expression: the short header will do, for the time in `low` and `high` after that in `gl` and `gh`. */
  readonly isNear: string
  readonly nearHeaderBytes: number
  /** Expression: the generation is not the one that this thread has seen. */
  readonly isStale: string
  /** Begins anew where that is so, and leaves. */
  readonly again: string
  /** What to do without room for the cause that an expression gives; leaves. */
  discard(cause: string): string
  /** Leaves the time in `halves`; `low` and `high` are expressions of it. */
  readonly readClock: string
  readonly low: string
  readonly high: string
  /** Writes at `p` by what `isNear` says, and declares `q`, the end. */
  readonly write: string
}

/**
 * Names in the text: W words, F doubles, V view, U bytes, O own, T ownDoubles, C index in F of class 0's counter, and
 * the functions `reserveSlow` and `lose`. It leaves by `return`.
 */
export interface ReservationText {
  /** The whole of a record. `isBegun` is declared before, and true within what recover() cleans up. */
  record(parts: RecordParts): string
  /** `exactBytes` is what counts: a record takes no more room than it says. */
  readonly isExact: boolean
  /** What the text calls beside `reserveSlow` and `lose`, by name. */
  readonly functions: Readonly<Record<string, unknown>>
  /** What to do after an exception. */
  readonly recover: string
  /** Counts a loss without a call: also where the stack has no room for one. */
  lose(cause: number): string
}

export interface StepText extends ReservationText {
  /**
   * Declares `n`, `m` and `p`. Sizes are expressions; `discard` is what to do without room for the cause that an
   * expression gives, and leaves.
   */
  reserve(maxBytes: string, exactBytes: string, discard: (cause: string) => string): string
  readonly begin: string
  readonly abandon: string
  /** Publishes a record that ends at `q`; its time is in `low` and `high`. */
  commit(eventId: number): string
}
