/** What an encoder does, whoever makes it: bytes, sizes, and what it refuses. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { ByteOrder, FieldClass } from '../model/index.ts'
import {
  array,
  bool,
  float,
  int,
  labelled,
  range,
  samples,
  sequence,
  string,
  struct,
  text,
  uint,
} from './classes.contract.ts'
import type { Encoder } from './encoder.ts'
import { type Plan, planOf } from './plan.ts'
import { referenceBytes } from './reference.contract.ts'
import { BAD_VALUE } from './value.ts'

export type EncoderMaker = (plan: Plan) => Encoder

const GUARD = 0xa5
/** Bytes before and behind what an encoder was given. */
const MARGIN = 7

/** The bytes of a value; fails where a byte outside of those that size() announced has changed. */
export function encodeGuarded(encoder: Encoder, value: unknown): Uint8Array {
  const room = encoder.size(value)
  const bytes = new Uint8Array(MARGIN + room + MARGIN).fill(GUARD)
  bytes.fill(0, MARGIN, MARGIN + room)
  const end = encoder.encode(new DataView(bytes.buffer), bytes, MARGIN, value)
  assert.equal(end <= MARGIN + room, true, `${end - MARGIN} bytes written, ${room} announced`)
  assertGuard(bytes, room)
  return bytes.slice(MARGIN, end)
}

