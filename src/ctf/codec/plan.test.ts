import assert from 'node:assert/strict'
import test from 'node:test'
import type { FieldClass } from '../model/index.ts'
import { array, bool, float, int, sequence, string, struct, text, uint } from './classes.contract.ts'
import { fixedBytes, isBitPacked, planOf } from './plan.ts'

const BIG = 'big-endian'
const PACKED = 'records are packed by bytes, so a field is aligned to at most 8 bits: got'
const MIXED = 'two integers in one byte need the same byte order'

const REFUSED: readonly (readonly [name: string, fieldClass: FieldClass, message: string])[] = [
  ['0 bits', uint(0), 'an integer has 1 to 64 bits: got 0'],
  ['65 bits', uint(65), 'an integer has 1 to 64 bits: got 65'],
  ['half a bit', int(7.5), 'an integer has 1 to 64 bits: got 7.5'],
  ['no number of bits', int(Number.NaN), 'an integer has 1 to 64 bits: got NaN'],
  ['alignment 16', uint(16, 16), `${PACKED} 16`],
  ['alignment 3', uint(16, 3), `${PACKED} 3`],
  ['alignment 0', uint(16, 0), `${PACKED} 0`],
  ['a structure aligned to 32', struct({ a: uint(8) }, 32), `${PACKED} 32`],
  ['a float aligned to 64', { ...(float(64) as object), alignment: 64 } as FieldClass, `${PACKED} 64`],
  [
    'a float between bits',
    { ...(float(64) as object), alignment: 1 } as FieldClass,
    'a floating point number begins at a byte: its alignment is 1',
  ],
  [
    'a boolean between bits',
    { ...(bool as object), alignment: 4 } as FieldClass,
    'a boolean begins at a byte: its alignment is 4',
  ],
  [
    'half precision',
    { ...(float(32) as object), length: 16 } as FieldClass,
    'a floating point number has 32 or 64 bits: got 16',
  ],
  ['a boolean of a bit', { ...(bool as object), length: 1 } as FieldClass, 'a boolean has 8 bits: got 1'],
  [
    'a sequence without a structure',
    sequence(uint(8)),
    'a dynamic-length array stands in a structure, behind its length',
  ],
  [
    'a sequence of sequences',
    struct({ s: sequence(sequence(uint(8))) }),
    'a dynamic-length array stands in a structure, behind its length',
  ],
  ['a blob', { type: 'static-length-blob', length: 16 }, 'a static-length-blob cannot be recorded'],
  ['a variant', { type: 'variant', selectorMember: 'a', options: [] }, 'a variant cannot be recorded'],
  ['two orders in a byte', struct({ a: uint(3, 1), b: uint(5, 1, BIG) }), MIXED],
  ['two orders in the second byte', struct({ a: uint(9, 1, BIG), b: uint(2, 2) }), MIXED],
  [
    'two orders in a byte, across a structure',
    struct({ a: struct({ b: uint(3, 1) }), c: uint(3, 1, BIG) }),
    MIXED,
  ],
  ['two orders in a byte, behind an array', struct({ a: array(uint(3, 1), 3), c: uint(3, 1, BIG) }), MIXED],
  [
    'two orders in a byte, in an array',
    array(struct({ a: uint(8, 1), b: uint(4, 1, BIG), c: uint(8, 1, BIG) }), 2),
    MIXED,
  ],
]

for (const [name, fieldClass, message] of REFUSED) {
  test(`refused: ${name}`, () => {
    assert.throws(() => planOf(fieldClass), { name: 'KymoError', code: 'KYMO_FIELD_CLASS', message })
  })
}

const ACCEPTED: readonly (readonly [
  name: string,
  fieldClass: FieldClass,
  bytes: number | undefined,
  packed: boolean,
])[] = [
  ['orders change at a byte', struct({ a: uint(8, 1), b: uint(8, 1, BIG) }), undefined, true],
  ['orders change at an aligned field', struct({ a: uint(3, 1), b: uint(8, 8, BIG) }), undefined, true],
  ['orders change behind text', struct({ a: uint(3, 1), s: string, b: uint(3, 1, BIG) }), undefined, true],
  ['24 bits', uint(24), undefined, true],
  ['plain integers', struct({ a: uint(8), b: int(64), c: uint(16, 8, BIG) }), 11, false],
  ['fixed parts', array(struct({ f: float(32), b: bool, t: text(17) }), 3), 66, false],
  ['text', struct({ a: uint(8), s: string }), undefined, false],
  ['a sequence', struct({ s: sequence(uint(8)) }), undefined, false],
  ['nothing', struct({}), 0, false],
]

for (const [name, fieldClass, bytes, packed] of ACCEPTED) {
  test(`fixed bytes and bits: ${name}`, () => {
    const plan = planOf(fieldClass)
    assert.deepEqual([fixedBytes(plan), isBitPacked(plan)], [bytes, packed])
  })
}
