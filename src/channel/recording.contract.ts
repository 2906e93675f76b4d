/** A ring between threads with recorders, a fake clock and an independent reader. */
import assert from 'node:assert/strict'
import { type Plan, planOf, structurePlan, type Utf8 } from '../ctf/codec/index.ts'
import type { FieldClass, HeaderForm } from '../ctf/model/index.ts'
import { createThreadsRing, RingReader, SingleWriter } from '../ring/index.ts'
import { BEGUN_WORD, COMMITTED_WORD } from '../ring/layout.ts'
import type { ClockSource } from './clock-source.ts'
import { type Decoded, Decoder, type Layout } from './decode.contract.ts'
import { compileRecorder, type Probe, type Recorder, type ThreadState } from './record.ts'
import { closureRecorder } from './record-closure.ts'
import { Scratch } from './scratch.ts'

const { utf8Write } = Buffer.prototype as unknown as {
  utf8Write: (this: Uint8Array, text: string, at: number) => number
}
/** As the tracer has it. */
export const platformUtf8: Utf8 = {
  byteLength: text => Buffer.byteLength(text),
  write: (text, bytes, at) => utf8Write.call(bytes, text, at),
}

export const MAKERS = { compiled: compileRecorder, closures: closureRecorder }
export type Maker = keyof typeof MAKERS
export const MAKER_NAMES: readonly Maker[] = ['compiled', 'closures']
export const FORMS: readonly HeaderForm[] = ['compact', 'large', 'sized']

const LITTLE = { byteOrder: 'little-endian', alignment: 8 } as const
export const CLASSES: Readonly<Record<Layout[number], FieldClass>> = {
  u8: { type: 'fixed-length-unsigned-integer', length: 8, ...LITTLE },
  i32: { type: 'fixed-length-signed-integer', length: 32, ...LITTLE },
  u64: { type: 'fixed-length-unsigned-integer', length: 64, ...LITTLE },
  f64: { type: 'fixed-length-floating-point-number', length: 64, ...LITTLE },
  str: { type: 'null-terminated-string' },
}

/** A structure with members a, b, c …: read from an object, so the program's own code may run. */
export function objectPlan(layout: Layout): Plan {
  const memberClasses = layout.map((kind, i) => ({
    name: String.fromCharCode(97 + i),
    fieldClass: CLASSES[kind],
  }))
  return structurePlan({ type: 'structure', memberClasses })
}

/** Upper word of the epoch. */
export const EPOCH_HIGH = 5
export const EPOCH = BigInt(EPOCH_HIGH) << 32n

export interface RecordingOptions {
  readonly maker: Maker
  readonly form?: HeaderForm
  readonly context?: Uint8Array
  readonly subBufferBytes?: number
  readonly created?: number
  readonly clock?: ClockSource
}

export interface EventOptions {
  readonly id?: number
  /** One field for all: an object is given. */
  readonly isObject?: boolean
  readonly extracts?: readonly (Probe | undefined)[]
}

export class Recording {
  /** The next readings of the clock; the last one stays. */
  readonly times: number[] = [0]
  readonly writer: SingleWriter
  readonly reader: RingReader
  readonly thread: ThreadState
  readonly subBufferBytes: number
  refresh: (probe: object) => boolean = () => true
  readonly #options: RecordingOptions
  readonly #clock: ClockSource
  readonly #layouts = new Map<number, Layout>()
  readonly #decoder: Decoder
  #packets = 0

  constructor(options: RecordingOptions) {
    this.#options = options
    this.subBufferBytes = options.subBufferBytes ?? 4096
    const created = options.created ?? 0
    const geometry = { subBufferBytes: this.subBufferBytes, subBufferCount: 2, classCapacity: 64 }
    const buffer = createThreadsRing(geometry, { number: 0, epoch: EPOCH, created })
    this.writer = new SingleWriter(buffer, 1, 'atomic', () => undefined)
    this.reader = new RingReader(buffer)
    const halves = new Int32Array(2)
    const next = (): void => {
      const time = EPOCH + BigInt((this.times.length > 1 ? this.times.shift() : this.times[0]) as number)
      new BigUint64Array(halves.buffer)[0] = time
    }
    const fake = {
      halves,
      read: next,
      text: 'next();',
      after: '',
      done: () => undefined,
      constants: { next },
    }
    this.#clock = options.clock ?? fake
    const begin = EPOCH + BigInt(Math.floor(created))
    this.#decoder = new Decoder(options.form ?? 'compact', begin, options.context?.length ?? 0, this.#layouts)
    this.thread = {
      words: new Int32Array(2),
      generationWord: 1,
      seen: new Int32Array(1),
      scratch: new Scratch(),
      depth: new Int32Array(1),
      utf8: platformUtf8,
      refresh: probe => {
        this.thread.seen[0] = this.thread.words[1] as number
        return this.refresh(probe)
      },
    }
  }

  recorder(layout: Layout, options: EventOptions = {}): Recorder {
    const { id = 1, isObject = false, extracts = [] } = options
    const plans = isObject ? [objectPlan(layout)] : layout.map(kind => planOf(CLASSES[kind]))
    const fields = plans.map((plan, i) => ({ plan, extract: extracts[i] }))
    const { maker, form = 'compact', context = new Uint8Array(0) } = this.#options
    this.#layouts.set(id, layout)
    const recorder: Recorder = { run: () => assert.fail('a recorder without a probe') }
    const spec = { form, eventId: id, context, fields, arity: Math.max(1, fields.length) }
    const probe = MAKERS[maker](recorder, spec, this.writer, this.#clock, this.thread)
    assert.notEqual(probe, undefined)
    recorder.run = probe as Probe
    return recorder
  }

  /** The bytes of all records that are there, and gives their room back. */
  takeBytes(check: (bytes: Uint8Array, time: number) => void = () => undefined): Uint8Array {
    const pieces: Uint8Array[] = []
    for (;;) {
      const piece = this.reader.next('partial')
      if (piece === undefined) break
      check(piece.bytes, piece.time)
      pieces.push(piece.bytes.slice())
      this.reader.release(piece, ++this.#packets, piece.lost)
    }
    return Buffer.concat(pieces)
  }

  /** Decodes all records that are there; each piece's time is that of its last record. */
  take(): Decoded[] {
    const records: Decoded[] = []
    this.takeBytes((bytes, time) => {
      records.push(...this.#decoder.decode(bytes))
      assert.equal(this.#decoder.time, EPOCH + BigInt(Math.floor(time)))
    })
    this.assertIdle()
    return records
  }

  /** Nothing is under way: neither in the ring nor in what the thread's records share. */
  assertIdle(): void {
    const { words } = this.writer
    const { depth, scratch } = this.thread
    const isBegun = words[BEGUN_WORD] !== words[COMMITTED_WORD]
    assert.deepEqual({ isBegun, depth: depth[0], top: scratch.top }, { isBegun: false, depth: 0, top: 0 })
  }

  get lost(): number {
    return Object.values(this.reader.losses()).reduce((sum, count) => sum + count)
  }
}

export const NOTHING_LOST = { full: 0, 'too big': 0, nested: 0, 'bad value': 0 }
