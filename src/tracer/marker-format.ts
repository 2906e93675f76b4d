/**
 * Marker formats, as the kernel's markers had them: `name %type` pairs between white space, with an optional
 * `#SIZE` before the type that says how many bytes are recorded.
 *
 *   prev_pid %d next_pid %d prev_state #2d%ld     a long, of which two bytes are recorded, shown in decimal
 *
 * The same grammar stands here twice: for the compiler, which gets the argument types from it, and for the
 * program, which gets the fields.
 */
import { KymoError } from '../base/index.ts'
import type { FieldClass } from '../ctf/model/index.ts'
import { type FieldType, floatClass, integerClass, str } from './field.ts'

interface ArgumentTypes {
  d: number
  i: number
  u: number
  x: number
  o: number
  c: number
  ld: number | bigint
  li: number | bigint
  lu: number | bigint
  lx: number | bigint
  lld: number | bigint
  llu: number | bigint
  llx: number | bigint
  p: number | bigint
  zu: number | bigint
  s: string
  f: number
  g: number
  lf: number
}

type Conversion = keyof ArgumentTypes
type IntegerConversion = Exclude<Conversion, 's' | 'f' | 'g' | 'lf'>
/** `#` bytes and how they are shown. */
type SizeAnnotation = `#${1 | 2 | 4 | 8}${'d' | 'u' | 'x' | 'o'}`

/** The argument of one `%type`, with or without a size annotation. */
type Argument<Spec extends string> = Spec extends `%${infer C extends Conversion}`
  ? ArgumentTypes[C]
  : Spec extends `${SizeAnnotation}%${infer C extends IntegerConversion}`
    ? ArgumentTypes[C]
    : never

type Words<F extends string> = F extends `${infer Head} ${infer Rest}`
  ? Head extends ''
    ? Words<Rest>
    : [Head, ...Words<Rest>]
  : F extends ''
    ? []
    : [F]

type Pairs<W extends readonly string[]> = W extends [
  string,
  infer Spec extends string,
  ...infer Rest extends string[],
]
  ? [Argument<Spec>, ...Pairs<Rest>]
  : []

/** The arguments of a marker with format `F`; `never` for a conversion that does not exist. */
export type MarkerArguments<F extends string> = Pairs<Words<F>>

type IsWellFormed<W extends readonly string[]> = W extends []
  ? true
  : W extends [string, infer Spec extends string, ...infer Rest extends string[]]
    ? [Argument<Spec>] extends [never]
      ? false
      : IsWellFormed<Rest>
    : false

/** `F` itself, or a message where it is no format. */
export type MarkerFormat<F extends string> =
  IsWellFormed<Words<F>> extends true ? F : `a marker format is "name %type" pairs: ${F}`

interface ConversionShape {
  readonly bytes: number
  readonly kind: 'signed' | 'unsigned' | 'float' | 'string'
  readonly base?: 8 | 10 | 16
}

const SHAPES: Readonly<Record<Conversion, ConversionShape>> = {
  d: { bytes: 4, kind: 'signed' },
  i: { bytes: 4, kind: 'signed' },
  u: { bytes: 4, kind: 'unsigned' },
  x: { bytes: 4, kind: 'unsigned', base: 16 },
  o: { bytes: 4, kind: 'unsigned', base: 8 },
  c: { bytes: 1, kind: 'unsigned' },
  ld: { bytes: 8, kind: 'signed' },
  li: { bytes: 8, kind: 'signed' },
  lu: { bytes: 8, kind: 'unsigned' },
  lx: { bytes: 8, kind: 'unsigned', base: 16 },
  lld: { bytes: 8, kind: 'signed' },
  llu: { bytes: 8, kind: 'unsigned' },
  llx: { bytes: 8, kind: 'unsigned', base: 16 },
  p: { bytes: 8, kind: 'unsigned', base: 16 },
  zu: { bytes: 8, kind: 'unsigned' },
  s: { bytes: 0, kind: 'string' },
  f: { bytes: 8, kind: 'float' },
  g: { bytes: 8, kind: 'float' },
  lf: { bytes: 8, kind: 'float' },
}

/** `#` bytes and how they are shown (d, u, x, o), before the conversion of the argument. */
const SPECIFICATION = /^(?:#([1248])([duxo]))?%([a-z]+)$/

export function parseMarkerFormat(format: string): { name: string; type: FieldType }[] {
  const words = format.split(' ').filter(word => word !== '')
  if (words.length % 2 !== 0) refuse(format, `${words[words.length - 1]} has no %type`)
  return Array.from({ length: words.length / 2 }, (_, i) => ({
    name: words[2 * i] as string,
    type: markerType(format, words[2 * i + 1] as string),
  }))
}

function markerType(format: string, specification: string): FieldType {
  const [, size, shown, conversion] = SPECIFICATION.exec(specification) ?? []
  const shape = Object.hasOwn(SHAPES, conversion ?? '') ? SHAPES[conversion as Conversion] : undefined
  if (shape === undefined) return refuse(format, `${specification} is no %type`)
  if (shape.kind === 'string' || shape.kind === 'float') {
    if (size !== undefined) refuse(format, `${specification}: a size goes with integers`)
    return shape.kind === 'string' ? str.type : typeOf(conversion as string, floatClass(64))
  }
  const base = shown === 'x' ? 16 : shown === 'o' ? 8 : (shape.base ?? 10)
  const signed = shown === undefined ? shape.kind === 'signed' : shown === 'd'
  const bits = (size === undefined ? shape.bytes : Number(size)) * 8
  return typeOf(specification.replace('%', ''), integerClass(bits, signed, base))
}

function typeOf(label: string, fieldClass: FieldClass): FieldType {
  return { label: `%${label}`, fieldClass, members: name => [{ name, fieldClass }] }
}

function refuse(format: string, what: string): never {
  throw new KymoError(
    'KYMO_FORMAT',
    `a marker format is "name %type" pairs: ${what} in ${JSON.stringify(format)}`,
  )
}
