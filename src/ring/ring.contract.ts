/**
 * What a ring in discard mode promises, whatever its memory, however commits are stored, and whether records
 * are written by calls or by compiled text. In the pictures a column is a sub-buffer of 4096 bytes, `▓` is data,
 * `w` where the writer is, `r` where the reader is.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type CommitStore, LOSS_BAD_VALUE, type Piece, RingReader, SingleWriter } from './index.ts'
import { type Memory, makeRing } from './testing/memory.contract.ts'
import {
  assertRecords,
  type By,
  COMMITTED,
  LEAST_RECORD_BYTES,
  LOST,
  makeProbe,
  OWNER,
  type ProbeOptions,
  timeOf,
  type WriteRecord,
} from './testing/record.contract.ts'

export const SUB_BUFFER_BYTES = 4096
export const CLASS_CAPACITY = 4
/** Four of them fill a sub-buffer. */
const QUARTER = SUB_BUFFER_BYTES / 4

export interface Variant {
  readonly memory: Memory
  readonly commitStore: CommitStore
  readonly by: By
}

export function describeVariant({ memory, commitStore, by }: Variant): string {
  return `${memory}, ${commitStore} commits, written by ${by}`
}

/** One ring with its writer and reader; attempts are numbered from 1. */
export class RingUnderTest {
  readonly written: ArrayBufferLike
  readonly read: ArrayBufferLike
  readonly variant: Variant
  writer: SingleWriter
  reader: RingReader
  attempts = 0
  /** Records committed at each wake-up. */
  readonly wakes: number[] = []
  #probe: WriteRecord

  constructor(
    t: TestContext,
    variant: Variant,
    prepare?: (buffer: ArrayBufferLike) => void,
    subBufferCount = 2,
  ) {
    const geometry = { subBufferBytes: SUB_BUFFER_BYTES, subBufferCount, classCapacity: CLASS_CAPACITY }
    const { written, read } = makeRing(t, variant.memory, geometry)
    prepare?.(written)
    this.written = written
    this.read = read
    this.variant = variant
    this.writer = this.#newWriter(OWNER)
    this.reader = new RingReader(read)
    this.#probe = this.probe()
  }

  probe(options: ProbeOptions = {}): WriteRecord {
    return makeProbe(this.writer, this.variant.by, options)
  }

  write(size: number, probe = this.#probe): boolean {
    return probe(++this.attempts, size) === COMMITTED
  }

  /** A record that is lost before a byte of it is written. */
  lose(): void {
    this.attempts++
    this.writer.lose(LOSS_BAD_VALUE)
  }

  fill(subBuffers: number): void {
    for (let i = 0; i < 4 * subBuffers; i++) assert.equal(this.write(QUARTER), true)
  }

  /** Another thread takes the ring over. */
  takeOver(owner: number): void {
    this.writer = this.#newWriter(owner)
    this.#probe = this.probe()
  }

  reopen(): void {
    this.reader = new RingReader(this.read)
  }

  take(depth: 'complete' | 'partial'): Piece {
    const piece = this.reader.next(depth)
    assert(piece !== undefined, `nothing ${depth} to take`)
    return piece
  }

  release(piece: Piece): void {
    this.reader.release(piece, this.reader.position.packets + 1, piece.lost)
  }

  #newWriter(owner: number): SingleWriter {
    return new SingleWriter(this.written, owner, this.variant.commitStore, () => {
      this.wakes.push(this.writer.own[2] as number)
    })
  }
}

export function assertPiece(
  piece: Piece,
  wanted: {
    numbers: readonly number[]
    sequence: number
    end: number
    isLast: boolean
    attempt: number
    lost: number
  },
): void {
  const { numbers, attempt, ...rest } = wanted
  assert.deepEqual(
    assertRecords(piece.bytes).map(record => record.number),
    numbers,
  )
  const { sequence, end, isLast, time, lost } = piece
  assert.deepEqual({ sequence, end, isLast, time, lost }, { ...rest, time: timeOf(attempt) })
}

