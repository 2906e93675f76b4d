import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { HeaderForm } from '../ctf/model/index.ts'
import { EPOCH, FORMS, MAKER_NAMES, Recording } from './recording.contract.ts'

const WRAP_27 = 2 ** 27
const WRAP_32 = 2 ** 32

/** Header bytes of an event with id `id`, `gap` ns after one at 100 ns; worked out from the specification. */
const GOLDEN: readonly (readonly [form: HeaderForm, id: number, gap: number, bytes: string])[] = [
  ['compact', 0, 901, '207d0000'],
  ['compact', 30, 901, '3e7d0000'],
  ['compact', 31, 901, '1f' + '1f000000' + 'e903000005000000'],
  ['compact', 40, 901, '1f' + '28000000' + 'e903000005000000'],
  ['compact', 3, WRAP_27 - 2, '430c0000'],
  ['compact', 3, WRAP_27 - 1, '630c0000'],
  ['compact', 3, WRAP_27, '1f' + '03000000' + '6400000805000000'],
  ['compact', 3, WRAP_32, '1f' + '03000000' + '6400000006000000'],
  ['compact', 3, WRAP_32 + 5, '1f' + '03000000' + '6900000006000000'],
  ['large', 0, 901, '0000' + 'e9030000'],
  ['large', 65534, 901, 'feff' + 'e9030000'],
  ['large', 65535, 901, 'ffff' + 'ffff0000' + 'e903000005000000'],
  ['large', 70000, 901, 'ffff' + '70110100' + 'e903000005000000'],
  ['large', 3, WRAP_27, '0300' + '64000008'],
  ['large', 3, WRAP_32 - 2, '0300' + '62000000'],
  ['large', 3, WRAP_32 - 1, '0300' + '63000000'],
  ['large', 3, WRAP_32, 'ffff' + '03000000' + '6400000006000000'],
  ['large', 3, 2 * WRAP_32, 'ffff' + '03000000' + '6400000007000000'],
  ['sized', 0, 901, '207d0000'],
  ['sized', 28, 901, '3c7d0000'],
  ['sized', 29, 901, '3f7d0000' + '1d000000'],
  ['sized', 30, 901, '3f7d0000' + '1e000000'],
  ['sized', 40, 901, '3f7d0000' + '28000000'],
  ['sized', 3, WRAP_27 - 2, '430c0000'],
  ['sized', 3, WRAP_27 - 1, '630c0000'],
  ['sized', 3, WRAP_32, '1d' + '03000000' + '01000000' + '6400000006000000'],
]

/** The same for a `sized` event with text: 4 bytes. */
const SIZED_TEXT: readonly (readonly [id: number, gap: number, bytes: string])[] = [
  [3, 901, '3e7d0000' + '03000000' + '04000000'],
  [40, 901, '3e7d0000' + '28000000' + '04000000'],
  [3, WRAP_27, '1d' + '03000000' + '04000000' + '6400000805000000'],
]

for (const maker of MAKER_NAMES) {
  for (const [form, id, gap, bytes] of GOLDEN) {
    test(`${maker}: ${form} header of event ${id} after ${gap} ns`, () => {
      const recording = new Recording({ maker, form, created: 100 })
      recording.times[0] = 100 + gap
      recording.recorder(['u8'], { id }).run(0x77)
      assert.equal(Buffer.from(recording.takeBytes()).toString('hex'), `${bytes}77`)
    })

    test(`${maker}: ${form} header of event ${id} after ${gap} ns, of an object`, () => {
      const recording = new Recording({ maker, form, created: 100 })
      recording.times[0] = 100 + gap
      recording.recorder(['u8'], { id, isObject: true }).run({ a: 0x77 })
      assert.equal(Buffer.from(recording.takeBytes()).toString('hex'), `${bytes}77`)
    })
  }

  for (const [id, gap, bytes] of SIZED_TEXT) {
    test(`${maker}: sized header of event ${id} with text after ${gap} ns`, () => {
      const recording = new Recording({ maker, form: 'sized', created: 100 })
      recording.times[0] = 100 + gap
      recording.recorder(['str'], { id }).run('abc')
      assert.equal(Buffer.from(recording.takeBytes()).toString('hex'), `${bytes}61626300`)
    })
  }

  test(`${maker}: the size of a sized record counts its context`, () => {
    const recording = new Recording({ maker, form: 'sized', context: Uint8Array.of(1, 2, 3, 4, 5) })
    recording.recorder(['str'], { id: 3 }).run('abc')
    const hex = Buffer.from(recording.takeBytes()).toString('hex')
    assert.equal(hex, '1e000000' + '03000000' + '09000000' + '0102030405' + '61626300')
  })

  for (const form of FORMS) {
    test(`${maker}: ${form} times never go back`, () => {
      const recording = new Recording({ maker, form, created: 1000 })
      recording.times.splice(0, 1, 10, 1000, 1001, 500, 1001, -(2 ** 32), 1001, 1002, 1002)
      const { run } = recording.recorder(['u8'])
      for (let i = 0; i < 9; i++) run(i)
      const times = recording.take().map(({ time }) => Number(time - EPOCH))
      assert.deepEqual(times, [1000, 1000, 1001, 1001, 1001, 1001, 1001, 1002, 1002])
    })

    test(`${maker}: ${form} times are those of the clock, whatever the gaps`, () => {
      const near = (wrap: number): fc.Arbitrary<number> => fc.integer({ min: wrap - 3, max: wrap + 3 })
      const gap = fc.oneof(fc.nat(100), near(WRAP_27), near(2 * WRAP_27), near(WRAP_32), fc.nat(2 ** 31 - 1))
      const hits = fc.array(fc.tuple(gap, fc.constantFrom(0, 28, 29, 30, 31, 40, 65535)), {
        maxLength: 40,
      })
      const property = fc.property(hits, fc.nat(5), (list, start) => {
        const recording = new Recording({ maker, form, created: start })
        const recorders = new Map(
          [...new Set(list.map(hit => hit[1]))].map(id => [id, recording.recorder(['i32'], { id })]),
        )
        let now = 0
        recording.times.splice(0, 1, ...list.map(([step]) => (now += step)))
        let last: number = start
        const clock = recording.times.map(time => (last = Math.max(time, last)))
        list.forEach(([, id], i) => void recorders.get(id)?.run(i))
        assert.deepEqual(
          recording.take().map(({ id, time, values }) => ({ id, time, values })),
          list.map(([, id], i) => ({
            id,
            time: EPOCH + BigInt(clock[i] as number),
            values: [i],
          })),
        )
      })
      fc.assert(property, { seed: 8, numRuns: 60 })
    })
  }
}
