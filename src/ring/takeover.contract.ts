/**
 * What stays right when numbers wrap, when a reader dies and another goes on from its record, and when a thread
 * dies and its ring is lent to another. `r` is where the reader's record says it is, `w` the last commit.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  BEGUN_WORD,
  COMMITTED_WORD,
  POSITION_BASE_DOUBLE,
  POSITION_BASE_WORD,
  POSITION_DOUBLES,
  POSITION_OFFSET,
  POSITION_SEQUENCE,
  POSITION_TIME,
  POSITION_WORDS,
  RELEASED_WORD,
  SELECTOR_WORD,
  SLOT_BASE_WORD,
  SLOT_SEQUENCE,
  SLOT_WORDS,
  SLOTS,
} from './layout.ts'
import { assertPiece, describeVariant, RingUnderTest, type Variant } from './ring.contract.ts'
import { assertRecords, CREATED, timeOf } from './testing/record.contract.ts'

/** A ring that has had so many records and sub-buffers, all of them read. */
function preset(committed: number, sequence: number): (buffer: ArrayBufferLike) => void {
  return buffer => {
    const words = new Int32Array(buffer)
    words[COMMITTED_WORD] = committed
    words[BEGUN_WORD] = committed
    words[SLOT_BASE_WORD + (committed & (SLOTS - 1)) * SLOT_WORDS + SLOT_SEQUENCE] = sequence
    words[RELEASED_WORD] = sequence
    words[POSITION_BASE_WORD + POSITION_SEQUENCE] = sequence
  }
}

/** Records written, and sub-buffers begun, when the ring is first used. */
const BEFORE: readonly (readonly [committed: number, sequence: number])[] = [
  [0, 0],
  [2 ** 31 - 40, 2 ** 31 - 3],
  [2 ** 32 - 40, 2 ** 32 - 3],
  [2 ** 31 - 1, 2 ** 32 - 1],
  [2 ** 32 - 1, 2 ** 31 - 1],
]
const LAP_RECORDS = 400
const LAP_BYTES = 300

