/** What a JavaScript value becomes on its way into a field. All of it happens before a record is begun. */

/**
 * Thrown for a value that its field cannot hold. One frozen object without a stack: it never leaves a probe,
 * where it becomes a counted discard.
 */
export const BAD_VALUE: Readonly<Error> = Object.freeze(
  Object.assign(Object.create(Error.prototype), {
    name: 'BadValue',
    message: 'the field cannot hold this value',
  }),
)

const TWO_32 = 4294967296
const MAX_I64 = 2n ** 63n - 1n
const MIN_I64 = -(2n ** 63n)
const MAX_U64 = 2n ** 64n - 1n

/** An integer of at most 32 bits: numbers are truncated toward zero, bigints taken if they fit. */
export function toInteger(value: unknown, min: number, max: number): number {
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof number !== 'number') throw BAD_VALUE
  const whole = Math.trunc(number)
  if (!(whole >= min && whole <= max)) throw BAD_VALUE
  return whole
}

/** An integer of 33 to 64 bits: a whole number below 2⁵³ in magnitude, or a bigint in range. */
export function toWide(value: unknown, signed: boolean): number | bigint {
  if (typeof value === 'bigint') {
    if (value < (signed ? MIN_I64 : 0n) || value > (signed ? MAX_I64 : MAX_U64)) throw BAD_VALUE
    return value
  }
  if (typeof value !== 'number') throw BAD_VALUE
  const whole = Math.trunc(value)
  if (!Number.isSafeInteger(whole) || (!signed && whole < 0)) throw BAD_VALUE
  return whole
}

export function lowWord(value: number | bigint): number {
  return typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value))
}

export function highWord(value: number | bigint): number {
  return typeof value === 'number' ? Math.floor(value / TWO_32) | 0 : Number(BigInt.asIntN(32, value >> 32n))
}

/** A label's value, or a number as it is. */
export function toLabelled(value: unknown, labels: ReadonlyMap<string, number>): unknown {
  if (typeof value !== 'string') return value
  const found = labels.get(value)
  if (found === undefined) throw BAD_VALUE
  return found
}

const MAX_ELEMENTS = TWO_32 - 1

/** The length of an array-like, exactly `wanted` where that is not negative. */
export function toLength(value: unknown, wanted: number): number {
  if (typeof value !== 'object' || value === null) throw BAD_VALUE
  const { length } = value as { length?: unknown }
  if (typeof length !== 'number' || !Number.isInteger(length) || length < 0 || length > MAX_ELEMENTS)
    throw BAD_VALUE
  if (wanted >= 0 && length !== wanted) throw BAD_VALUE
  return length
}

/** `end`, if it lies in `view`: platforms write texts as far as there is room, and say nothing. */
export function inside(view: DataView, end: number): number {
  if (end > view.byteLength)
    throw new RangeError(`a value ends at byte ${end}, behind the ${view.byteLength} there are`)
  return end
}

/** CTF strings end at U+0000: it becomes U+2400 (the picture of it), so that what follows is not lost. */
export function toText(value: unknown): string {
  if (typeof value !== 'string') throw BAD_VALUE
  return value.includes('\0') ? value.replaceAll('\0', '\u2400') : value
}

/** UTF-8 as a channel needs it; lone surrogates become U+FFFD. */
export interface Utf8 {
  byteLength(text: string): number
  /** Writes all of `text` at `at` and returns the number of bytes. */
  write(text: string, bytes: Uint8Array, at: number): number
}

/** For environments without a faster one. */
export const portableUtf8: Utf8 = {
  byteLength(text) {
    let length = 0
    for (const character of text) {
      const point = character.codePointAt(0) as number
      length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
    }
    return length
  },
  write(text, bytes, at) {
    let end = at
    for (const character of text) {
      const raw = character.codePointAt(0) as number
      const point = raw >= 0xd800 && raw <= 0xdfff ? 0xfffd : raw
      if (point < 0x80) {
        bytes[end++] = point
      } else if (point < 0x800) {
        bytes[end++] = 0xc0 | (point >> 6)
        bytes[end++] = 0x80 | (point & 63)
      } else if (point < 0x10000) {
        bytes[end++] = 0xe0 | (point >> 12)
        bytes[end++] = 0x80 | ((point >> 6) & 63)
        bytes[end++] = 0x80 | (point & 63)
      } else {
        bytes[end++] = 0xf0 | (point >> 18)
        bytes[end++] = 0x80 | ((point >> 12) & 63)
        bytes[end++] = 0x80 | ((point >> 6) & 63)
        bytes[end++] = 0x80 | (point & 63)
      }
    }
    return end - at
  },
}

/** Truncates at `maxBytes` without cutting a character in two. */
export function truncateUtf8(text: string, maxBytes: number, utf8: Utf8): string {
  let result = text.slice(0, maxBytes)
  while (utf8.byteLength(result) > maxBytes) result = result.slice(0, -1)
  const isCutInTwo = /[\uD800-\uDBFF]$/.test(result) && /^[\uDC00-\uDFFF]/.test(text.slice(result.length))
  return isCutInTwo ? result.slice(0, -1) : result
}

/** Writes `length` bits of a two-word integer at a bit position, in the bit order of its byte order. */
export function writeBits(
  bytes: Uint8Array,
  bitPosition: number,
  length: number,
  low: number,
  high: number,
  little: boolean,
): void {
  for (let k = 0; k < length; k++) {
    const bit = little ? k : length - 1 - k
    const value = ((bit < 32 ? low >>> bit : high >>> (bit - 32)) & 1) as 0 | 1
    const at = bitPosition + k
    const shift = little ? at & 7 : 7 - (at & 7)
    const byte = bytes[at >> 3] as number
    bytes[at >> 3] = (byte & ~(1 << shift)) | (value << shift)
  }
}
