import { isPowerOfTwo, KymoError } from '../../../base/index.ts'
import {
  type BooleanClass,
  type ByteOrder,
  CLOCK_ROLE,
  type FieldClass,
  type FloatingPointClass,
  type IntegerClass,
  isClockField,
  type StructureClass,
  type VariantClass,
} from '../../model/index.ts'
import { type EnumerationRange, labelRanges, selectorRanges } from './enumeration.ts'
import { identifier, type NameScope, natural, quoted, TSDL_ERROR } from './lexical.ts'

/** Where a field stands: what its text depends on besides its class. */
export interface Place {
  readonly scope: NameScope
  /** The trace's byte order, which needs not be written. */
  readonly native: ByteOrder
  /** Absent where the CTF 1.8 text cannot refer to a clock. */
  readonly clockName?: string
  /** For messages: `payload.a.b`. */
  readonly path: string
  /** Levels of compound classes around. */
  readonly level: number
  /** Of the line that the field's class starts in, in tabs. */
  readonly indent: number
}

/** Compound classes within each other. Readers' parsers recurse, and so does this one. */
const MAX_LEVEL = 32
const MAX_LENGTH = 2 ** 32 - 1
const MAX_ALIGNMENT_BITS = 4096
const TEXT_BYTE = 'integer { size = 8; align = 8; signed = false; encoding = UTF8; base = 10; }'
const BLOB_BYTE = 'integer { size = 8; align = 8; signed = false; base = 16; }'

export function refuse(place: Place, why: string, fields: Readonly<Record<string, unknown>> = {}): never {
  throw new KymoError(TSDL_ERROR, `field ${place.path}: ${why}`, { field: place.path, ...fields })
}

/** A type and a declarator, `integer { … } _name[4]`, with neither indentation before nor `;` behind. */
function declaration(
  fieldClass: FieldClass,
  declarator: string,
  place: Place,
  selected: readonly VariantClass[],
): string {
  const length = (count: number): string => natural(count, 0, MAX_LENGTH, `the length of field ${place.path}`)
  switch (fieldClass.type) {
    case 'fixed-length-unsigned-integer':
    case 'fixed-length-signed-integer': {
      const ranges =
        selected.length > 0 ? selectorRanges(selected, place.scope) : labelRanges(fieldClass.mappings ?? {})
      return `${integerText(fieldClass, ranges, place)} ${declarator}`
    }
    case 'fixed-length-boolean':
      return `${booleanText(fieldClass, place)} ${declarator}`
    case 'fixed-length-floating-point-number':
      return `${floatingPointText(fieldClass, place)} ${declarator}`
    case 'null-terminated-string':
      return `string ${declarator}`
    case 'static-length-string':
      return `${TEXT_BYTE} ${declarator}[${length(fieldClass.length)}]`
    case 'static-length-blob':
      return `${BLOB_BYTE} ${declarator}[${length(fieldClass.length)}]`
    case 'structure':
      return `${structureText(fieldClass, { ...inside(place), indent: place.indent + 1 })} ${declarator}`
    case 'static-length-array': {
      refuseDynamicElement(fieldClass.elementFieldClass, place)
      const array = `${declarator}[${length(fieldClass.length)}]`
      return declaration(fieldClass.elementFieldClass, array, inside(place), [])
    }
    case 'dynamic-length-array': {
      refuseDynamicElement(fieldClass.elementFieldClass, place)
      const sequence = `${declarator}[${identifier(fieldClass.lengthMember, place.scope)}]`
      return declaration(fieldClass.elementFieldClass, sequence, inside(place), [])
    }
    case 'variant':
      return `${variantText(fieldClass, { ...inside(place), indent: place.indent + 1 })} ${declarator}`
    default:
      return refuse(place, `unknown field class ${JSON.stringify((fieldClass as { type: unknown }).type)}`)
  }
}

/** The inner length would be read once for all elements, so the tracer has to put it into the element. */
function refuseDynamicElement(element: FieldClass, place: Place): void {
  if (element.type === 'dynamic-length-array') {
    refuse(place, 'an array whose elements are dynamic-length arrays needs a structure around each element')
  }
}

function inside(place: Place): Place {
  if (place.level >= MAX_LEVEL)
    refuse(place, `more than ${MAX_LEVEL} levels of field classes`, { limit: MAX_LEVEL })
  return { ...place, level: place.level + 1 }
}

/** `struct { … } align(N)`, whose closing brace is indented by `place.indent` tabs. */
export function structureText(structure: StructureClass, place: Place): string {
  const names = new Set<string>()
  const lines = structure.memberClasses.map(({ name, fieldClass }) => {
    const member = { ...place, path: `${place.path}.${name}` }
    if (names.has(name)) refuse(member, 'a structure has two members of this name')
    requireEarlier(fieldClass, structure, names, member)
    names.add(name)
    const selected = structure.memberClasses.flatMap(({ fieldClass: other }) => {
      const variant = innermost(other)
      return variant.type === 'variant' && variant.selectorMember === name ? [variant] : []
    })
    const text = declaration(fieldClass, identifier(name, place.scope), member, selected)
    return `${tabs(place.indent + 1)}${text};\n`
  })
  const body = lines.length === 0 ? '{ }' : `{\n${lines.join('')}${tabs(place.indent)}}`
  const minimum = structure.minimumAlignment ?? 1
  return `struct ${body}${minimum > 1 ? ` align(${alignmentText(minimum, place)})` : ''}`
}

