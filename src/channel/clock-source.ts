/**
 * Where a record's time comes from: CLOCK_MONOTONIC in nanoseconds. `read` leaves it in `halves`; `text` is the
 * same as a statement of a compiled probe, `after` what that does when the record is committed; both see the
 * names of `constants`.
 */
export interface ClockSource {
  /** The time that was read last, at LOW_HALF and HIGH_HALF. */
  readonly halves: Int32Array
  read(): void
  readonly text: string
  readonly after: string
  /** What `after` does. */
  done(): void
  readonly constants: Readonly<Record<string, unknown>>
}

/** Reads CLOCK_MONOTONIC in nanoseconds: `process.hrtime.bigint` as it was at import. */
export type ReadClock = () => bigint

/** Lower half of a 64-bit word, seen as two of 32 bits. */
export const LOW_HALF = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 0 : 1
export const HIGH_HALF = 1 - LOW_HALF

/**
 * The clock's BigInt goes into a BigUint64Array and comes out as two 32-bit halves: V8 makes a plain 64-bit store of
 * it and no BigInt exists. That is 9 ns less than performance.now(), and exact; one number of both halves would
 * cost 7 ns more, all of which the next reading of the processor's counter waits for.
 */
class ClockCell {
  readonly word = new BigUint64Array(1)
  readonly halves = new Int32Array(this.word.buffer)
}

/** CLOCK_MONOTONIC, read for every record. */
export function monotonicClock(readClock: ReadClock): ClockSource {
  const { word, halves } = new ClockCell()
  return {
    halves,
    read: () => {
      word[0] = readClock()
    },
    text: 'word[0] = readClock();',
    after: '',
    done: () => undefined,
    constants: { readClock, word },
  }
}

/** Events between two readings of the coarse clock, at most. */
const COARSE_EVENTS = 16

/** One reading for up to 16 events of one turn of the event loop, shared by all rings of a thread. */
export function coarseClock(readClock: ReadClock, schedule: (callback: () => void) => void): ClockSource {
  const { word, halves } = new ClockCell()
  /** [0] events until the next reading; [1] not 0 when the end of this turn is to be noticed. */
  const left = new Int32Array(2)
  let isScheduled = false
  const turnEnded = (): void => {
    isScheduled = false
    left[0] = 0
  }
  const tick = (): void => {
    word[0] = readClock()
    left[0] = COARSE_EVENTS - 1
    left[1] = isScheduled ? 0 : 1
  }
  const endOfTurn = (): void => {
    left[1] = 0
    isScheduled = true
    schedule(turnEnded)
  }
  return {
    halves,
    read: () => {
      left[0] = (left[0] as number) - 1
      if ((left[0] as number) < 0) tick()
    },
    text: 'if (--left[0] < 0) tick();',
    after: 'if (left[1] !== 0) endOfTurn();',
    done: () => {
      if (left[1] !== 0) endOfTurn()
    },
    constants: { left, tick, endOfTurn },
  }
}

/** A word more than a second ahead of the clock is a neighbour's mistake, and not followed. */
const MAX_AHEAD_NS = 1_000_000_000n

/**
 * A clock that strictly increases over all threads and processes of a session: the larger of the time and the
 * last stamp plus one, by compare-and-swap on a shared word.
 */
export function globalClock(shared: BigInt64Array, readClock: ReadClock): ClockSource {
  const { word, halves } = new ClockCell()
  const read = (): void => {
    for (;;) {
      const last = Atomics.load(shared, 0)
      const now = readClock()
      const next = last >= now && last - now < MAX_AHEAD_NS ? last + 1n : now
      if (Atomics.compareExchange(shared, 0, last, next) === last) {
        word[0] = next
        return
      }
    }
  }
  return {
    halves,
    read,
    text: 'globalRead();',
    after: '',
    done: () => undefined,
    constants: { globalRead: read },
  }
}
