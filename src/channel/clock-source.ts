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

/** `now` is performance.now as it was at import, `base` what to add to its nanoseconds. */
export function monotonicClock(now: () => number, receiver: object, base: number): ClockSource {
  return {
    read: () => now.call(receiver) * 1e6 + base,
    text: 'now.call(receiver) * 1e6 + base',
    after: '',
    done: () => undefined,
    constants: { now, receiver, base },
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
  constructor(now: () => number, receiver: object, schedule: (callback: () => void) => void) {
    const { left, time } = this
    let isScheduled = false
    const turnEnded = (): void => {
      isScheduled = false
      left[0] = 0
    }
    this.tick = () => {
      time[0] = now.call(receiver) * 1e6
      left[0] = COARSE_EVENTS - 1
      left[1] = isScheduled ? 0 : 1
    }
    this.endOfTurn = () => {
      left[1] = 0
      isScheduled = true
      schedule(turnEnded)
    }
  }

  source(base: number): ClockSource {
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
export function globalClock(shared: BigInt64Array, monotonicNs: () => bigint, epoch: bigint): ClockSource {
  const read = (): number => {
    for (;;) {
      const last = Atomics.load(shared, 0)
      const now = monotonicNs()
      const next = last >= now && last - now < MAX_AHEAD_NS ? last + 1n : now
      if (Atomics.compareExchange(shared, 0, last, next) === last) return Number(next - epoch)
    }
  }
  return { read, text: 'globalRead()', after: '', done: () => undefined, constants: { globalRead: read } }
}