export function takeoverContract(variant: Variant): void {
  describe(`a ring that goes on (${describeVariant(variant)})`, () => {
    for (const [committed, sequence] of BEFORE) {
      for (const subBuffers of [2, 3]) {
        test(`through many laps of ${subBuffers} from record ${committed}, sub-buffer ${sequence}`, t => {
          //  ┌──────┬──────┐
          //  │▓13 r …   2³²│   13 records of 300 bytes in each sub-buffer, then the next lap
          //  └──────┴──────┘
          const ring = new RingUnderTest(t, variant, preset(committed, sequence), subBuffers)
          const numbers: number[] = []
          const sequences = new Set<number>()
          const take = (depth: 'complete' | 'partial'): void => {
            for (let piece = ring.reader.next(depth); piece; piece = ring.reader.next(depth)) {
              for (const { number, attempt } of assertRecords(piece.bytes)) {
                numbers.push(number)
                assert.equal(attempt, numbers.length)
              }
              sequences.add(piece.sequence)
              assert.equal(piece.time, timeOf(numbers.length))
              ring.release(piece)
            }
          }
          for (let i = 0; i < LAP_RECORDS; i++) {
            assert.equal(ring.write(LAP_BYTES), true)
            if (i % 5 === 4) take(i % 3 === 0 ? 'partial' : 'complete')
          }
          take('partial')
          assert.deepEqual(
            numbers,
            Array.from({ length: LAP_RECORDS }, (_, i) => (committed + 1 + i) | 0),
          )
          const laps = Math.ceil(LAP_RECORDS / Math.floor(4096 / LAP_BYTES))
          assert.deepEqual(
            [...sequences],
            Array.from({ length: laps }, (_, i) => (sequence + i) | 0),
          )
          assert.deepEqual(ring.reader.losses(), { full: 0, 'too big': 0, nested: 0, 'bad value': 0 })
        })
      }

      test(`full is full at record ${committed}, sub-buffer ${sequence} too`, t => {
        const ring = new RingUnderTest(t, variant, preset(committed, sequence))
        ring.fill(2)
        assert.equal(ring.write(16), false)
        assert.equal(ring.reader.losses().full, 1)
        ring.release(ring.take('complete'))
        assert.equal(ring.write(16), true)
      })
    }

    test('a new reader goes on exactly where the last one released', t => {
      //  ┌──────────┬──────┐
      //  │▓1▓r▓2▓   │▓3▓w  │
      //  └──────────┴──────┘
      const ring = new RingUnderTest(t, variant)
      ring.write(1000)
      ring.reader.release(ring.take('partial'), 7, 2)
      ring.write(3000)
      ring.write(500)
      ring.reopen()
      assert.deepEqual(ring.reader.position, {
        packets: 7,
        sequence: 0,
        offset: 1000,
        time: timeOf(1),
        lost: 2,
      })
      const rest = ring.take('partial')
      assertPiece(rest, { numbers: [2], sequence: 0, end: 4000, isLast: true, attempt: 2, lost: 0 })
      ring.release(rest)
      ring.reopen()
      assert.deepEqual(ring.reader.position, { packets: 8, sequence: 1, offset: 0, time: timeOf(2), lost: 0 })
      const last = ring.take('partial')
      assertPiece(last, { numbers: [3], sequence: 1, end: 500, isLast: false, attempt: 3, lost: 0 })
    })

    test('a reader that died before it switched its record leaves the old one', t => {
      //   position records   ┌─ old ─┐ ┌─ new, being written ─┐
      //   selector ──────────┘
      const ring = new RingUnderTest(t, variant)
      const words = new Int32Array(ring.read)
      ring.write(1000)
      ring.release(ring.take('partial'))
      ring.write(3000)
      ring.write(500)
      const old = ring.reader.position
      const before = [words[SELECTOR_WORD] as number, words[RELEASED_WORD] as number] as const
      ring.release(ring.take('partial'))
      ;[words[SELECTOR_WORD], words[RELEASED_WORD]] = before
      tear(ring.read, before[0] ^ 1)
      ring.reopen()
      assert.deepEqual(ring.reader.position, old)
      const again = ring.take('complete')
      assertPiece(again, { numbers: [2], sequence: 0, end: 4000, isLast: true, attempt: 2, lost: 0 })
      ring.release(again)
      ring.reopen()
      assert.deepEqual(ring.reader.position, { packets: 2, sequence: 1, offset: 0, time: timeOf(2), lost: 0 })
    })

    for (const depth of ['complete', 'partial'] as const) {
      test(`a reader that died before it freed the space: the next one frees it, reading ${depth}`, t => {
        //  ┌──────────┬──────────┐
        //  │▓▓▓▓▓▓▓▓▓▓│r▓▓▓▓▓▓▓▓w│   the record says that the first is read, the released word not yet
        //  └──────────┴──────────┘
        const ring = new RingUnderTest(t, variant)
        const words = new Int32Array(ring.read)
        ring.fill(2)
        ring.release(ring.take('complete'))
        words[RELEASED_WORD] = 0
        assert.equal(ring.write(1024), false)
        ring.reopen()
        assert.equal(ring.reader.position.sequence, 1)
        const piece = ring.reader.next(depth)
        if (piece !== undefined) ring.release(piece)
        assert.equal(ring.write(1024), true)
      })
    }

    test('a ring whose thread died in the middle of a record goes on at the last committed one', t => {
      //  ┌──────────────┬──────┐
      //  │▓1▓w▒▒▒▒      │      │   ▒ was begun, and never comes: record 2 is written over it
      //  └──────────────┴──────┘
      const ring = new RingUnderTest(t, variant)
      ring.write(200)
      ring.lose()
      const start = ring.writer.reserve(300)
      ring.writer.begin()
      ring.writer.bytes.fill(0xee, start, start + 300)
      assert.deepEqual([ring.reader.isQuiet(), ring.reader.state().end], [false, 200])
      ring.takeOver(4712)
      assert.deepEqual([ring.reader.isQuiet(), ring.reader.owner], [true, 4712])
      ring.write(100)
      const piece = ring.take('partial')
      assertPiece(piece, { numbers: [1, 2], sequence: 0, end: 300, isLast: false, attempt: 3, lost: 1 })
    })

    test('a ring whose thread died before its commit word was stored has that record not', t => {
      //  slot of record 2 ▒ written, commit word still 1
      const ring = new RingUnderTest(t, variant)
      const words = new Int32Array(ring.written)
      ring.write(200)
      ring.write(300)
      words[COMMITTED_WORD] = 1
      const state = ring.reader.state()
      assert.deepEqual([state.committed, state.end, state.time], [1, 200, timeOf(1)])
      ring.takeOver(4712)
      ring.write(100)
      const piece = ring.take('partial')
      assertPiece(piece, { numbers: [1, 2], sequence: 0, end: 300, isLast: false, attempt: 3, lost: 0 })
    })

    test('a ring whose thread died in the middle of a switch goes on in the old sub-buffer', t => {
      //  ┌──────────┬──────────┐
      //  │▓1▓▓w     │▒▒▒▒      │   both headers of the switch are written, the record is not: readers see no switch
      //  └──────────┴──────────┘
      const ring = new RingUnderTest(t, variant)
      ring.write(3000)
      ring.writer.reserve(2000)
      ring.writer.begin()
      assert.equal(ring.reader.next('complete'), undefined)
      ring.takeOver(4712)
      ring.write(500)
      ring.lose()
      ring.write(1500)
      const first = ring.take('complete')
      assertPiece(first, { numbers: [1, 2], sequence: 0, end: 3500, isLast: true, attempt: 2, lost: 0 })
      ring.release(first)
      const second = ring.take('partial')
      assertPiece(second, { numbers: [3], sequence: 1, end: 1500, isLast: false, attempt: 4, lost: 1 })
    })

    test('a new owner has the time, the losses and the class counts of the old one', t => {
      const ring = new RingUnderTest(t, variant)
      for (let i = 0; i < 3; i++) ring.write(100)
      ring.lose()
      ring.takeOver(4712)
      assert.deepEqual([ring.writer.own[6], ring.writer.ownDoubles[0]], [timeOf(3), 1])
      ring.write(100)
      assert.deepEqual([ring.reader.state().lost, ring.reader.classCounts()[0]], [1, 4])
    })

    test('a new owner of a ring nobody wrote into begins at its creation', t => {
      const ring = new RingUnderTest(t, variant)
      ring.takeOver(4712)
      assert.equal(ring.writer.own[6], CREATED)
      assert.equal(ring.writer.own[2], 0)
    })
  })
}

/** What half a position record looks like. */
function tear(buffer: ArrayBufferLike, selector: number): void {
  const words = new Int32Array(buffer)
  words[POSITION_BASE_WORD + selector * POSITION_WORDS + POSITION_SEQUENCE] = -7
  words[POSITION_BASE_WORD + selector * POSITION_WORDS + POSITION_OFFSET] = 123456789
  new Float64Array(buffer)[POSITION_BASE_DOUBLE + selector * POSITION_DOUBLES + POSITION_TIME] = Number.NaN
}
