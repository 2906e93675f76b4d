/** Field classes by short names, and arbitrary ones with values that fit them. */
import fc from 'fast-check'
import type { ByteOrder, FieldClass, IntegerClass, MemberClass, StructureClass } from '../model/index.ts'

export function int(
  bits: number,
  signed = true,
  alignment = 8,
  byteOrder: ByteOrder = 'little-endian',
): IntegerClass {
  const type = signed ? 'fixed-length-signed-integer' : 'fixed-length-unsigned-integer'
  return { type, length: bits, byteOrder, alignment }
}

export function uint(bits: number, alignment = 8, byteOrder: ByteOrder = 'little-endian'): IntegerClass {
  return int(bits, false, alignment, byteOrder)
}

export function float(length: 32 | 64, byteOrder: ByteOrder = 'little-endian'): FieldClass {
  return { type: 'fixed-length-floating-point-number', length, byteOrder, alignment: 8 }
}

export const bool: FieldClass = {
  type: 'fixed-length-boolean',
  length: 8,
  byteOrder: 'little-endian',
  alignment: 8,
}
export const string: FieldClass = { type: 'null-terminated-string' }

export function text(length: number): FieldClass {
  return { type: 'static-length-string', length }
}

export function array(elementFieldClass: FieldClass, length: number): FieldClass {
  return { type: 'static-length-array', elementFieldClass, length }
}

/** Members by name; `sequence(…)` brings its length along. */
export function struct(
  members: Readonly<Record<string, FieldClass>>,
  minimumAlignment?: number,
): StructureClass {
  const memberClasses = Object.entries(members).flatMap(([name, fieldClass]): MemberClass[] => {
    if (fieldClass.type !== 'dynamic-length-array') return [{ name, fieldClass }]
    const lengthMember = `_${name}_length`
    return [
      { name: lengthMember, fieldClass: uint(32) },
      { name, fieldClass: { ...fieldClass, lengthMember } },
    ]
  })
  return { type: 'structure', memberClasses, ...(minimumAlignment === undefined ? {} : { minimumAlignment }) }
}

/** Stands in a struct() only. */
export function sequence(elementFieldClass: FieldClass): FieldClass {
  return { type: 'dynamic-length-array', elementFieldClass, lengthMember: '' }
}

export function labelled(fieldClass: IntegerClass, labels: Readonly<Record<string, number>>): IntegerClass {
  const mappings = Object.entries(labels).map(([label, value]) => [label, [[String(value), String(value)]]])
  return { ...fieldClass, mappings: Object.fromEntries(mappings) }
}

export function range(bits: number, signed: boolean): readonly [min: bigint, max: bigint] {
  return signed ? [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n] : [0n, 2n ** BigInt(bits) - 1n]
}

function leaf(byteOrder: ByteOrder): fc.Arbitrary<FieldClass> {
  const integer = fc
    .tuple(fc.integer({ min: 1, max: 64 }), fc.boolean(), fc.constantFrom(1, 2, 4, 8))
    .map(([bits, signed, alignment]) => int(bits, signed, alignment, byteOrder))
  const plain = fc
    .tuple(fc.constantFrom(8, 16, 32, 64), fc.boolean())
    .map(([bits, signed]) => int(bits, signed, 8, byteOrder))
  const other = fc.constantFrom(float(32, byteOrder), float(64, byteOrder), bool, string, text(5), text(17))
  return fc.oneof({ weight: 3, arbitrary: integer }, plain, other)
}

function compound(byteOrder: ByteOrder, depth: number): fc.Arbitrary<FieldClass> {
  if (depth === 0) return leaf(byteOrder)
  const inner = compound(byteOrder, depth - 1)
  return fc.oneof(
    { weight: 2, arbitrary: leaf(byteOrder) },
    fc.tuple(inner, fc.integer({ min: 0, max: 4 })).map(([element, length]) => array(element, length)),
    structure(inner),
  )
}

function structure(inner: fc.Arbitrary<FieldClass>): fc.Arbitrary<StructureClass> {
  const member = fc.oneof({ weight: 4, arbitrary: inner }, inner.map(sequence))
  const members = fc.array(member, { maxLength: 5 })
  return fc
    .tuple(members, fc.constantFrom(undefined, 1, 8))
    .map(([list, alignment]) => struct(Object.fromEntries(list.map((of, i) => [`m${i}`, of])), alignment))
}

const anyText = fc.oneof(
  fc.string({ maxLength: 70 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(fc.constantFrom('\0', 'a', 'é', '\ud800', '\udc00', '😀', '中'), { maxLength: 40 })
    .map(list => list.join('')),
)

function fitting(fieldClass: FieldClass): fc.Arbitrary<unknown> {
  switch (fieldClass.type) {
    case 'fixed-length-unsigned-integer':
    case 'fixed-length-signed-integer': {
      const [min, max] = range(fieldClass.length, fieldClass.type === 'fixed-length-signed-integer')
      return fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max)).map(value => {
        return Number.isSafeInteger(Number(value)) ? Number(value) : value
      })
    }
    case 'fixed-length-floating-point-number':
      return fc.double()
    case 'fixed-length-boolean':
      return fc.boolean()
    case 'structure':
      return fc.record(
        Object.fromEntries(fieldClass.memberClasses.map(member => [member.name, fitting(member.fieldClass)])),
      )
    case 'static-length-array': {
      const { length } = fieldClass
      return fc.array(fitting(fieldClass.elementFieldClass), { minLength: length, maxLength: length })
    }
    case 'dynamic-length-array':
      return fc.array(fitting(fieldClass.elementFieldClass), { maxLength: 5 })
    default:
      return anyText
  }
}

export interface Sample {
  readonly fieldClass: FieldClass
  readonly value: unknown
}

export const samples: fc.Arbitrary<Sample> = fc
  .constantFrom<ByteOrder>('little-endian', 'big-endian')
  .chain(byteOrder => fc.oneof(compound(byteOrder, 2), structure(compound(byteOrder, 1))))
  .chain(fieldClass => fitting(fieldClass).map(value => ({ fieldClass, value })))
