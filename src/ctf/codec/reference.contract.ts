/**
 * What the bytes of a value are, written from the specification (CTF 1.8 §4) and sharing nothing with the plans:
 * a record is two big integers, one of each byte order, and the texts between them.
 */
import type { FieldClass, IntegerClass, MemberClass, StructureClass } from '../model/index.ts'

interface Bits {
  readonly at: number
  readonly length: number
  readonly value: bigint
  readonly little: boolean
}

interface Chunk {
  /** In bytes. */
  readonly at: number
  readonly bytes: Uint8Array
}

export function referenceBytes(fieldClass: FieldClass, value: unknown): Uint8Array {
  const stream = new Stream()
  stream.put(fieldClass, value)
  return stream.bytes()
}

class Stream {
  readonly #bits: Bits[] = []
  readonly #chunks: Chunk[] = []
  #at = 0

  put(fieldClass: FieldClass, value: unknown): void {
    this.#align(alignmentOf(fieldClass))
    switch (fieldClass.type) {
      case 'fixed-length-unsigned-integer':
      case 'fixed-length-signed-integer':
        this.#number(fieldClass, integerOf(fieldClass, value))
        break
      case 'fixed-length-boolean':
        this.#number(fieldClass, value === true ? 1n : 0n)
        break
      case 'fixed-length-floating-point-number':
        this.#number(fieldClass, floatBits(fieldClass.length, value as number))
        break
      case 'null-terminated-string':
        this.#text(Buffer.from(`${withoutZero(value)}\0`))
        break
      case 'static-length-string':
        this.#text(fitted(withoutZero(value), fieldClass.length))
        break
      case 'structure':
        this.#structure(fieldClass, value as Record<string, unknown>)
        break
      case 'static-length-array':
      case 'dynamic-length-array':
        for (const element of Array.from(value as ArrayLike<unknown>))
          this.put(fieldClass.elementFieldClass, element)
        break
      default:
        throw new Error(`the reference has no ${fieldClass.type}`)
    }
  }

  #structure({ memberClasses }: StructureClass, value: Record<string, unknown>): void {
    for (const member of memberClasses) this.put(member.fieldClass, memberValue(memberClasses, member, value))
  }

  #align(alignment: number): void {
    this.#at += (alignment - (this.#at % alignment)) % alignment
  }

  #number(fieldClass: { length: number; byteOrder: string }, value: bigint): void {
    const { length, byteOrder } = fieldClass
    const little = byteOrder === 'little-endian'
    this.#bits.push({ at: this.#at, length, value: BigInt.asUintN(length, value), little })
    this.#at += length
  }

  #text(bytes: Uint8Array): void {
    this.#chunks.push({ at: this.#at / 8, bytes })
    this.#at += bytes.length * 8
  }

  bytes(): Uint8Array {
    const size = Math.ceil(this.#at / 8)
    let little = 0n
    let big = 0n
    for (const { at, length, value, little: isLittle } of this.#bits) {
      if (isLittle) little |= value << BigInt(at)
      else big |= value << BigInt(size * 8 - at - length)
    }
    const hex = (number: bigint): Buffer => Buffer.from(number.toString(16).padStart(size * 2, '0'), 'hex')
    const [one, other] = size === 0 ? [Buffer.alloc(0), Buffer.alloc(0)] : [hex(little).reverse(), hex(big)]
    const result = Uint8Array.from(one, (byte, i) => byte | (other[i] as number))
    for (const { at, bytes } of this.#chunks) result.set(bytes, at)
    return result
  }
}

/** A member's value; a length's is that of the array it belongs to. */
function memberValue(
  members: readonly MemberClass[],
  { name }: MemberClass,
  value: Record<string, unknown>,
): unknown {
  const counted = members.find(
    ({ fieldClass }) => fieldClass.type === 'dynamic-length-array' && fieldClass.lengthMember === name,
  )
  return counted === undefined ? value[name] : (value[counted.name] as ArrayLike<unknown>).length
}

/** CTF 1.8 §4.2: a compound type is aligned as the most aligned of what it holds. */
function alignmentOf(fieldClass: FieldClass): number {
  switch (fieldClass.type) {
    case 'structure':
      return Math.max(
        fieldClass.minimumAlignment ?? 1,
        ...fieldClass.memberClasses.map(member => alignmentOf(member.fieldClass)),
      )
    case 'static-length-array':
    case 'dynamic-length-array':
      return alignmentOf(fieldClass.elementFieldClass)
    case 'null-terminated-string':
    case 'static-length-string':
      return 8
    default:
      return 'alignment' in fieldClass ? fieldClass.alignment : 1
  }
}

function integerOf({ mappings }: IntegerClass, value: unknown): bigint {
  if (typeof value === 'string') return BigInt(mappings?.[value]?.[0]?.[0] as string)
  return typeof value === 'bigint' ? value : BigInt(Math.trunc(value as number))
}

function floatBits(length: number, value: number): bigint {
  const view = new DataView(new ArrayBuffer(8))
  if (length === 32) view.setFloat32(0, value)
  else view.setFloat64(0, value)
  return length === 32 ? BigInt(view.getUint32(0)) : view.getBigUint64(0)
}

function withoutZero(value: unknown): string {
  return (value as string).split('\0').join('\u2400')
}

/** As many whole characters as fit, and zeros. */
function fitted(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const character of text) {
    const encoded = Buffer.from(character)
    if (at + encoded.length > length) break
    bytes.set(encoded, at)
    at += encoded.length
  }
  return bytes
}
