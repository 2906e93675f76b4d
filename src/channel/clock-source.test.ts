import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  type ClockSource,
  coarseClock,
  globalClock,
  HIGH_HALF,
  LOW_HALF,
  monotonicClock,
} from './clock-source.ts'
import { EPOCH, MAKER_NAMES, Recording } from './recording.contract.ts'

/** A clock that counts its readings, and an event loop whose turns end when told to. */
class FakeThread {
  readings = 0
  /** Since the epoch of the recordings. */
  nanoseconds = 0
  readonly scheduled: (() => void)[] = []
  readonly readClock = (): bigint => {
    this.readings++
    return EPOCH + BigInt(this.nanoseconds)
  }

  readonly schedule = (callback: () => void): void => void this.scheduled.push(callback)

  endTurn(): void {
    for (const callback of this.scheduled.splice(0)) callback()
  }
}

/** What a reading leaves in the halves. */
function readingOf(clock: ClockSource): bigint {
  clock.read()
  const half = (index: number): bigint => BigInt((clock.halves[index] as number) >>> 0)
  return (half(HIGH_HALF) << 32n) | half(LOW_HALF)
}

function times(recording: Recording): number[] {
  return recording.take().map(({ time }) => Number(time - EPOCH))
}

for (const maker of MAKER_NAMES) {
  test(`${maker}: monotonic is read for each record, and exact beyond 32 bits`, () => {
    const readings = [1, 2 ** 32 - 1, 2 ** 32, 2 ** 48 + 12345]
    const left = readings.map(BigInt)
    const readClock = (): bigint => EPOCH + (left.shift() as bigint)
    const recording = new Recording({ maker, clock: monotonicClock(readClock) })
    const { run } = recording.recorder(['i32'])
    for (const reading of readings) run(reading % 2)
    assert.deepEqual(times(recording), readings)
  })

  test(`${maker}: monotonic after 292 years, when a signed word ends`, () => {
    assert.equal(readingOf(monotonicClock(() => 2n ** 63n + 5n)), 2n ** 63n + 5n)
  })

  test(`${maker}: coarse is read once for 16 events`, () => {
    const thread = new FakeThread()
    const coarse = coarseClock(thread.readClock, thread.schedule)
    const recording = new Recording({ maker, clock: coarse })
    const { run } = recording.recorder(['i32'])
    for (let i = 0; i < 40; i++) {
      thread.nanoseconds = i * 1_000_000
      run(i)
    }
    const expected = Array.from({ length: 40 }, (_, i) => (i - (i % 16)) * 1e6)
    assert.deepEqual(times(recording), expected)
    assert.deepEqual([thread.readings, thread.scheduled.length], [3, 1])
  })

  test(`${maker}: coarse is read anew in the next turn of the event loop`, () => {
    const thread = new FakeThread()
    const coarse = coarseClock(thread.readClock, thread.schedule)
    const recording = new Recording({ maker, clock: coarse })
    const { run } = recording.recorder(['i32'])
    for (let turn = 1; turn <= 5; turn++) {
      thread.nanoseconds = turn
      run(1)
      run(2)
      thread.endTurn()
    }
    assert.deepEqual(times(recording), [1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
    assert.equal(thread.readings, 5)
  })

  test(`${maker}: the rings of a thread share one coarse time`, () => {
    const thread = new FakeThread()
    const coarse = coarseClock(thread.readClock, thread.schedule)
    const recordings = [0, 1].map(() => new Recording({ maker, clock: coarse }))
    const runs = recordings.map(recording => recording.recorder(['i32']).run)
    for (let i = 0; i < 32; i++) {
      thread.nanoseconds = i
      runs[i % 2]?.(i)
    }
    const expected = [...Array(8).fill(0), ...Array(8).fill(16)]
    assert.deepEqual(recordings.map(times), [expected, expected])
    assert.equal(thread.readings, 2)
  })

  test(`${maker}: global stamps of two interleaved rings are all different, and in order`, () => {
    const shared = new BigInt64Array(new SharedArrayBuffer(8))
    const now = EPOCH + 1000n
    const recordings = [0, 1].map(() => new Recording({ maker, clock: globalClock(shared, () => now) }))
    const runs = recordings.map(recording => recording.recorder(['i32']).run)
    for (let i = 0; i < 20; i++) runs[i % 3 === 0 ? 1 : 0]?.(i)
    const stamps = recordings.flatMap(recording =>
      recording.take().map(({ time, values }) => [time, values[0]]),
    )
    const inOrder = stamps.sort((a, b) => (a[1] as number) - (b[1] as number)).map(([time]) => time)
    assert.deepEqual(
      inOrder,
      Array.from({ length: 20 }, (_, i) => now + BigInt(i)),
    )
  })
}

test('global follows the clock when it goes on', () => {
  const shared = new BigInt64Array(1)
  const clock = { now: 0n }
  const source = globalClock(shared, () => clock.now)
  const readings = [200n, 200n, 201n, 202n, 150n, 300n].map(now => {
    clock.now = now
    return readingOf(source)
  })
  assert.deepEqual(readings, [200n, 201n, 202n, 203n, 204n, 300n])
  assert.equal(shared[0], 300n)
})

const SECOND = 1_000_000_000n
const AHEAD: readonly (readonly [word: bigint, next: bigint])[] = [
  [4999n, 5000n],
  [5000n, 5001n],
  [5000n + SECOND - 1n, 5000n + SECOND],
  [5000n + SECOND, 5000n],
  [2n ** 62n, 5000n],
  [-1n, 5000n],
]

for (const [word, next] of AHEAD) {
  test(`global at 5000 ns after a word of ${word}`, () => {
    const shared = BigInt64Array.of(word)
    assert.equal(readingOf(globalClock(shared, () => 5000n)), next)
    assert.equal(shared[0], next)
  })
}

test('global takes the word again when another thread was faster', () => {
  const shared = BigInt64Array.of(0n)
  const others = [10n, 20n, 30n]
  const now = (): bigint => {
    const other = others.shift()
    if (other !== undefined) shared[0] = other
    return 15n
  }
  assert.equal(readingOf(globalClock(shared, now)), 31n)
  assert.equal(shared[0], 31n)
})

test('global strictly increases over any interleaving', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.boolean()), { maxLength: 100 })
  const property = fc.property(steps, list => {
    const shared = new BigInt64Array(1)
    const clock = { now: 1000n }
    const readers = [0, 1].map(() => globalClock(shared, () => clock.now))
    const stamps = list.map(([step, which]) => {
      clock.now += BigInt(step)
      return readingOf(readers[which ? 1 : 0] as ClockSource)
    })
    const increases = stamps.slice(1).map((stamp, i) => stamp > (stamps[i] as bigint))
    assert.equal(increases.includes(false), false)
  })
  fc.assert(property, { seed: 10, numRuns: 200 })
})
