import { assert } from './assert.ts'

/** The smallest multiple of `alignment` (a power of two) that is not below `value`. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment
}

export function isPowerOfTwo(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0 && Number.isInteger(Math.log2(value))
}

/** Lower 32 bits, as an unsigned number, of an integer below 2⁵³ in magnitude (two's complement). */
export function low32(value: number): number {
  return value >>> 0
}

/** Upper 32 bits, as a signed number, of an integer below 2⁵³ in magnitude (two's complement). */
export function high32(value: number): number {
  return Math.floor(value / 4294967296) | 0
}

/** A byte count as a person writes it: `64k`, `1M`, `512`. `undefined` where the text is not one. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)\s*([kMG]?)(?:i?B)?$/.exec(text.trim())
  if (match === null) return undefined
  const unit = { '': 1, k: 1024, M: 1024 ** 2, G: 1024 ** 3 }[match[2] as '' | 'k' | 'M' | 'G']
  const size = Number(match[1]) * unit
  return Number.isSafeInteger(size) ? size : undefined
}

/** A byte count for people: `17.3 MiB`. */
export function formatSize(bytes: number): string {
  assert(bytes >= 0, 'a size is not negative')
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while ((unit === 0 ? value : Number(value.toFixed(1))) >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}
