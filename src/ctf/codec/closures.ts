/** The plan as closures: the same steps as the compiled encoder, for programs that forbid code from strings. */
import { assertUnreachable } from '../../base/index.ts'
import type { Encoder } from './encoder.ts'
import { alignmentOf, fixedBytes, type IntegerPlan, integerRange, type Plan } from './plan.ts'
import {
  BAD_VALUE,
  highWord,
  inside,
  lowWord,
  toInteger,
  toLabelled,
  toLength,
  toText,
  toWide,
  truncateUtf8,
  type Utf8,
  writeBits,
} from './value.ts'

/** Where the next field goes. */
interface Cursor {
  readonly view: DataView
  readonly bytes: Uint8Array
  at: number
  bit: number
}

type Write = (cursor: Cursor, value: unknown) => void
type Size = (value: unknown) => number

export function closureEncoder(plan: Plan, utf8: Utf8): Encoder {
  const write = writer(plan, utf8)
  return {
    size: sizer(plan, utf8),
    encode(view, bytes, at, value) {
      const cursor = { view, bytes, at, bit: 0 }
      write(cursor, value)
      toByte(cursor)
      return inside(view, cursor.at)
    },
  }
}

function align(cursor: Cursor, alignment: number): void {
  cursor.bit = Math.ceil(cursor.bit / alignment) * alignment
  cursor.at += cursor.bit >> 3
  cursor.bit &= 7
}

function toByte(cursor: Cursor): void {
  if (cursor.bit !== 0) cursor.at++
  cursor.bit = 0
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) throw BAD_VALUE
  return (value as Record<string, unknown>)[name]
}

function writer(plan: Plan, utf8: Utf8): Write {
  switch (plan.kind) {
    case 'integer':
      return plan.isPlain ? plainInteger(plan) : packedInteger(plan)
    case 'float':
      return (cursor, value) => {
        if (typeof value !== 'number') throw BAD_VALUE
        toByte(cursor)
        if (plan.bits === 32) cursor.view.setFloat32(cursor.at, value, plan.little)
        else cursor.view.setFloat64(cursor.at, value, plan.little)
        cursor.at += plan.bits / 8
      }
    case 'boolean':
      return (cursor, value) => {
        if (typeof value !== 'boolean') throw BAD_VALUE
        toByte(cursor)
        cursor.view.setUint8(cursor.at++, value ? 1 : 0)
      }
    case 'string':
      return (cursor, value) => {
        const text = toText(value)
        toByte(cursor)
        cursor.at += utf8.write(text, cursor.bytes, cursor.at)
        cursor.view.setUint8(cursor.at++, 0)
      }
    case 'text':
      return (cursor, value) => {
        const text = truncateUtf8(toText(value), plan.bytes, utf8)
        toByte(cursor)
        cursor.bytes.fill(0, cursor.at, cursor.at + plan.bytes)
        utf8.write(text, cursor.bytes, cursor.at)
        cursor.at += plan.bytes
      }
    case 'array':
    case 'sequence':
      return arrayWriter(plan, utf8)
    case 'structure': {
      const writes = plan.members.map(({ name, plan: of }) => ({ name, write: writer(of, utf8) }))
      return (cursor, value) => {
        align(cursor, plan.alignment)
        for (const { name, write } of writes) write(cursor, member(value, name))
      }
    }
    default:
      return assertUnreachable(plan)
  }
}

function arrayWriter(plan: Plan & { kind: 'array' | 'sequence' }, utf8: Utf8): Write {
  const write = writer(plan.element, utf8)
  return (cursor, value) => {
    const length = toLength(value, plan.kind === 'array' ? plan.length : -1)
    const list = value as ArrayLike<unknown>
    if (plan.kind === 'sequence') {
      toByte(cursor)
      cursor.view.setUint32(cursor.at, length, true)
      cursor.at += 4
    } else align(cursor, alignmentOf(plan))
    for (let i = 0; i < length; i++) write(cursor, list[i])
  }
}

/** Lower and upper word of a value of the plan. */
function integerWords(plan: IntegerPlan, value: unknown): readonly [low: number, high: number] {
  const raw = plan.labels === undefined ? value : toLabelled(value, plan.labels)
  if (plan.bits <= 32) {
    const [min, max] = integerRange(plan)
    return [toInteger(raw, min, max), 0]
  }
  const wide = toWide(raw, plan.signed)
  const high = highWord(wide)
  const shift = 64 - plan.bits
  if (shift > 0 && ((plan.signed ? (high << shift) >> shift : (high << shift) >>> shift) | 0) !== high)
    throw BAD_VALUE
  return [lowWord(wide), high]
}

function plainInteger(plan: IntegerPlan): Write {
  return (cursor, value) => {
    const [low, high] = integerWords(plan, value)
    toByte(cursor)
    const { view, at } = cursor
    if (plan.bits === 8) view.setUint8(at, low)
    else if (plan.bits === 16) view.setUint16(at, low, plan.little)
    else if (plan.bits === 32) view.setUint32(at, low, plan.little)
    else {
      view.setUint32(at + (plan.little ? 0 : 4), low, plan.little)
      view.setUint32(at + (plan.little ? 4 : 0), high, plan.little)
    }
    cursor.at += plan.bits / 8
  }
}

function packedInteger(plan: IntegerPlan): Write {
  return (cursor, value) => {
    const [low, high] = integerWords(plan, value)
    align(cursor, plan.alignment)
    writeBits(cursor.bytes, cursor.at * 8 + cursor.bit, plan.bits, low, high, plan.little)
    cursor.bit += plan.bits
    cursor.at += cursor.bit >> 3
    cursor.bit &= 7
  }
}

function sizer(plan: Plan, utf8: Utf8): Size {
  const fixed = fixedBytes(plan)
  if (fixed !== undefined) return () => fixed
  switch (plan.kind) {
    case 'integer':
      return () => Math.ceil(plan.bits / 8) + 1
    case 'string':
      return value => utf8.byteLength(toText(value)) + 4
    case 'array':
    case 'sequence': {
      const size = sizer(plan.element, utf8)
      const wanted = plan.kind === 'array' ? plan.length : -1
      return value => {
        const length = toLength(value, wanted)
        let sum = 5
        for (let i = 0; i < length; i++) sum += size((value as ArrayLike<unknown>)[i])
        return sum
      }
    }
    case 'structure': {
      const sizes = plan.members.map(({ name, plan: of }) => ({ name, size: sizer(of, utf8) }))
      return value => sizes.reduce((sum, { name, size }) => sum + size(member(value, name)), 0)
    }
    case 'float':
    case 'boolean':
    case 'text':
      return () => 0
    default:
      return assertUnreachable(plan)
  }
}
