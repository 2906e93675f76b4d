import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RingReader, SingleWriter } from './index.ts'
import {
  HEADER_BEGIN_TIME,
  HEADER_DOUBLES,
  HEADER_FIRST_RECORD,
  HEADER_SEQUENCE,
  HEADER_WORDS,
  HEADERS_DOUBLE,
  HEADERS_WORD,
} from './layout.ts'
import {
  CLASS_CAPACITY,
  describeVariant,
  RingUnderTest,
  ringContract,
  SUB_BUFFER_BYTES,
  type Variant,
} from './ring.contract.ts'
import { takeoverContract } from './takeover.contract.ts'
import { IDENTITY } from './testing/memory.contract.ts'
import { CREATED, OWNER, timeOf } from './testing/record.contract.ts'

const VARIANTS: Variant[] = (['threads', 'mapped'] as const).flatMap(memory =>
  (['plain', 'atomic'] as const).flatMap(commitStore =>
    (['methods', 'text'] as const).map(by => ({ memory, commitStore, by })),
  ),
)

for (const variant of VARIANTS) {
  ringContract(variant)
  takeoverContract(variant)

  test(`a fresh ring is empty and says what it was made with (${describeVariant(variant)})`, t => {
    const { written, read } = new RingUnderTest(t, variant)
    const reader = new RingReader(read)
    assert.deepEqual(reader.geometry, {
      subBufferBytes: SUB_BUFFER_BYTES,
      subBufferCount: 2,
      classCapacity: CLASS_CAPACITY,
      mode: 'discard',
      spareCount: 0,
      reservation: 'single',
      ...IDENTITY,
    })
    assert.deepEqual(reader.state(), {
      committed: 0,
      sequence: 0,
      physical: 0,
      end: 0,
      time: CREATED,
      lost: 0,
    })
    assert.deepEqual(reader.position, { packets: 0, sequence: 0, offset: 0, time: CREATED, lost: 0 })
    assert.deepEqual([reader.next('partial'), reader.next('complete')], [undefined, undefined])
    assert.deepEqual(reader.losses(), { full: 0, 'too big': 0, nested: 0, 'bad value': 0 })
    assert.deepEqual([...reader.classCounts()], [0, 0, 0, 0])
    assert.deepEqual([reader.isQuiet(), reader.committed(), reader.owner], [true, 0, OWNER])
    const writer = new SingleWriter(written, OWNER, variant.commitStore, () => undefined)
    assert.deepEqual([writer.epoch, writer.created, writer.classCapacity], [IDENTITY.epoch, CREATED, 4])
  })

  test(`a sub-buffer's header says where it begins (${describeVariant(variant)})`, t => {
    //  ┌──────┬──────┐
    //  │▓1▓▓2▓│▓3▓w  │   header of the second: sequence 1, first record after 2, begins when 2 was written
    //  └──────┴──────┘
    const ring = new RingUnderTest(t, variant)
    for (let i = 0; i < 3; i++) ring.write(2000)
    const words = new Int32Array(ring.read)
    const doubles = new Float64Array(ring.read)
    const header = HEADERS_WORD + HEADER_WORDS
    assert.equal(words[header + HEADER_SEQUENCE], 1)
    assert.equal(doubles[HEADERS_DOUBLE + HEADER_DOUBLES + HEADER_FIRST_RECORD], 2)
    assert.equal(doubles[HEADERS_DOUBLE + HEADER_BEGIN_TIME], CREATED)
    assert.equal(doubles[HEADERS_DOUBLE + HEADER_DOUBLES + HEADER_BEGIN_TIME], timeOf(2))
  })
}
