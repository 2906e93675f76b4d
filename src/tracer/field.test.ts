import assert from 'node:assert/strict'
import test from 'node:test'
import type { FieldClass } from '../ctf/model/index.ts'
import {
  array,
  bool,
  enumeration,
  type FieldType,
  f32,
  f64,
  fieldPlans,
  i8,
  i16,
  i32,
  i64,
  payloadClass,
  sequence,
  str,
  struct,
  u8,
  u16,
  u32,
  u64,
} from './field.ts'

type AnyField = { readonly name: string; readonly type: FieldType }

function int(bits: number, signed: boolean): FieldClass {
  return {
    type: signed ? 'fixed-length-signed-integer' : 'fixed-length-unsigned-integer',
    length: bits,
    byteOrder: 'little-endian',
    alignment: 8,
    preferredDisplayBase: 10,
  }
}

function float(length: number): FieldClass {
  return { type: 'fixed-length-floating-point-number', length, byteOrder: 'little-endian', alignment: 8 }
}

const BOOL: FieldClass = { type: 'fixed-length-boolean', length: 8, byteOrder: 'little-endian', alignment: 8 }
const STRING: FieldClass = { type: 'null-terminated-string' }

const SCALARS: readonly (readonly [field: AnyField, label: string, fieldClass: FieldClass])[] = [
  [i8('a'), 'i8', int(8, true)],
  [i16('a'), 'i16', int(16, true)],
  [i32('a'), 'i32', int(32, true)],
  [i64('a'), 'i64', int(64, true)],
  [u8('a'), 'u8', int(8, false)],
  [u16('a'), 'u16', int(16, false)],
  [u32('a'), 'u32', int(32, false)],
  [u64('a'), 'u64', int(64, false)],
  [f32('a'), 'f32', float(32)],
  [f64('a'), 'f64', float(64)],
  [bool('a'), 'bool', BOOL],
  [str('a'), 'str', STRING],
  [str('a', () => 'x'), 'str', STRING],
  [
    array('a', u16, 3),
    'u16[3]',
    { type: 'static-length-array', elementFieldClass: int(16, false), length: 3 },
  ],
  [
    struct('a', u8('x'), str('y')),
    '{ x: u8, y: str }',
    {
      type: 'structure',
      memberClasses: [
        { name: 'x', fieldClass: int(8, false) },
        { name: 'y', fieldClass: STRING },
      ],
    },
  ],
]

for (const [field, label, fieldClass] of SCALARS) {
  test(`a field of type ${label}`, () => {
    const payload = payloadClass([field], 'tracepoint t:e')
    assert.deepEqual(payload, { type: 'structure', memberClasses: [{ name: 'a', fieldClass }] })
    assert.equal(field.type.label, label)
    assert.equal(fieldPlans(payload).length, 1)
  })
}

test('a sequence has its length before it', () => {
  const field = sequence('names', str)
  const payload = payloadClass([field, u8('last')], 'tracepoint t:e')
  assert.deepEqual(payload.memberClasses, [
    { name: '_names_length', fieldClass: int(32, false) },
    {
      name: 'names',
      fieldClass: { type: 'dynamic-length-array', elementFieldClass: STRING, lengthMember: '_names_length' },
    },
    { name: 'last', fieldClass: int(8, false) },
  ])
  assert.equal(field.type.label, 'str[]')
  assert.deepEqual(
    fieldPlans(payload).map(plan => plan.kind),
    ['sequence', 'integer'],
  )
})

test('arrays and sequences of structures, and a sequence in a structure', () => {
  const point = struct('point', f64('x'), f64('y'))
  const labels = [array('a', point, 2), sequence('s', point), struct('o', sequence('names', str))].map(
    field => field.type.label,
  )
  assert.deepEqual(labels, ['{ x: f64, y: f64 }[2]', '{ x: f64, y: f64 }[]', '{ names: str[] }'])
})

