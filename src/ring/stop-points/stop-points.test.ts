/**
 * A writer or a reader is stopped behind every store it makes, and goes no further: after LTTng's test suite of
 * stalled and killed buffers. The other side goes on with the same memory, and another one takes the place of the dead.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createThreadsRing, RingReader } from '../index.ts'
import { IDENTITY } from '../testing/memory.contract.ts'
import { assertRecords } from '../testing/record.contract.ts'
import { MemoryStream } from './consumer.contract.ts'
import { GEOMETRY } from './model.contract.ts'
import {
  assertGoesOn,
  legalAccounts,
  READING,
  replaceConsumer,
  replaceWriter,
  type Scenario,
  Stage,
  WRITING,
} from './scenarios.contract.ts'
import { dyingAt } from './stepping.contract.ts'
import type { StepVariant } from './watched-ring.contract.ts'

const VARIANTS: StepVariant[] = (['plain', 'atomic'] as const).flatMap(commitStore =>
  (['methods', 'text'] as const).map(by => ({ commitStore, by })),
)

/** Both sides are stopped: every store of the one with every store of the other. */
const BOTH: readonly (readonly [writing: string, reading: string])[] = [
  ['a record that switches', 'the rest of a piece, and all after it'],
  ['a record in the midst of a sub-buffer', 'a complete piece of a ring that is full'],
  ['a record that switches', 'a packet for what was lost before the first record'],
]

for (const variant of VARIANTS) {
  const make = (): Stage => new Stage(createThreadsRing(GEOMETRY, IDENTITY), new MemoryStream(), variant)

  describe(`stopped (${variant.commitStore} commits by ${variant.by})`, () => {
    for (const scenario of WRITING) {
      test(`a writer, in ${scenario.name}`, t => {
        //  store 1 │ store 2 │ ✝           the reader goes on: all that was committed; then a new writer
        const legal = legalAccounts(make, scenario)
        const stops = atEachStop(k => {
          const stage = make()
          scenario.prepare(stage)
          const isStopped = dyingAt(k, () => scenario.run(stage))
          assertReadable(stage)
          replaceWriter(stage)
          assertGoesOn(stage, isStopped ? legal : legal.slice(1))
          return isStopped
        })
        t.diagnostic(`${stops} stops`)
      })
    }

    for (const scenario of READING) {
      test(`a reader, in ${scenario.name}`, t => {
        //  packet │ position │ selector │ ✝      the writer goes on in the space that it has; then a new reader
        const legal = legalAccounts(make, scenario)
        for (const isFull of [false, true]) {
          const stops = atEachStop(k => {
            const stage = make()
            scenario.prepare(stage)
            const isStopped = dyingAt(k, () => scenario.run(stage))
            const more = isFull ? fillUp(stage) : 0
            replaceConsumer(stage)
            assertGoesOn(
              stage,
              legal.map(({ recorded, lost }) => ({ recorded: recorded + more, lost: lost + Number(isFull) })),
            )
            return isStopped
          })
          if (isFull) t.diagnostic(`${stops} stops`)
        }
      })
    }

    for (const [writing, reading] of BOTH) {
      test(`both, in ${writing} and in ${reading}`, t => {
        const writer = find(WRITING, writing)
        const reader = find(READING, reading)
        const both: Scenario = {
          name: '',
          prepare: stage => {
            reader.prepare(stage)
          },
          run: stage => writer.run(stage),
        }
        const legal = legalAccounts(make, both)
        let stops = 0
        atEachStop(k => {
          let isWriterStopped = false
          stops += atEachStop(j => {
            const stage = make()
            both.prepare(stage)
            isWriterStopped = dyingAt(k, () => writer.run(stage))
            const isReaderStopped = dyingAt(j, () => reader.run(stage))
            replaceConsumer(stage)
            replaceWriter(stage)
            assertGoesOn(stage, legal)
            return isReaderStopped
          })
          return isWriterStopped
        })
        t.diagnostic(`${stops} pairs of stops`)
      })
    }
  })
}

/** Runs `run(0)`, `run(1)` … until it is not stopped any more; how often it was. */
function atEachStop(run: (k: number) => boolean): number {
  let k = 0
  while (run(k)) k++
  assert(k > 0, 'there is a store to stop at')
  return k
}

/** Before anybody takes the ring over: a reader finds a whole state, and the one that lives takes all there is. */
function assertReadable(stage: Stage): void {
  const { committed } = new RingReader(stage.buffer).state()
  stage.consumer.takeAll()
  const inStream = stage.stream.packets.flatMap(packet => [...packet.bytes]).length
  const { position } = new RingReader(stage.buffer)
  assert(inStream > 0 || committed === 0, 'what was committed is readable')
  assert.equal(new RingReader(stage.buffer).next('partial'), undefined)
  assert.deepEqual(position, stage.consumer.reader.position)
  for (const packet of stage.stream.packets) {
    const last = assertRecords(packet.bytes).at(-1)
    if (last !== undefined)
      assert.equal(packet.lost, last.attempt - last.number, 'lost before the last record')
  }
  const counted = new RingReader(stage.buffer).classCounts().reduce((sum, count) => sum + count, 0)
  assert(counted === committed || counted === committed + 1, `${counted} of ${committed} records by class`)
}

/** The living writer takes all the space it can get, and one more. */
function fillUp(stage: Stage): number {
  let records = 0
  while (stage.write(GEOMETRY.subBufferBytes / 4) === 1) records++
  return records
}

function find(scenarios: readonly Scenario[], name: string): Scenario {
  const found = scenarios.find(scenario => scenario.name === name)
  assert(found !== undefined, name)
  return found
}