export function ringContract(variant: Variant): void {
  describe(`a ring (${describeVariant(variant)})`, () => {
    const ringTest = (name: string, run: (ring: RingUnderTest) => void): void => {
      test(name, t => run(new RingUnderTest(t, variant)))
    }

    ringTest('one record is a partial piece and no complete one', ring => {
      //  ┌──────┬──────┐
      //  │▓▓w   │      │    r: at 0, then at w
      //  └──────┴──────┘
      assert.equal(ring.write(100), true)
      assert.equal(ring.reader.next('complete'), undefined)
      const piece = ring.take('partial')
      assertPiece(piece, { numbers: [1], sequence: 0, end: 100, isLast: false, attempt: 1, lost: 0 })
      ring.release(piece)
      assert.equal(ring.reader.next('partial'), undefined)
      assert.deepEqual(ring.reader.position, {
        packets: 1,
        sequence: 0,
        offset: 100,
        time: timeOf(1),
        lost: 0,
      })
      assert.equal(ring.reader.committed(), 1)
    })

    ringTest('a record that does not fit goes into the next sub-buffer whole', ring => {
      //  ┌──────────┬──────┐
      //  │▓1▓▓2▓░░░░│▓3▓w  │   ░ 96 bytes that no record of 100 fits in
      //  └──────────┴──────┘
      for (const size of [2000, 2000, 100]) ring.write(size)
      const first = ring.take('partial')
      assertPiece(first, { numbers: [1, 2], sequence: 0, end: 4000, isLast: true, attempt: 2, lost: 0 })
      ring.release(first)
      assert.equal(ring.reader.next('complete'), undefined)
      const second = ring.take('partial')
      assertPiece(second, { numbers: [3], sequence: 1, end: 100, isLast: false, attempt: 3, lost: 0 })
    })

    ringTest('what was taken in part is not given again when its sub-buffer is complete', ring => {
      //  ┌──────────┬──────┐
      //  │▓1▓r▓2▓   │▓3▓w  │   r between record 1 and 2
      //  └──────────┴──────┘
      ring.write(1000)
      ring.release(ring.take('partial'))
      ring.write(3000)
      ring.write(500)
      const rest = ring.take('complete')
      assertPiece(rest, { numbers: [2], sequence: 0, end: 4000, isLast: true, attempt: 2, lost: 0 })
      assert.equal(rest.bytes.byteLength, 3000)
    })

    ringTest('a sub-buffer that was taken to its end is passed over, and its space is free', ring => {
      //  ┌──────────┬──────────┐
      //  │▓1▓2▓3▓4▓r│▓5▓▓▓▓▓8▓w│   nothing is left of the first: the reader goes on, so that 9 finds room
      //  └──────────┴──────────┘
      ring.fill(1)
      ring.release(ring.take('partial'))
      ring.fill(1)
      assert.equal(ring.reader.next('complete'), undefined)
      assert.equal(ring.reader.position.sequence, 1)
      assert.equal(ring.reader.position.packets, 1)
      assert.equal(ring.write(QUARTER), true)
    })

    ringTest('a full ring loses and counts; a whole sub-buffer released, it goes on', ring => {
      //  ┌──────────┬──────────┐
      //  │r▓▓▓▓▓▓▓▓▓│▓▓▓▓▓▓▓▓▓w│   9, 10, 11 are lost, 12 goes where 1 was
      //  └──────────┴──────────┘
      ring.fill(2)
      for (let i = 0; i < 3; i++) assert.equal(ring.write(QUARTER), false)
      assert.deepEqual(ring.reader.losses(), { full: 3, 'too big': 0, nested: 0, 'bad value': 0 })
      ring.release(ring.take('complete'))
      assert.equal(ring.write(QUARTER), true)
      const second = ring.take('complete')
      assertPiece(second, {
        numbers: [5, 6, 7, 8],
        sequence: 1,
        end: 4096,
        isLast: true,
        attempt: 8,
        lost: 0,
      })
      ring.release(second)
      const third = ring.take('partial')
      assertPiece(third, { numbers: [9], sequence: 2, end: QUARTER, isLast: false, attempt: 12, lost: 3 })
    })

    ringTest('a part released frees nothing', ring => {
      //  ┌──────────┬──────────┐
      //  │▓▓▓r▓▓▓▓▓▓│▓▓▓▓▓▓▓▓▓w│
      //  └──────────┴──────────┘
      ring.write(QUARTER)
      ring.release(ring.take('partial'))
      for (let i = 0; i < 7; i++) assert.equal(ring.write(QUARTER), true)
      assert.equal(ring.write(LEAST_RECORD_BYTES), false)
      assert.equal(ring.reader.losses().full, 1)
    })

    ringTest('a record as big as a sub-buffer fits, one byte more does not', ring => {
      //  ┌──────────┬──────────┐
      //  │▓▓▓▓▓▓▓▓▓▓│▓▓w       │
      //  └──────────┴──────────┘
      assert.equal(ring.write(SUB_BUFFER_BYTES), true)
      assert.equal(ring.write(SUB_BUFFER_BYTES + 1), false)
      assert.deepEqual(ring.reader.losses(), { full: 0, 'too big': 1, nested: 0, 'bad value': 0 })
      assert.equal(ring.write(32), true)
      const piece = ring.take('complete')
      assertPiece(piece, { numbers: [1], sequence: 0, end: 4096, isLast: true, attempt: 1, lost: 0 })
    })

    ringTest('losses belong to the record after them, within a sub-buffer', ring => {
      //  1  ✗  │ r takes 1: lost 0   2 │ r takes 2: lost 1   ✗ ✗ │ nothing new to take
      ring.write(100)
      ring.lose()
      const first = ring.take('partial')
      assertPiece(first, { numbers: [1], sequence: 0, end: 100, isLast: false, attempt: 1, lost: 0 })
      ring.release(first)
      assert.equal(ring.reader.next('partial'), undefined)
      ring.write(100)
      const second = ring.take('partial')
      assertPiece(second, { numbers: [2], sequence: 0, end: 200, isLast: false, attempt: 3, lost: 1 })
      ring.release(second)
      ring.lose()
      ring.lose()
      assert.equal(ring.reader.next('partial'), undefined)
      assert.equal(ring.reader.losses()['bad value'], 3)
    })

    ringTest('losses belong to the record after them, across a switch', ring => {
      //  ┌────────────┬──────┐
      //  │▓1▓ ✗ ▓2▓ ✗✗│▓3▓w  │   the first ends with 1 lost, at the time of record 2
      //  └────────────┴──────┘
      ring.write(2000)
      ring.lose()
      ring.write(2000)
      ring.lose()
      ring.lose()
      ring.write(2000)
      const first = ring.take('complete')
      assertPiece(first, { numbers: [1, 2], sequence: 0, end: 4000, isLast: true, attempt: 3, lost: 1 })
      ring.release(first)
      const second = ring.take('partial')
      assertPiece(second, { numbers: [3], sequence: 1, end: 2000, isLast: false, attempt: 6, lost: 3 })
    })

    ringTest('losses alone are released without a piece', ring => {
      ring.write(100)
      ring.release(ring.take('partial'))
      ring.lose()
      ring.reader.release(undefined, 2, 1)
      assert.deepEqual(ring.reader.position, {
        packets: 2,
        sequence: 0,
        offset: 100,
        time: timeOf(1),
        lost: 1,
      })
    })

    ringTest('a record taken back leaves no trace, and the ring is quiet before and after', ring => {
      const wasQuiet: boolean[] = []
      ring.write(
        64,
        ring.probe({
          inside: () => {
            wasQuiet.push(ring.reader.isQuiet())
          },
        }),
      )
      const seen = new Int32Array(1)
      const generation = { words: new Int32Array([1]), word: 0, seen }
      assert.equal(ring.write(64, ring.probe({ generation })), false)
      assert.deepEqual([...wasQuiet, ring.reader.isQuiet()], [false, true])
      assert.equal(ring.reader.state().end, 64)
      ring.write(64)
      assert.deepEqual(
        assertRecords(ring.take('partial').bytes).map(({ number, attempt }) => [number, attempt]),
        [
          [1, 1],
          [2, 3],
        ],
      )
      assert.equal(ring.reader.state().lost, 0)
    })

    ringTest('a record inside a record is counted as nested, the outer one stays whole', ring => {
      const inner = ring.probe()
      const outcomes: number[] = []
      const outer = ring.probe({
        inside: () => {
          for (let i = 0; i < 2; i++) outcomes.push(inner(++ring.attempts, 48))
        },
      })
      assert.equal(ring.write(200, outer), true)
      assert.deepEqual(outcomes, [LOST, LOST])
      assert.deepEqual(ring.reader.losses(), { full: 0, 'too big': 0, nested: 2, 'bad value': 0 })
      assert.equal(ring.write(48), true)
      const records = assertRecords(ring.take('partial').bytes)
      assert.deepEqual(records, [
        { number: 1, attempt: 1, size: 200 },
        { number: 2, attempt: 4, size: 48 },
      ])
    })

    ringTest('records are counted by event class, those beyond the capacity together', ring => {
      //  class   0 │ 1 │ 2 │ 3 and above
      for (const eventId of [0, 1, 1, 3, 4, 70000, 2 ** 31 - 1]) ring.write(32, ring.probe({ eventId }))
      assert.deepEqual([...ring.reader.classCounts()], [1, 2, 0, 4])
    })

    ringTest('an armed writer wakes a waiting reader once, before the next record is committed', ring => {
      ring.write(32)
      ring.writer.arm()
      ring.write(32)
      assert.deepEqual(ring.wakes, [], 'nobody waits')
      ring.reader.setWait(true)
      ring.write(32)
      assert.deepEqual(ring.wakes, [], 'a record that has room looks at no shared word')
      ring.writer.arm()
      ring.write(32)
      assert.deepEqual(ring.wakes, [3])
      ring.write(32)
      assert.deepEqual(ring.wakes, [3])
      ring.reader.setWait(false)
      ring.writer.arm()
      ring.write(32)
      assert.deepEqual(ring.wakes, [3])
      assert.equal(ring.reader.committed(), 6)
    })

    ringTest('a switch, and a record that is lost, wake a waiting reader too', ring => {
      ring.fill(1)
      ring.reader.setWait(true)
      ring.fill(1)
      assert.deepEqual(ring.wakes, [4])
      ring.write(QUARTER)
      assert.deepEqual(ring.wakes, [4, 8])
      assert.equal(ring.reader.losses().full, 1)
    })
  })
}