test('a builder with a second argument says how the value is read', () => {
  const extract = (order: { id: number }): number => order.id
  const reads = [
    u64('id', extract),
    enumeration('kind', { a: 0 }, () => 'a'),
    array('pair', u8, 2, () => [1, 2]),
    sequence('list', u8, () => []),
  ].map(field => typeof field.extract)
  assert.equal(u64('id', extract).extract, extract)
  assert.deepEqual(reads, ['function', 'function', 'function', 'function'])
  assert.equal('extract' in u64('id'), false)
})

const LABELS: readonly (readonly [
  labels: Readonly<Record<string, number>>,
  bits: number,
  signed: boolean,
])[] = [
  [{ a: 0 }, 8, false],
  [{ a: 255 }, 8, false],
  [{ a: 256 }, 16, false],
  [{ a: 65536 }, 32, false],
  [{ a: 2 ** 32 - 1 }, 32, false],
  [{ a: -1 }, 8, true],
  [{ a: -128, b: 127 }, 8, true],
  [{ a: -1, b: 128 }, 16, true],
  [{ a: -129 }, 16, true],
  [{ a: -32769 }, 32, true],
  [{ a: -(2 ** 31), b: 2 ** 31 - 1 }, 32, true],
]

for (const [labels, bits, signed] of LABELS) {
  test(`labels ${JSON.stringify(labels)} need ${bits} bits`, () => {
    const mappings = Object.fromEntries(
      Object.entries(labels).map(([label, value]) => [label, [[String(value), String(value)]]]),
    )
    const { fieldClass, label } = enumeration('kind', labels).type
    assert.deepEqual(fieldClass, { ...int(bits, signed), mappings })
    assert.equal(label, `enum { ${Object.keys(labels).join(', ')} }`)
  })
}

const BAD_LABELS: readonly Readonly<Record<string, number>>[] = [
  {},
  { a: 0.5 },
  { a: NaN },
  { a: 2 ** 32 },
  { a: -(2 ** 31) - 1 },
  { a: -1, b: 2 ** 31 },
]

for (const labels of BAD_LABELS) {
  test(`labels with values ${Object.values(labels).join(', ') || 'of nothing'} are refused`, () => {
    const values = Object.values(labels).join(',')
    const message = `enumeration kind needs labels with whole numbers of 32 bits: got ${values}`
    assert.throws(() => enumeration('kind', labels), { code: 'KYMO_FIELD', message })
  })
}

const REFUSED: readonly (readonly [name: string, declare: () => unknown, message: string])[] = [
  ['a length of -1', () => array('a', u8, -1), 'array a needs a whole number of elements: got -1'],
  ['a length of 1.5', () => array('a', u8, 1.5), 'array a needs a whole number of elements: got 1.5'],
  [
    'an array of sequences',
    () => array('a', sequence('s', u8), 2),
    'array a needs elements without a length of their own: put the sequence into a struct',
  ],
  [
    'a sequence of sequences',
    () => sequence('a', sequence('s', u8)),
    'sequence a needs elements without a length of their own: put the sequence into a struct',
  ],
  [
    'one name twice',
    () => payloadClass([u8('a'), str('a')], 'tracepoint t:e'),
    'tracepoint t:e needs fields with names of their own: got "a" twice',
  ],
  [
    'one name twice in a structure',
    () => struct('s', u8('a'), u8('b'), u8('a')),
    'struct s needs fields with names of their own: got "a" twice',
  ],
  [
    'the name of a length',
    () => payloadClass([sequence('a', u8), u32('_a_length')], 'tracepoint t:e'),
    'tracepoint t:e needs fields with names of their own: got "_a_length" twice',
  ],
]

for (const [name, declare, message] of REFUSED) {
  test(`${name} is refused`, () => {
    assert.throws(declare, { name: 'KymoError', code: 'KYMO_FIELD', message })
  })
}

test('a field without a name is refused', () => {
  assert.throws(() => payloadClass([u8('')], 'tracepoint t:e'), { name: 'KymoError', code: 'KYMO_FIELD' })
})
