/** What `count-up.js` left in a trace, against what it and its ring say. */
import assert from 'node:assert/strict'
import { openMappedFile } from '../../control/index.ts'
import { findRing, type Published, RingHeader } from './ring-header.ts'
import { type Child, type Scene, until } from './scene.ts'
import { TEXTS, textIndex } from './texts.ts'
import { type PayloadReader, readRecords, type Trace } from './trace.ts'

export type Variant = 'int' | 'text'

/** A running `count-up.js`, its own count and its ring. */
export class Counter {
  readonly child: Child
  readonly #words: Float64Array
  readonly #header: RingHeader

  private constructor(child: Child, words: Float64Array, header: RingHeader) {
    this.child = child
    this.#words = words
    this.#header = header
  }

  /** Resolves when it records. `meanwhile` runs after the start of the process. */
  static async start(
    scene: Scene,
    number: number,
    variant: Variant,
    meanwhile: () => Promise<unknown> = async () => {},
  ): Promise<Counter> {
    const path = `${scene.shared}/count-${number}`
    const child = scene.program('count-up', path, variant)
    await meanwhile()
    let words: Float64Array | undefined
    await until('the counter', () => {
      words ??= tryMap(path)
      return words !== undefined && (words[0] as number) >= 2
    })
    const ring = findRing(scene, child.pid) ?? assert.fail('a program that records has a ring')
    return new Counter(child, words as Float64Array, new RingHeader(ring))
  }

  /** The number of the hit that is under way, or of the last one. */
  get produced(): number {
    return this.#words[0] as number
  }

  published(): Published {
    return this.#header.read()
  }

  /** Has it end by itself. */
  async end(): Promise<void> {
    this.#words[1] = 1
    await this.child.succeeds()
  }
}

function tryMap(path: string): Float64Array | undefined {
  try {
    return new Float64Array(openMappedFile(path, 4096))
  } catch {
    return undefined // not there yet
  }
}

const TEXT_BYTES = TEXTS.map(text => Buffer.from(`${text}\0`))

/**
 * All records are there, none is invented, none is there twice: numbers go up, and what is missing is what
 * the packets count as discarded, packet by packet.
 */
export function checkCounting(
  trace: Trace,
  variant: Variant,
  { committed, lost }: Pick<Published, 'committed' | 'lost'>,
): void {
  assert.equal(trace.streams.length, 1)
  const stream = trace.streams[0] ?? assert.fail('there is a stream')
  let records = 0
  let last = 0
  const payload: PayloadReader = (bytes, at) => {
    const n = bytes.readUInt32LE(at)
    if (n <= last) assert.fail(`${stream.path}: ${n} comes after ${last}`)
    last = n
    records++
    if (variant === 'int') return at + 4
    const expected = TEXT_BYTES[textIndex(n)] as Buffer
    const end = at + 4 + expected.length
    if (expected.compare(bytes, at + 4, end) !== 0) assert.fail(`${stream.path}: the text of ${n} is another`)
    return end
  }
  readRecords(trace, stream, payload, (packet, isEmpty) => {
    if (!isEmpty)
      assert.equal(last - records, packet.discarded, `${stream.path}: gaps are the counted losses`)
  })
  assert.equal(records, committed, `${stream.path}: all that was committed, and nothing else`)
  assert.equal(stream.discarded, lost, `${stream.path}: the last packet has the final losses`)
}
