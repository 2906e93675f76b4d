/**
 * Field builders: each names a field and says its type, for the compiler and for the trace. With a second
 * argument a builder also says how to read the value from a site's arguments.
 *
 *   u64('id')                          the site is given a number or bigint
 *   str('method', request => request.method)   the site is given a request
 */
import { KymoError } from '../base/index.ts'
import { type Plan, structurePlan } from '../ctf/codec/index.ts'
import type { FieldClass, MemberClass, StructureClass } from '../ctf/model/index.ts'

declare const VALUE: unique symbol

/** A named field that holds a `T`. The compiler alone sees `[VALUE]`: builders and extracted fields have none. */
export interface Field<N extends string, T> {
  readonly name: N
  readonly type: FieldType
  readonly [VALUE]: (value: T) => void
}

/** A field that reads its value from the site's arguments. */
export interface ExtractedField<A extends readonly unknown[]> {
  readonly name: string
  readonly type: FieldType
  readonly extract: (...args: A) => unknown
}

/** What a type records: one member, or two where a length goes before the elements. */
export interface FieldType {
  /** As `kymo list -u --fields` shows it. */
  readonly label: string
  /** `undefined` for elements behind a length. */
  readonly fieldClass: FieldClass | undefined
  members(name: string): readonly MemberClass[]
}

export interface FieldBuilder<T> {
  <N extends string>(name: N): Field<N, T>
  <A extends readonly unknown[]>(name: string, extract: (...args: A) => T): ExtractedField<A>
  readonly type: FieldType
}

/** What an array's elements may be: `u32`, `str`, or a field such as `struct('point', f64('x'), f64('y'))`. */
export type Element<T> = FieldBuilder<T> | Field<string, T>

function builder<T>(label: string, fieldClass: FieldClass): FieldBuilder<T> {
  return named<T>({ label, fieldClass, members: name => [{ name, fieldClass }] })
}

function named<T>(type: FieldType): FieldBuilder<T> {
  const build = (name: string, extract?: (...args: readonly unknown[]) => T): unknown =>
    extract === undefined ? { name, type } : { name, type, extract }
  return Object.assign(build, { type }) as unknown as FieldBuilder<T>
}

type Base = 8 | 10 | 16

export function integerClass(bits: number, signed: boolean, preferredDisplayBase: Base = 10): FieldClass {
  return {
    type: signed ? 'fixed-length-signed-integer' : 'fixed-length-unsigned-integer',
    length: bits,
    byteOrder: 'little-endian',
    alignment: 8,
    preferredDisplayBase,
  }
}

export function floatClass(bits: 32 | 64): FieldClass {
  return {
    type: 'fixed-length-floating-point-number',
    length: bits,
    byteOrder: 'little-endian',
    alignment: 8,
  }
}

/** Integers: a fraction is cut off; a value out of range, NaN or of another type is a discarded record. */
export const i8: FieldBuilder<number> = builder('i8', integerClass(8, true))
export const i16: FieldBuilder<number> = builder('i16', integerClass(16, true))
export const i32: FieldBuilder<number> = builder('i32', integerClass(32, true))
export const u8: FieldBuilder<number> = builder('u8', integerClass(8, false))
export const u16: FieldBuilder<number> = builder('u16', integerClass(16, false))
export const u32: FieldBuilder<number> = builder('u32', integerClass(32, false))
/** 64 bits: a number below 2⁵³ in magnitude, or any bigint in range (slower). */
export const i64: FieldBuilder<number | bigint> = builder('i64', integerClass(64, true))
export const u64: FieldBuilder<number | bigint> = builder('u64', integerClass(64, false))
export const f32: FieldBuilder<number> = builder('f32', floatClass(32))
export const f64: FieldBuilder<number> = builder('f64', floatClass(64))
export const bool: FieldBuilder<boolean> = builder('bool', {
  type: 'fixed-length-boolean',
  length: 8,
  byteOrder: 'little-endian',
  alignment: 8,
})
/** UTF-8; U+0000 becomes U+2400, a lone surrogate U+FFFD. */
export const str: FieldBuilder<string> = builder('str', { type: 'null-terminated-string' })