/** A reader takes the length or the selector it has decoded last: it must stand before. */
function requireEarlier(
  fieldClass: FieldClass,
  structure: StructureClass,
  earlier: ReadonlySet<string>,
  place: Place,
): void {
  const inner = innermost(fieldClass)
  const wanted = [
    ...(fieldClass.type === 'dynamic-length-array' ? [fieldClass.lengthMember] : []),
    ...(inner.type === 'variant' ? [inner.selectorMember] : []),
  ]
  for (const name of wanted) {
    const found = structure.memberClasses.find(member => member.name === name)?.fieldClass.type
    const unsigned = found === 'fixed-length-unsigned-integer'
    const selects = inner.type === 'variant' && found === 'fixed-length-signed-integer'
    if (!earlier.has(name) || !(unsigned || selects)) {
      refuse(place, `needs an integer member ${JSON.stringify(name)} before it in the same structure`, {
        wanted: name,
      })
    }
  }
}

function innermost(fieldClass: FieldClass): FieldClass {
  let inner = fieldClass
  while (inner.type === 'static-length-array' || inner.type === 'dynamic-length-array')
    inner = inner.elementFieldClass
  return inner
}

function variantText(variant: VariantClass, place: Place): string {
  const options = variant.options.map(({ name, fieldClass }) => {
    const option = { ...place, path: `${place.path}.${name}` }
    return `${tabs(place.indent + 1)}${declaration(fieldClass, identifier(name, place.scope), option, [])};\n`
  })
  if (options.length === 0) refuse(place, 'a variant needs an option')
  return `variant <${identifier(variant.selectorMember, place.scope)}> {\n${options.join('')}${tabs(place.indent)}}`
}

function integerText(integer: IntegerClass, ranges: readonly EnumerationRange[], place: Place): string {
  const signed = integer.type === 'fixed-length-signed-integer'
  const base = integer.preferredDisplayBase ?? 10
  if (![2, 8, 10, 16].includes(base)) refuse(place, `a display base is 2, 8, 10 or 16: got ${base}`, { base })
  const text = `integer { ${bitsText(integer, place)} signed = ${signed}; base = ${base}; ${mapText(integer, place)}}`
  return enumText(text, ranges, signed, integer.length, place)
}

function mapText(integer: IntegerClass, place: Place): string {
  if (integer.type !== 'fixed-length-unsigned-integer' || !isClockField(integer)) return ''
  if (place.clockName === undefined) refuse(place, `the role ${CLOCK_ROLE} has no meaning here`)
  return `map = clock.${place.clockName}.value; `
}

function booleanText(boolean: BooleanClass, place: Place): string {
  const text = `integer { ${bitsText(boolean, place)} signed = false; }`
  const ranges = [
    { label: 'false', lower: 0n, upper: 0n },
    { label: 'true', lower: 1n, upper: 1n },
  ]
  return enumText(text, ranges, false, boolean.length, place)
}

function enumText(
  integer: string,
  ranges: readonly EnumerationRange[],
  signed: boolean,
  length: number,
  place: Place,
): string {
  if (ranges.length === 0) return integer
  const lowest = signed ? -(1n << BigInt(length - 1)) : 0n
  const highest = (1n << BigInt(signed ? length - 1 : length)) - 1n
  const mappings = ranges.map(({ label, lower, upper }) => {
    if (lower < lowest || upper > highest || lower > upper) {
      const range = `${lower} to ${upper}`
      refuse(place, `the range ${range} of ${JSON.stringify(label)} does not fit ${lowest} to ${highest}`, {
        label,
      })
    }
    return `${quoted(label, `a label of field ${place.path}`)} = ${lower}${lower === upper ? '' : ` ... ${upper}`}`
  })
  return `enum : ${integer} { ${mappings.join(', ')} }`
}

function floatingPointText(float: FloatingPointClass, place: Place): string {
  if (float.length !== 32 && float.length !== 64) {
    refuse(place, `a floating-point number has 32 or 64 bits: got ${float.length}`, { length: float.length })
  }
  const digits = float.length === 32 ? 'exp_dig = 8; mant_dig = 24;' : 'exp_dig = 11; mant_dig = 53;'
  return `floating_point { ${digits} align = ${alignmentText(float.alignment, place)};${orderText(float, place)} }`
}

interface Bits {
  readonly length: number
  readonly alignment: number
  readonly byteOrder: ByteOrder
}

function bitsText(bits: Bits, place: Place): string {
  const size = natural(bits.length, 1, 64, `the size in bits of field ${place.path}`)
  return `size = ${size}; align = ${alignmentText(bits.alignment, place)};${orderText(bits, place)}`
}

function orderText(bits: Bits, place: Place): string {
  if (bits.byteOrder === place.native) return ''
  return ` byte_order = ${byteOrderText(bits.byteOrder, place.path)};`
}

export function byteOrderText(byteOrder: ByteOrder, what: string): 'le' | 'be' {
  if (byteOrder !== 'little-endian' && byteOrder !== 'big-endian') {
    throw new KymoError(TSDL_ERROR, `${what}: unknown byte order ${JSON.stringify(byteOrder)}`, { byteOrder })
  }
  return byteOrder === 'little-endian' ? 'le' : 'be'
}

function alignmentText(alignment: number, place: Place): string {
  if (!isPowerOfTwo(alignment) || alignment > MAX_ALIGNMENT_BITS) {
    refuse(place, `an alignment is a power of two up to ${MAX_ALIGNMENT_BITS} bits: got ${alignment}`, {
      alignment,
    })
  }
  return String(alignment)
}

function tabs(count: number): string {
  return '\t'.repeat(count)
}
