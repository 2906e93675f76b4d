/**
 * The event record headers and contexts that a Kymograph stream may have. `compact` and `large` are LTTng's;
 * `sized` is the one of its first generation, where ids 29 to 31 announce an extended header.
 */
import type { FieldClass, StructureClass, UnsignedIntegerClass } from './field-class.ts'
import { CLOCK_ROLE } from './trace-class.ts'

export type HeaderForm = 'compact' | 'large' | 'sized'

function unsigned(length: number, alignment: number, roles?: readonly string[]): UnsignedIntegerClass {
  const fieldClass = {
    type: 'fixed-length-unsigned-integer',
    length,
    byteOrder: 'little-endian',
    alignment,
  } as const
  return roles === undefined ? fieldClass : { ...fieldClass, roles }
}

function structure(members: Readonly<Record<string, FieldClass>>): StructureClass {
  return {
    type: 'structure',
    memberClasses: Object.entries(members).map(([name, fieldClass]) => ({ name, fieldClass })),
  }
}

const ID_ROLE = ['event-record-class-id']
const id32 = unsigned(32, 8, ID_ROLE)
const size32 = unsigned(32, 8)
const time64 = unsigned(64, 8, [CLOCK_ROLE])

/** Behind 5 + 27 bits it lies at a byte; with that alignment the structure, and so the timestamp, would too. */
function packed32(roles?: readonly string[]): UnsignedIntegerClass {
  return unsigned(32, 1, roles)
}

function shortTime(length: number, alignment: number): UnsignedIntegerClass {
  return unsigned(length, alignment, [CLOCK_ROLE])
}

function header(
  idBits: number,
  alignment: number,
  options: readonly (readonly [name: string, lower: number, upper: number, fieldClass: StructureClass])[],
): StructureClass {
  const mappings = Object.fromEntries(
    options.map(([name, lower, upper]) => [name, [[String(lower), String(upper)]] as const]),
  )
  return structure({
    id: { ...unsigned(idBits, alignment, ID_ROLE), mappings },
    v: {
      type: 'variant',
      selectorMember: 'id',
      options: options.map(([name, lower, upper, fieldClass]) => ({
        name,
        fieldClass,
        selectorRanges: [[lower, upper]],
      })),
    },
  })
}

/** Fields are byte-packed; the 27 bits of a short timestamp directly follow the 5 of the id. */
export function eventHeaderClass(form: HeaderForm): StructureClass {
  switch (form) {
    case 'compact':
      return header(5, 1, [
        ['compact', 0, 30, structure({ timestamp: shortTime(27, 1) })],
        ['extended', 31, 31, structure({ id: id32, timestamp: time64 })],
      ])
    case 'large':
      return header(16, 8, [
        ['compact', 0, 65534, structure({ timestamp: shortTime(32, 8) })],
        ['extended', 65535, 65535, structure({ id: id32, timestamp: time64 })],
      ])
    case 'sized':
      return header(5, 1, [
        ['compact', 0, 28, structure({ timestamp: shortTime(27, 1) })],
        ['full', 29, 29, structure({ id: id32, size: size32, timestamp: time64 })],
        [
          'sized',
          30,
          30,
          structure({ timestamp: shortTime(27, 1), id: packed32(ID_ROLE), size: packed32() }),
        ],
        ['extended', 31, 31, structure({ timestamp: shortTime(27, 1), id: packed32(ID_ROLE) })],
      ])
  }
}

/** Bytes of a process or thread name in a record: as many as the kernel keeps, and one for the end. */
export const NAME_BYTES = 17

const CONTEXT_CLASSES: Readonly<Record<string, FieldClass>> = {
  vpid: { type: 'fixed-length-signed-integer', length: 32, byteOrder: 'little-endian', alignment: 8 },
  vtid: { type: 'fixed-length-signed-integer', length: 32, byteOrder: 'little-endian', alignment: 8 },
  procname: { type: 'static-length-string', length: NAME_BYTES },
  thread_name: { type: 'static-length-string', length: NAME_BYTES },
}

/** The common context with these fields, in this order; names that do not exist are left out. */
export function contextClass(names: readonly string[]): StructureClass {
  const known = names.filter(name => CONTEXT_CLASSES[name] !== undefined)
  return structure(Object.fromEntries(known.map(name => [name, CONTEXT_CLASSES[name] as FieldClass])))
}
