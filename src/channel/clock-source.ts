/**
 * Where a record's time comes from, in nanoseconds since the ring's epoch. `text` is the expression of a
 * compiled probe, `after` what it does when the record is committed; both see the names of `constants`.
 */
export interface ClockSource {
  read(): number
  readonly text: string
  readonly after: string
  /** What `after` does. */
  done(): void
  readonly constants: Readonly<Record<string, unknown>>
}

/** Reads CLOCK_MONOTONIC in nanoseconds: `process.hrtime.bigint` as it was at import. */
export type ReadClock = () => bigint

/** Lower half of a 64-bit word, seen as two of 32 bits. */
const LOW_HALF = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 0 : 1
const HIGH_HALF = 1 - LOW_HALF

/**
 * The clock's BigInt goes into a BigUint64Array and comes out as two 32-bit halves: V8 makes a plain 64-bit store of
 * it and no BigInt exists. That is 9 ns less than performance.now(), and exact.
 */
class ClockCell {
  readonly word = new BigUint64Array(1)
  readonly halves = new Uint32Array(this.word.buffer)
}

/** Nanoseconds since an epoch whose lower half is 0. */
function readInto({ word, halves }: ClockCell, readClock: ReadClock, epochHigh: number): number {
  word[0] = readClock()
  return ((halves[HIGH_HALF] as number) - epochHigh) * 4294967296 + (halves[LOW_HALF] as number)
}

/** CLOCK_MONOTONIC, read for every record. */
export function monotonicClock(readClock: ReadClock, epoch: bigint): ClockSource {
  const cell = new ClockCell()
  const epochHigh = Number(epoch >> 32n)
  return {
    read: () => readInto(cell, readClock, epochHigh),
    text: `(word[0] = readClock(), (halves[${HIGH_HALF}] - ${epochHigh}) * 4294967296 + halves[${LOW_HALF}])`,
    after: '',
    done: () => undefined,
    constants: { readClock, word: cell.word, halves: cell.halves },
  }
}

/** Events between two readings of the coarse clock, at most. */
const COARSE_EVENTS = 16

/**
 * One reading for up to 16 events of one turn of the event loop. Shared by all rings of a thread; each adds
 * its own base.
 */
export class CoarseTime {
  /** [0] events until the next reading; [1] not 0 when the end of this turn is to be noticed. */
  readonly left = new Int32Array(2)
  readonly time = new Float64Array(1)
  readonly tick: () => void
  readonly endOfTurn: () => void

  /** `schedule` calls back when this turn of the event loop is over, without keeping the program alive. */
  constructor(readClock: ReadClock, schedule: (callback: () => void) => void) {
    const { left, time } = this
    const cell = new ClockCell()
    let isScheduled = false
    const turnEnded = (): void => {
      isScheduled = false
      left[0] = 0
    }
    this.tick = () => {
      time[0] = readInto(cell, readClock, 0)
      left[0] = COARSE_EVENTS - 1
      left[1] = isScheduled ? 0 : 1
    }
    this.endOfTurn = () => {
      left[1] = 0
      isScheduled = true
      schedule(turnEnded)
    }
  }

  source(epoch: bigint): ClockSource {
    const base = -Number(epoch >> 32n) * 4294967296
    const { left, time, tick, endOfTurn } = this
    return {
      read: () => {
        if (--(left as unknown as [number])[0] < 0) tick()
        return (time[0] as number) + base
      },
      text: '(--left[0] < 0 ? (tick(), time[0]) : time[0]) + base',
      after: 'if (left[1] !== 0) endOfTurn();',
      done: () => {
        if (left[1] !== 0) endOfTurn()
      },
      constants: { left, time, tick, endOfTurn, base },
    }
  }
}

/** A word more than a second ahead of the clock is a neighbour's mistake, and not followed. */
const MAX_AHEAD_NS = 1_000_000_000n

/**
 * A clock that strictly increases over all threads and processes of a session: the larger of the time and the
 * last stamp plus one, by compare-and-swap on a shared word.
 */
export function globalClock(shared: BigInt64Array, readClock: ReadClock, epoch: bigint): ClockSource {
  const read = (): number => {
    for (;;) {
      const last = Atomics.load(shared, 0)
      const now = readClock()
      const next = last >= now && last - now < MAX_AHEAD_NS ? last + 1n : now
      if (Atomics.compareExchange(shared, 0, last, next) === last) return Number(next - epoch)
    }
  }
  return { read, text: 'globalRead()', after: '', done: () => undefined, constants: { globalRead: read } }
}
