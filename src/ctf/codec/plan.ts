/**
 * A field class, turned once into what has to be done for it. Sizer and encoder, compiled or as closures, all
 * come from the plan, so they cannot drift apart.
 */
import { assertUnreachable, KymoError } from '../../base/index.ts'
import type {
  FieldClass,
  IntegerClass,
  Mappings,
  StaticLengthArrayClass,
  StructureClass,
} from '../model/index.ts'

/** The writer packs records by bytes, so that a packet may be cut between any two of them. */
const MAX_ALIGNMENT_BITS = 8

export interface IntegerPlan {
  readonly kind: 'integer'
  readonly bits: number
  readonly signed: boolean
  readonly little: boolean
  /** Begins at a byte and has 8, 16, 32 or 64 bits. */
  readonly isPlain: boolean
  readonly alignment: number
  readonly labels?: ReadonlyMap<string, number>
}

export interface FloatPlan {
  readonly kind: 'float'
  readonly bits: 32 | 64
  readonly little: boolean
}

export interface StructurePlan {
  readonly kind: 'structure'
  readonly alignment: number
  readonly members: readonly { readonly name: string; readonly plan: Plan }[]
}

export type Plan =
  | IntegerPlan
  | FloatPlan
  | StructurePlan
  | { readonly kind: 'boolean' }
  | { readonly kind: 'string' }
  | { readonly kind: 'text'; readonly bytes: number }
  | { readonly kind: 'array'; readonly element: Plan; readonly length: number }
  | { readonly kind: 'sequence'; readonly element: Plan }

export type ScalarPlan = Exclude<Plan, { kind: 'structure' | 'array' | 'sequence' }>

export function planOf(fieldClass: FieldClass): Plan {
  switch (fieldClass.type) {
    case 'fixed-length-unsigned-integer':
    case 'fixed-length-signed-integer':
      return integerPlan(fieldClass)
    case 'fixed-length-boolean':
      if (fieldClass.length !== 8) refuse(`a boolean has 8 bits: got ${fieldClass.length}`)
      checkBeginsAtByte(fieldClass.alignment, 'a boolean')
      return { kind: 'boolean' }
    case 'fixed-length-floating-point-number':
      if (fieldClass.length !== 32 && fieldClass.length !== 64) {
        refuse(`a floating point number has 32 or 64 bits: got ${fieldClass.length}`)
      }
      checkBeginsAtByte(fieldClass.alignment, 'a floating point number')
      return {
        kind: 'float',
        bits: fieldClass.length as 32 | 64,
        little: fieldClass.byteOrder === 'little-endian',
      }
    case 'null-terminated-string':
      return { kind: 'string' }
    case 'static-length-string':
      return { kind: 'text', bytes: fieldClass.length }
    case 'structure':
      return structurePlan(fieldClass)
    case 'static-length-array':
      return arrayPlan(fieldClass)
    case 'dynamic-length-array':
      return refuse('a dynamic-length array stands in a structure, behind its length')
    case 'static-length-blob':
    case 'variant':
      return refuse(`a ${fieldClass.type} cannot be recorded`)
    default:
      return assertUnreachable(fieldClass)
  }
}

export function structurePlan(fieldClass: StructureClass): StructurePlan {
  checkAlignment(fieldClass.minimumAlignment ?? 1)
  const lengths = new Set(
    fieldClass.memberClasses.flatMap(({ fieldClass: member }) =>
      member.type === 'dynamic-length-array' ? [member.lengthMember] : [],
    ),
  )
  const members = fieldClass.memberClasses.flatMap(({ name, fieldClass: member }) => {
    if (lengths.has(name)) return []
    if (member.type !== 'dynamic-length-array') return [{ name, plan: planOf(member) }]
    return [{ name, plan: { kind: 'sequence', element: planOf(member.elementFieldClass) } as const }]
  })
  const alignment = Math.max(
    fieldClass.minimumAlignment ?? 1,
    ...members.map(({ plan }) => alignmentOf(plan)),
  )
  const structure: StructurePlan = { kind: 'structure', alignment, members }
  checkByteOrders(structure, { bit: 0, little: undefined })
  return structure
}

/** At a multiple of how many bits a value begins: a compound as the most aligned of what it holds (CTF 1.8 §4.2). */
export function alignmentOf(plan: Plan): number {
  switch (plan.kind) {
    case 'integer':
    case 'structure':
      return plan.alignment
    case 'array':
      return alignmentOf(plan.element)
    default:
      return MAX_ALIGNMENT_BITS
  }
}

