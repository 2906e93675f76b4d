/** A reader of records, written from the header forms' descriptions: it shares nothing with the writer. */
import type { HeaderForm } from '../ctf/model/index.ts'

/** How a payload is laid out, field by field. */
export type Layout = readonly ('u8' | 'i32' | 'u64' | 'f64' | 'str')[]

export interface Decoded {
  readonly id: number
  readonly time: bigint
  /** The common context, in hexadecimal. */
  readonly context: string
  readonly values: readonly unknown[]
}

export class Decoder {
  /** Of the last record, in ns of the clock. */
  time: bigint
  readonly #form: HeaderForm
  readonly #contextBytes: number
  readonly #layouts: ReadonlyMap<number, Layout>

  constructor(form: HeaderForm, begin: bigint, contextBytes: number, layouts: ReadonlyMap<number, Layout>) {
    this.time = begin
    this.#form = form
    this.#contextBytes = contextBytes
    this.#layouts = layouts
  }

  /** All records of a piece; fails where one does not end at its announced size, or the last not at the end. */
  decode(bytes: Uint8Array): Decoded[] {
    const data = Buffer.from(bytes)
    const records: Decoded[] = []
    let at = 0
    while (at < data.length) {
      const { id, size, next } = this.#header(data, at)
      const context = data.toString('hex', next, next + this.#contextBytes)
      const { values, end } = payload(data, next + this.#contextBytes, this.#layouts.get(id) as Layout)
      if (size !== undefined && end !== next + size) throw new Error(`size ${size}, but ${end - next} bytes`)
      records.push({ id, time: this.time, context, values })
      at = end
    }
    if (at !== data.length) throw new Error(`${data.length} bytes, but the last record ends at ${at}`)
    return records
  }

  #header(data: Buffer, at: number): { id: number; size?: number; next: number } {
    if (this.#form === 'large') {
      const id = data.readUInt16LE(at)
      if (id !== 65535) return { id: this.#short(id, 32, data.readUInt32LE(at + 2)), next: at + 6 }
      this.time = data.readBigUInt64LE(at + 6)
      return { id: data.readUInt32LE(at + 2), next: at + 14 }
    }
    const id = data.readUInt8(at) & 31
    if (this.#form === 'compact' && id === 31) {
      this.time = data.readBigUInt64LE(at + 5)
      return { id: data.readUInt32LE(at + 1), next: at + 13 }
    }
    if (this.#form === 'sized' && id === 29) {
      this.time = data.readBigUInt64LE(at + 9)
      return { id: data.readUInt32LE(at + 1), size: data.readUInt32LE(at + 5), next: at + 17 }
    }
    this.#short(id, 27, data.readUInt32LE(at) >>> 5)
    if (id < 30 || this.#form === 'compact') return { id, next: at + 4 }
    if (id === 31) return { id: data.readUInt32LE(at + 4), next: at + 8 }
    return { id: data.readUInt32LE(at + 4), size: data.readUInt32LE(at + 8), next: at + 12 }
  }

  /** The first time at or after the last one that ends with these bits. */
  #short(id: number, bits: number, low: number): number {
    const wrap = 1n << BigInt(bits)
    const time = (this.time & ~(wrap - 1n)) | BigInt(low)
    this.time = time < this.time ? time + wrap : time
    return id
  }
}

function payload(data: Buffer, from: number, layout: Layout): { values: unknown[]; end: number } {
  let at = from
  const values = layout.map(kind => {
    const start = at
    switch (kind) {
      case 'u8':
        at += 1
        return data.readUInt8(start)
      case 'i32':
        at += 4
        return data.readInt32LE(start)
      case 'u64':
        at += 8
        return data.readBigUInt64LE(start)
      case 'f64':
        at += 8
        return data.readDoubleLE(start)
      case 'str':
        at = data.indexOf(0, start) + 1
        return data.toString('utf8', start, at - 1)
      default:
        throw new Error(`no layout ${kind}`)
    }
  })
  return { values, end: at }
}
