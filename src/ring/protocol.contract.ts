/**
 * What a ring promises between two stores. docs/ring-buffer.md says what each store promises to the other side; here
 * somebody looks behind every one of them, so that none can be left out, and none can come too early or too late.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compileFunction } from '../ctf/codec/compile.ts'
import { createThreadsRing, LOSS_BAD_VALUE, RingReader, readGeometry, SingleWriter } from './index.ts'
import {
  LAST_HIGH_WORD,
  LAST_LOW_WORD,
  LOSS_FULL,
  LOSS_TOO_BIG,
  RESERVATIONS,
  SLOTS,
  sinceEpoch,
} from './layout.ts'
import { OWN_COMMITTED } from './reserve.ts'
import { GEOMETRY, SUB_BUFFER_BYTES } from './stop-points/model.contract.ts'
import { WatchedRecorder } from './stop-points/watched-recorder.contract.ts'
import { type StepVariant, WatchedRing } from './stop-points/watched-ring.contract.ts'
import { IDENTITY } from './testing/memory.contract.ts'

const QUARTER = SUB_BUFFER_BYTES / 4
/** The slots come around more than twice, with other values in every word. */
const LAP_RECORDS = 2 * SLOTS + 8

export function protocolContract(variant: StepVariant): void {
  describe(`between two stores (${variant.commitStore} commits by ${variant.by})`, () => {
    const watchedTest = (name: string, run: (ring: WatchedRing) => void): void => {
      test(name, () => {
        const ring = new WatchedRing(variant)
        run(ring)
        assert(ring.steps > 0, 'something was looked at')
      })
    }

    test('what a ring is made with is what both sides find', () => {
      const identity = { number: 7, epoch: (5n << 32n) + 9n, created: 12.5 }
      const buffer = createThreadsRing(GEOMETRY, identity)
      const { number, epoch, created } = readGeometry(buffer)
      assert.deepEqual({ number, epoch, created }, identity)
      const { position } = new RingReader(buffer)
      assert.deepEqual(position, { packets: 0, sequence: 0, offset: 0, time: 12.5, lost: 0 })
      const writer = new SingleWriter(buffer, 1, variant.commitStore, () => undefined)
      assert.deepEqual([writer.epoch, writer.created], [epoch, created])
    })

    test('what is reserved how, and since when, is what writers find', () => {
      for (const reservation of RESERVATIONS) {
        const buffer = createThreadsRing({ ...GEOMETRY, subBufferCount: 4, reservation }, IDENTITY)
        assert.equal(readGeometry(buffer).reservation, reservation)
        const words = new Int32Array(buffer)
        const last = sinceEpoch(
          words[LAST_LOW_WORD] as number,
          words[LAST_HIGH_WORD] as number,
          IDENTITY.epoch,
        )
        assert.equal(last, IDENTITY.created)
      }
    })

    watchedTest('of a writer that fills, switches, comes around and loses', ring => {
      //  ┌──────┬──────┬──────┐
      //  │▓▓▓▓▓▓│▓▓▓▓▓▓│▓▓▓w  │   a look behind each store: state, counts, headers, a reader, a new owner
      //  └──────┴──────┴──────┘
      for (let i = 0; i < LAP_RECORDS; i++) {
        ring.write(200 + ((i * 137) % 500), { eventId: i % 4 })
        if (i % 5 === 2) ring.lose()
        if (i % 11 === 5) ring.write(SUB_BUFFER_BYTES + 1)
        if (i % 6 === 5) ring.take(i % 4 === 1 ? 'partial' : 'complete')
      }
    })

    watchedTest('of a writer that comes to the end of its space', ring => {
      //  ┌──────┬──────┬──────┐
      //  │r▓▓▓▓▓│▓▓▓▓▓▓│▓▓▓▓▓w│   the 13th is lost; the first sub-buffer released, there is room again
      //  └──────┴──────┴──────┘
      for (let i = 0; i < 13; i++) ring.write(QUARTER)
      ring.take('complete')
      ring.write(QUARTER)
      ring.take('complete')
      ring.take('complete')
      ring.takeLosses()
    })

    watchedTest('of a record that is taken back, with and without a switch before it', ring => {
      //  ┌─────────┬─────────┐
      //  │▓1▓▓2▓░░░│▒▒▓3▓w   │   ▒ where the one taken back was: the record after it goes there
      //  └─────────┴─────────┘
      ring.write(QUARTER)
      ring.takeBack(QUARTER)
      ring.write(3 * QUARTER - 50)
      ring.takeBack(QUARTER)
      ring.write(QUARTER)
      ring.take('partial')
      ring.take('partial')
    })

    watchedTest('of a loss: it is counted while something is begun, and not when the rules changed', ring => {
      ring.write(100)
      for (const cause of [LOSS_FULL, LOSS_TOO_BIG, LOSS_BAD_VALUE]) ring.discard(cause)
      ring.discard(LOSS_BAD_VALUE, true)
      ring.write(100)
      ring.discard(LOSS_BAD_VALUE)
    })

    watchedTest('of losses inside of a record: the outer one keeps a stop waiting', ring => {
      ring.write(100)
      ring.writeAround(200)
      ring.write(100)
      ring.take('partial')
    })

    watchedTest('of two writers that take turns', ring => {
      //  ┌──────┬──────┬──────┐
      //  │▓▓▓▓▓▓│▓▓▓    │▓▓▓▓▓▓│   the limit that one knew is that of a sub-buffer which the other has left
      //  └──────┴──────┴──────┘
      for (let i = 0; i < 9; i++) ring.write(QUARTER)
      ring.take('complete')
      ring.take('complete')
      ring.changeWriter()
      for (let i = 0; i < 4; i++) ring.write(QUARTER)
      ring.changeWriter()
      for (let i = 0; i < 4; i++) ring.write(QUARTER)
      ring.take('partial')
    })

    watchedTest('of a record that an exception ends', ring => {
      const { words: W, own: O, text } = ring.writer
      const fail = compileFunction<() => void>(
        `return () => {
          let isBegun = false;
          const n = O[${OWN_COMMITTED}], m = (n + 1) | 0;
          ${text.begin}
          isBegun = true;
          ${text.recover}
        }`,
        { W, O },
      )
      assert(fail !== undefined, 'tests may compile text')
      ring.write(100)
      fail()
      assert.equal(ring.reader.isQuiet(), true)
      ring.write(100)
    })

    watchedTest('of a loss without a call', ring => {
      const { writer } = ring
      const lose = compileFunction<(cause: number) => void>(
        `return () => { ${writer.text.lose(LOSS_BAD_VALUE)} }`,
        {
          F: writer.doubles,
          T: writer.ownDoubles,
        },
      )
      assert(lose !== undefined, 'tests may compile text')
      ring.write(100)
      ring.lose(lose)
      ring.write(100)
    })

    watchedTest('of a reader: its record is the old one or the new one, and nothing is free before', ring => {
      //  position records   ┌─ old ─┐ ┌─ new ─┐      a look behind each store: the next reader, with a writer that
      //  selector ──────────┘         └─             fills whatever it may
      for (let i = 0; i < 12; i++) {
        ring.write(700 + 10 * i)
        if (i % 3 === 0) ring.lose()
        ring.take('partial')
        if (i % 4 === 3) ring.takeLosses()
      }
      for (let i = 0; i < 9; i++) ring.write(QUARTER)
      while (ring.model.after(ring.reader.position).length > 0) ring.take('partial')
    })

    watchedTest('of a reader that passes over what it had taken to its end', ring => {
      //  ┌──────────┬──────┐
      //  │▓1▓2▓3▓4▓r│▓5▓w  │
      //  └──────────┴──────┘
      for (let i = 0; i < 4; i++) ring.write(QUARTER)
      ring.take('partial')
      ring.write(QUARTER)
      ring.take('complete')
      ring.take('partial')
    })

    for (const spareCount of [0, 4]) {
      test(`of a ring that is written over, with ${spareCount} spare sub-buffers`, () => {
        //  ┌──────┬──────┬──────┬──────┐   a new owner and a snapshot behind each store of the writer, a new reader
        //  │▓▓▓▓w │▓▓▓▓▓▓│▓▓▓▓▓▓│▓▓▓▓▓▓│   behind each store of the reader
        //  └──────┴──────┴──────┴──────┘
        const recorder = new WatchedRecorder(variant, spareCount)
        for (let i = 0; i < 4; i++) recorder.write()
        recorder.takeSnapshot()
        recorder.fill(13)
        recorder.takeSnapshot()
        for (let i = 0; i < 3; i++) recorder.write()
        recorder.takeSnapshot()
        recorder.assertSecondReader()
        assert(recorder.steps > 0, 'something was looked at')
      })
    }

    watchedTest('of a new owner', ring => {
      for (let i = 0; i < 6; i++) ring.write(QUARTER)
      ring.take('partial')
      ring.assertTakeOver()
    })
  })
}