function arrayPlan(fieldClass: StaticLengthArrayClass): Plan {
  const plan = {
    kind: 'array',
    element: planOf(fieldClass.elementFieldClass),
    length: fieldClass.length,
  } as const
  checkByteOrders(plan, { bit: 0, little: undefined })
  return plan
}

/** Values of a label's first range, for enumerations of at most 32 bits. */
function labelValues(mappings: Mappings): ReadonlyMap<string, number> {
  return new Map(Object.entries(mappings).map(([label, ranges]) => [label, Number(ranges[0]?.[0])]))
}

function integerPlan(fieldClass: IntegerClass): IntegerPlan {
  const { length, alignment, byteOrder, mappings } = fieldClass
  if (!Number.isInteger(length) || length < 1 || length > 64)
    refuse(`an integer has 1 to 64 bits: got ${length}`)
  checkAlignment(alignment)
  return {
    kind: 'integer',
    bits: length,
    signed: fieldClass.type === 'fixed-length-signed-integer',
    little: byteOrder === 'little-endian',
    isPlain: alignment === 8 && [8, 16, 32, 64].includes(length),
    alignment,
    ...(mappings === undefined ? {} : { labels: labelValues(mappings) }),
  }
}

function checkAlignment(alignment: number): void {
  if (alignment !== 1 && alignment !== 2 && alignment !== 4 && alignment !== MAX_ALIGNMENT_BITS) {
    refuse(
      `records are packed by bytes, so a field is aligned to at most ${MAX_ALIGNMENT_BITS} bits: got ${alignment}`,
    )
  }
}

function checkBeginsAtByte(alignment: number, what: string): void {
  checkAlignment(alignment)
  if (alignment !== MAX_ALIGNMENT_BITS) refuse(`${what} begins at a byte: its alignment is ${alignment}`)
}

/** After so many elements an array stands at each bit of a byte where it may ever stand. */
const ELEMENTS_SEEN = 9

/** Two bit-sized neighbours share a byte, and a byte has one order (CTF 1.8 §4.1.5). */
function checkByteOrders(plan: Plan, last: { bit: number; little: boolean | undefined }): void {
  const alignment = alignmentOf(plan)
  last.bit = Math.ceil(last.bit / alignment) * alignment
  switch (plan.kind) {
    case 'integer':
      if (last.bit % 8 !== 0 && last.little !== plan.little) {
        refuse('two integers in one byte need the same byte order')
      }
      last.bit += plan.bits
      last.little = plan.little
      return
    case 'structure':
      for (const member of plan.members) checkByteOrders(member.plan, last)
      return
    case 'array':
      for (let i = 0; i < Math.min(plan.length, ELEMENTS_SEEN); i++) checkByteOrders(plan.element, last)
      return
    case 'sequence':
      for (let i = 0; i < ELEMENTS_SEEN; i++) checkByteOrders(plan.element, last)
      return
  }
}

function refuse(message: string): never {
  throw new KymoError('KYMO_FIELD_CLASS', message)
}

export function isScalar(plan: Plan): plan is ScalarPlan {
  return plan.kind !== 'structure' && plan.kind !== 'array' && plan.kind !== 'sequence'
}

/** True when the encoder needs a cursor that counts bits. */
export function isBitPacked(plan: Plan): boolean {
  switch (plan.kind) {
    case 'integer':
      return !plan.isPlain
    case 'structure':
      return plan.members.some(member => isBitPacked(member.plan))
    case 'array':
    case 'sequence':
      return isBitPacked(plan.element)
    default:
      return false
  }
}

/** Bytes of every value of this plan, or `undefined` when they differ or are no whole number. */
export function fixedBytes(plan: Plan): number | undefined {
  switch (plan.kind) {
    case 'integer':
      return plan.isPlain ? plan.bits / 8 : undefined
    case 'float':
      return plan.bits / 8
    case 'boolean':
      return 1
    case 'text':
      return plan.bytes
    case 'string':
    case 'sequence':
      return undefined
    case 'array': {
      const element = fixedBytes(plan.element)
      return element === undefined ? undefined : element * plan.length
    }
    case 'structure': {
      const sizes = plan.members.map(member => fixedBytes(member.plan))
      return sizes.includes(undefined) ? undefined : (sizes as number[]).reduce((sum, size) => sum + size, 0)
    }
    default:
      return assertUnreachable(plan)
  }
}

/** Smallest and largest value of an integer of at most 32 bits. */
export function integerRange(plan: IntegerPlan): readonly [min: number, max: number] {
  return plan.signed ? [-(2 ** (plan.bits - 1)), 2 ** (plan.bits - 1) - 1] : [0, 2 ** plan.bits - 1]
}