function assertGuard(bytes: Uint8Array, room: number): void {
  const outside = [...bytes.subarray(0, MARGIN), ...bytes.subarray(MARGIN + room)]
  assert.deepEqual(new Set(outside), new Set([GUARD]), 'nothing is written outside of the announced bytes')
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

const BIG: ByteOrder = 'big-endian'
const COLOURS = { red: 0, green: 1, blue: 200 }
const POINT = struct({ x: int(16), y: int(16) })

/** Worked out by hand. */
const GOLDEN: readonly (readonly [name: string, fieldClass: FieldClass, value: unknown, bytes: string])[] = [
  ['i8', int(8), -2, 'fe'],
  ['i16', int(16), -2, 'feff'],
  ['i16 big-endian', int(16, true, 8, BIG), -2, 'fffe'],
  ['u32', uint(32), 0x12345678, '78563412'],
  ['u32 big-endian', uint(32, 8, BIG), 0x12345678, '12345678'],
  ['a fraction is cut off toward zero', int(32), -1.9, 'ffffffff'],
  ['minus zero', int(32), -0, '00000000'],
  ['a bigint in 32 bits', uint(32), 4294967295n, 'ffffffff'],
  ['i64 of a number', int(64), -(2 ** 53 - 1), '010000000000e0ff'],
  ['i64 of minus one', int(64), -1, 'ffffffffffffffff'],
  ['u64 of a number', uint(64), 2 ** 53 - 1, 'ffffffffffff1f00'],
  ['u64 of a fraction', uint(64), 4294967296.5, '0000000001000000'],
  ['u64 of a bigint', uint(64), 2n ** 64n - 1n, 'ffffffffffffffff'],
  ['i64 least', int(64), -(2n ** 63n), '0000000000000080'],
  ['i64 greatest, big-endian', int(64, true, 8, BIG), 2n ** 63n - 1n, '7fffffffffffffff'],
  ['24 bits at a byte', uint(24), 0x123456, '563412'],
  ['24 bits at a byte, big-endian', uint(24, 8, BIG), 0x123456, '123456'],
  ['f32', float(32), 1.5, '0000c03f'],
  ['f64 big-endian', float(64, BIG), -2, 'c000000000000000'],
  ['f64 infinite', float(64), Infinity, '000000000000f07f'],
  ['true', bool, true, '01'],
  ['false', bool, false, '00'],
  ['a label', labelled(uint(8), COLOURS), 'blue', 'c8'],
  ['a label by its number', labelled(uint(8), COLOURS), 7, '07'],
  ['no text', string, '', '00'],
  ['text', string, 'kymo', '6b796d6f00'],
  ['text with U+0000', string, 'a\0b', '61e29080' + '6200'],
  ['text beyond ASCII', string, 'é中😀', 'c3a9e4b8adf09f980000'.replace('980000', '988000')],
  ['a lone surrogate', string, '\ud800x', 'efbfbd7800'],
  ['text of fixed length', text(4), 'ab', '61620000'],
  ['text of fixed length, full', text(4), 'abcd', '61626364'],
  ['text cut', text(4), 'abcde', '61626364'],
  ['text cut before a character of two bytes', text(4), 'abcé', '61626300'],
  ['text cut before a character of four bytes', text(5), 'ab😀', '6162000000'],
  ['text cut behind a character of four bytes', text(5), 'a😀b', '61f09f9880'],
  ['text that ends with a lone surrogate', text(5), 'a\ud83d', '61efbfbd00'],
  ['an array', array(int(16), 3), [1, -1, 2], '0100ffff0200'],
  ['an array of a typed array', array(uint(8), 2), Uint8Array.of(3, 4), '0304'],
  ['an empty array', array(int(16), 0), [], ''],
  ['a sequence', struct({ s: sequence(uint(8)) }), { s: [5, 6] }, '020000000506'],
  ['an empty sequence', struct({ s: sequence(string) }), { s: [] }, '00000000'],
  ['an array-like', struct({ s: sequence(uint(8)) }), { s: { length: 1, 0: 9 } }, '0100000009'],
  [
    'structures in structures',
    struct({ a: POINT, b: POINT }),
    { a: { x: 1, y: 2 }, b: { x: 3, y: 4 } },
    '0100020003000400',
  ],
  [
    'an array of structures',
    array(POINT, 2),
    [
      { x: 1, y: 2 },
      { x: 3, y: 4 },
    ],
    '0100020003000400',
  ],
  [
    'names that are no identifiers',
    struct({ 'a b': uint(8), __proto: uint(8) }),
    { 'a b': 1, __proto: 2 },
    '0102',
  ],
  [
    'bits, least first',
    struct({ a: uint(3, 1), b: uint(5, 1), c: uint(8, 1) }),
    { a: 5, b: 17, c: 0xab },
    '8dab',
  ],
  ['bits, most first', struct({ a: uint(3, 1, BIG), b: uint(5, 1, BIG) }), { a: 5, b: 17 }, 'b1'],
  ['bits over a byte', struct({ a: uint(3, 1), b: uint(10, 1) }), { a: 1, b: 0x3ff }, 'f91f'],
  [
    'bits over a byte, most first',
    struct({ a: uint(3, 1, BIG), b: uint(10, 1, BIG) }),
    { a: 1, b: 0x3ff },
    '3ff8',
  ],
  ['nibbles', array(uint(3, 4), 3), [1, 2, 3], '2103'],
  ['a byte after bits', struct({ a: uint(3, 1), b: uint(8) }), { a: 1, b: 2 }, '0102'],
  ['text after bits', struct({ a: uint(3, 1), b: string }), { a: 1, b: 'x' }, '017800'],
  [
    'a structure that begins at a byte',
    struct({ a: uint(3, 1), b: struct({ c: uint(3, 1) }, 8) }),
    { a: 1, b: { c: 2 } },
    '0102',
  ],
  [
    'a structure that holds a byte',
    struct({ a: uint(3, 1), b: struct({ c: uint(3, 1), d: uint(8) }) }),
    { a: 1, b: { c: 2, d: 3 } },
    '010203',
  ],
  [
    'an empty array aligns',
    struct({ a: uint(3, 1), b: array(uint(8), 0), c: uint(3, 1) }),
    { a: 1, b: [], c: 2 },
    '0102',
  ],
]

const OBJECTS = [null, undefined, {}, [], Symbol('s'), () => 1, new Date(0)]
const NO_NUMBERS = [...OBJECTS, 'x', '1', true, NaN, Infinity, -Infinity]
const throwing = (error: unknown): object =>
  Object.defineProperty({}, 'x', { get: () => fail(error), enumerable: true })

function fail(error: unknown): never {
  throw error
}

const BAD: readonly (readonly [name: string, fieldClass: FieldClass, values: readonly unknown[]])[] = [
  ['i8', int(8), [...NO_NUMBERS, 128, -129, 128n, 2n ** 2000n]],
  ['u8', uint(8), [...NO_NUMBERS, 256, -1, -1n]],
  ['i32', int(32), [...NO_NUMBERS, 2 ** 31, -(2 ** 31) - 1, 1e300]],
  ['u32', uint(32), [...NO_NUMBERS, 2 ** 32, -1]],
  ['i33', int(33), [...NO_NUMBERS, 2 ** 32, -(2 ** 32) - 1, 2n ** 32n]],
  ['u33', uint(33), [...NO_NUMBERS, 2 ** 33, -1, 2n ** 63n]],
  ['i64', int(64), [...NO_NUMBERS, 2 ** 53, -(2 ** 53), 2n ** 63n, -(2n ** 63n) - 1n]],
  ['u64', uint(64), [...NO_NUMBERS, 2 ** 53, -1, -1n, 2n ** 64n]],
  ['3 bits', int(3, true, 1), [...NO_NUMBERS, 4, -5]],
  ['f32', float(32), [...OBJECTS, '1', true, 1n]],
  ['f64', float(64), [...OBJECTS, '1', true, 1n]],
  ['bool', bool, [...OBJECTS, 0, 1, 'true', 1n]],
  ['a label', labelled(uint(8), COLOURS), [...OBJECTS, 'pink', '', 'toString', '__proto__', NaN, 256]],
  ['text', string, [...OBJECTS, 1, 1n, true, new String('x')]],
  ['text of fixed length', text(4), [...OBJECTS, 1, 1n]],
  [
    'an array',
    array(uint(8), 2),
    [...OBJECTS, [1], [1, 2, 3], [1, 256], [1, undefined], 'ab', { length: '2' }],
  ],
  ['an array of text', array(string, 2), [...OBJECTS, ['a'], ['a', 1], 'ab']],
  ['a structure', POINT, [...OBJECTS, 1, 'x', { x: 1 }, { y: 1 }, { x: 1, y: 40000 }]],
  [
    'a sequence',
    struct({ s: sequence(uint(8)) }),
    [...OBJECTS, { s: 1 }, { s: null }, { s: 'abc' }, { s: [1, 'x'] }, { s: {} }, { s: { length: NaN } }],
  ],
  [
    'a sequence of a length that no length field holds',
    struct({ s: sequence(struct({})) }),
    [{ s: { length: -1 } }, { s: { length: 0.5 } }, { s: { length: 2 ** 32 } }, { s: { length: Infinity } }],
  ],
]

function assertBad(encoder: Encoder, value: unknown): void {
  const seen = { size: undefined as unknown, encode: undefined as unknown }
  let room = 64
  try {
    room = encoder.size(value)
  } catch (error) {
    seen.size = error
  }
  const bytes = new Uint8Array(MARGIN + room + MARGIN).fill(GUARD)
  try {
    encoder.encode(new DataView(bytes.buffer), bytes, MARGIN, value)
  } catch (error) {
    seen.encode = error
  }
  assert.equal(seen.encode, BAD_VALUE)
  assert.equal(
    [undefined, BAD_VALUE].includes(seen.size as Readonly<Error>),
    true,
    `size() threw ${seen.size}`,
  )
  assertGuard(bytes, room)
}

export function encoderContract(name: string, make: EncoderMaker): void {
  const assertBytes = (fieldClass: FieldClass, value: unknown): void =>
    assert.equal(hex(encodeGuarded(make(planOf(fieldClass)), value)), hex(referenceBytes(fieldClass, value)))

  for (const [what, fieldClass, value, expected] of GOLDEN) {
    test(`${name}: ${what}`, () => {
      assert.equal(hex(encodeGuarded(make(planOf(fieldClass)), value)), expected)
      assert.equal(hex(referenceBytes(fieldClass, value)), expected, 'the reference agrees')
    })
  }

  for (const [what, fieldClass, values] of BAD) {
    test(`${name}: ${what} of a wrong value is BAD_VALUE`, () => {
      const encoder = make(planOf(fieldClass))
      for (const value of values) assertBad(encoder, value)
    })
  }

  for (const order of ['little-endian', BIG] as const) {
    test(`${name}: ${order} integers of 1 to 64 bits at a byte and between bits`, () => {
      for (let bits = 1; bits <= 64; bits++) {
        for (const signed of [true, false]) {
          const [min, max] = range(bits, signed)
          const packed = { a: uint(3, 1, order), b: int(bits, signed, 1, order), c: uint(5, 1, order) }
          for (const value of [min, max, 0n, max / 3n, min / 3n]) {
            const number = Number.isSafeInteger(Number(value)) ? Number(value) : value
            for (const given of [value, number]) {
              assertBytes(int(bits, signed, 8, order), given)
              assertBytes(struct(packed), { a: 5, b: given, c: 21 })
            }
          }
          const encoder = make(planOf(struct(packed)))
          for (const b of [max + 1n, min - 1n]) assertBad(encoder, { a: 5, b, c: 21 })
        }
      }
    })
  }

  test(`${name}: floating point numbers of both orders`, () => {
    for (const value of [0, -0, 1, -1.5, Math.PI, 5e-324, Number.MAX_VALUE, NaN, -Infinity]) {
      for (const order of ['little-endian', BIG] as const) {
        assertBytes(float(32, order), value)
        assertBytes(struct({ a: uint(1, 1, order), f: float(64, order), b: uint(1, 1, order) }), {
          a: 1,
          f: value,
          b: 1,
        })
      }
    }
  })

  test(`${name}: texts of 0 to 70 characters, of each width and with U+0000 at each place`, () => {
    for (let length = 0; length <= 70; length++) {
      for (const character of ['a', '\x7f', '\0', '\x80', 'ÿ', 'é', '中', '\ud83d', '\ude00', '😀']) {
        assertBytes(string, character.repeat(length))
        for (let at = 0; at < length; at++) {
          const ascii = 'abcdefghij'.repeat(7).slice(0, length)
          assertBytes(string, ascii.slice(0, at) + character + ascii.slice(at + 1))
        }
      }
    }
  })

  test(`${name}: texts of 64 KiB`, () => {
    for (const character of ['a', 'é', '\0', '\ud800']) assertBytes(string, character.repeat(65536))
    assertBytes(struct({ s: string, e: string, t: uint(8) }), { s: '😀'.repeat(32768), e: '', t: 255 })
  })

  test(`${name}: texts of fixed length are cut between characters`, () => {
    for (let length = 0; length <= 20; length++) {
      for (const value of [
        '',
        'abcdefghijklmnopqrstuvwxyz',
        'é'.repeat(11),
        '中'.repeat(8),
        'a😀'.repeat(5),
        '\0'.repeat(9),
      ]) {
        assertBytes(text(length), value)
      }
    }
  })

  test(`${name}: an error of the program's own comes out as it is`, () => {
    const own = new Error('mine')
    for (const x of [uint(8), string, POINT, array(string, 1)]) {
      const encoder = make(planOf(struct({ x })))
      const bytes = new Uint8Array(64)
      const caught = { error: undefined as unknown }
      try {
        encoder.encode(new DataView(bytes.buffer), bytes, 0, throwing(own))
      } catch (error) {
        caught.error = error
      }
      assert.equal(caught.error, own)
      assert.deepEqual(new Set(bytes), new Set([0]))
    }
  })

  test(`${name}: a value that has grown since it was measured is no record`, () => {
    for (const last of [string, array(uint(8), 2), text(60)]) {
      const encoder = make(planOf(struct({ x: string, last })))
      const texts = ['a', 'b'.repeat(100)]
      const lying = { last: last === string ? 'x' : last.type === 'static-length-string' ? 'x' : [1, 2] }
      Object.defineProperty(lying, 'x', { get: () => texts.shift() })
      const bytes = new Uint8Array(encoder.size(lying))
      assert.throws(() => encoder.encode(new DataView(bytes.buffer), bytes, 0, lying), RangeError)
    }
  })

  test(`${name}: arbitrary classes and values`, () => {
    const property = fc.property(samples, ({ fieldClass, value }) => assertBytes(fieldClass, value))
    fc.assert(property, { seed: 20, numRuns: 1500 })
  })
}