/** Labels with their values (−2³¹ to 2³²−1), recorded in 8, 16 or 32 bits. The site is given a label. */
export function enumeration<N extends string, const L extends Readonly<Record<string, number>>>(
  name: N,
  labels: L,
): Field<N, keyof L & string>
export function enumeration<const L extends Readonly<Record<string, number>>, A extends readonly unknown[]>(
  name: string,
  labels: L,
  extract: (...args: A) => keyof L & string,
): ExtractedField<A>
export function enumeration(
  name: string,
  labels: Readonly<Record<string, number>>,
  extract?: (...args: readonly unknown[]) => string,
): unknown {
  const values = Object.values(labels)
  const min = Math.min(0, ...values)
  const max = Math.max(0, ...values)
  if (
    values.length === 0 ||
    !values.every(Number.isInteger) ||
    min < -(2 ** 31) ||
    max >= 2 ** (min < 0 ? 31 : 32)
  ) {
    throw new KymoError(
      'KYMO_FIELD',
      `enumeration ${name} needs labels with whole numbers of 32 bits: got ${values}`,
    )
  }
  const bits =
    [8, 16].find(size => (min < 0 ? -min <= 2 ** (size - 1) && max < 2 ** (size - 1) : max < 2 ** size)) ?? 32
  const mappings = Object.fromEntries(
    Object.entries(labels).map(([label, value]) => [label, [[String(value), String(value)]] as const]),
  )
  const fieldClass = { ...integerClass(bits, min < 0), mappings } as FieldClass
  const build = builder<string>(`enum { ${Object.keys(labels).join(', ')} }`, fieldClass)
  return extract === undefined ? build(name) : build(name, extract)
}

function elementClass(element: Element<never>, owner: string): FieldClass {
  const { fieldClass } = element.type
  if (fieldClass !== undefined) return fieldClass
  throw new KymoError(
    'KYMO_FIELD',
    `${owner} needs elements without a length of their own: put the sequence into a struct`,
  )
}

/** Exactly `length` elements. */
export function array<N extends string, T>(
  name: N,
  element: Element<T>,
  length: number,
): Field<N, ArrayLike<T>>
export function array<T, A extends readonly unknown[]>(
  name: string,
  element: Element<T>,
  length: number,
  extract: (...args: A) => ArrayLike<T>,
): ExtractedField<A>
export function array(
  name: string,
  element: Element<never>,
  length: number,
  extract?: (...args: readonly unknown[]) => ArrayLike<unknown>,
): unknown {
  if (!Number.isInteger(length) || length < 0) {
    throw new KymoError('KYMO_FIELD', `array ${name} needs a whole number of elements: got ${length}`)
  }
  const elementFieldClass = elementClass(element, `array ${name}`)
  const build = builder<ArrayLike<unknown>>(`${element.type.label}[${length}]`, {
    type: 'static-length-array',
    elementFieldClass,
    length,
  })
  return extract === undefined ? build(name) : build(name, extract)
}

/** Any number of elements, with their number before them. */
export function sequence<N extends string, T>(name: N, element: Element<T>): Field<N, ArrayLike<T>>
export function sequence<T, A extends readonly unknown[]>(
  name: string,
  element: Element<T>,
  extract: (...args: A) => ArrayLike<T>,
): ExtractedField<A>
export function sequence(
  name: string,
  element: Element<never>,
  extract?: (...args: readonly unknown[]) => ArrayLike<unknown>,
): unknown {
  const elementFieldClass = elementClass(element, `sequence ${name}`)
  const build = named<ArrayLike<unknown>>({
    label: `${element.type.label}[]`,
    fieldClass: undefined,
    members: of => [
      { name: `_${of}_length`, fieldClass: integerClass(32, false) },
      {
        name: of,
        fieldClass: { type: 'dynamic-length-array', elementFieldClass, lengthMember: `_${of}_length` },
      },
    ],
  })
  return extract === undefined ? build(name) : build(name, extract)
}

type AnyField = Field<string, never>

/** The object that a struct's fields make. */
export type Members<F extends readonly AnyField[]> = {
  [K in F[number] as K['name']]: K extends Field<string, infer T> ? T : never
}

/** Several fields as one; the value is an object with a member for each. */
export function struct<N extends string, const F extends readonly AnyField[]>(
  name: N,
  ...fields: F
): Field<N, Members<F>> {
  const fieldClass = payloadClass(fields, `struct ${name}`)
  const label = `{ ${fields.map(field => `${field.name}: ${field.type.label}`).join(', ')} }`
  return builder<Members<F>>(label, fieldClass)(name)
}

/** The structure of these fields, in their order. Names differ and are not empty. */
export function payloadClass(
  fields: readonly { readonly name: string; readonly type: FieldType }[],
  owner: string,
): StructureClass {
  const memberClasses = fields.flatMap(field => field.type.members(field.name))
  const names = new Set<string>()
  for (const { name } of memberClasses) {
    if (typeof name !== 'string' || name === '' || names.has(name)) {
      throw new KymoError(
        'KYMO_FIELD',
        `${owner} needs fields with names of their own: got ${JSON.stringify(name)}${names.has(name) ? ' twice' : ''}`,
      )
    }
    names.add(name)
  }
  return { type: 'structure', memberClasses }
}

/** How each field is recorded, in the order of the fields. */
export function fieldPlans(payload: StructureClass): readonly Plan[] {
  return structurePlan(payload).members.map(member => member.plan)
}
