/**
 * A random mix of events, sizes, bursts and pauses in some threads: `mix.js SEED THREADS BURSTS`. Each thread
 * counts every call of a site itself, also those that cannot be recorded. Says on stdout how many there were.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { array, f64, i8, i32, sequence, str, tracepoint, u8, u32, u64 } from '../../tracer/index.ts'
import { randomFrom, TEXTS } from './texts.ts'

/** More than a sub-buffer of 4096 bytes holds. */
const TOO_LONG = 5000
const MAX_BURST = 3000
const MAX_PAUSE_MS = 12
/** Deeper than a record may interrupt another one. */
const DEEPEST = 8

interface MixData {
  readonly seed: number
  readonly thread: number
  readonly bursts: number
  readonly produced: Float64Array
}

class Mix {
  readonly #data: MixData
  readonly #random: () => number
  readonly #plain = tracepoint('mix:plain', i32('n'))
  readonly #none = tracepoint('mix:none')
  readonly #text = tracepoint('mix:text', u32('n'), str('text'), str('more'))
  readonly #wide = tracepoint('mix:wide', u64('n'), array('values', f64, 8))
  readonly #list = tracepoint('mix:list', sequence('bytes', u8))
  readonly #small = tracepoint('mix:small', i8('n'), u8('m'))
  readonly #inner = tracepoint('mix:inner', u32('depth'))
  readonly #outer = tracepoint<[depth: number]>('mix:outer')
  readonly #late: ((n: number) => void)[] = []

  constructor(data: MixData) {
    this.#data = data
    this.#random = randomFrom(data.seed * 1000 + data.thread)
    this.#outer.record(u32('depth', depth => this.#goDeeper(depth)))
  }

  async run(): Promise<void> {
    for (let burst = 0; burst < this.#data.bursts; burst++) {
      const kind = this.#below(12)
      for (let i = this.#below(MAX_BURST); i > 0; i--) this.#hit(kind)
      if (this.#below(3) > 0) Atomics.wait(PAUSE, 0, 0, this.#below(MAX_PAUSE_MS))
      if (this.#below(8) === 0) await new Promise(resolve => setImmediate(resolve))
    }
  }

  #below(limit: number): number {
    return this.#random() % limit
  }

  #count(): void {
    const { produced, thread } = this.#data
    produced[thread] = (produced[thread] as number) + 1
  }

  /** Most bursts are of one kind, some of all. */
  #hit(burstKind: number): void {
    const kind = burstKind < 8 ? burstKind : this.#below(8)
    const n = this.#random()
    this.#count()
    switch (kind) {
      case 0:
        this.#plain(n | 0)
        break
      case 1:
        this.#none()
        break
      case 2:
        this.#text(n, TEXTS[n % TEXTS.length] as string, n % 64 === 0 ? 'y'.repeat(n % TOO_LONG) : '')
        break
      case 3:
        this.#wide(BigInt(n) << 31n, [n, 0, -0, Number.NaN, Infinity, 1e-310, -n, 0.1])
        break
      case 4:
        this.#list(new Uint8Array(n % 16 === 0 ? n % (2 * TOO_LONG) : n % 100).fill(n))
        break
      case 5:
        this.#hitBadly(n)
        break
      case 6:
        this.#outer(n % DEEPEST)
        break
      default:
        this.#lateSite(n % 40)(n | 0)
    }
  }

  /** Half of the values are none that fit. */
  #hitBadly(n: number): void {
    const bad: unknown[] = [undefined, null, Number.NaN, 128, -129, 'text', {}, Infinity]
    const value = n % 2 === 0 ? bad[(n >>> 1) % bad.length] : (n % 256) - 128
    this.#small(value as number, n & 255)
  }

  /** While its value is read a record is interrupted by others; what it returns at times is no value. */
  #goDeeper(depth: number): number {
    for (let i = 0; i < 2; i++) {
      this.#count()
      this.#inner(depth)
    }
    if (depth > 0) {
      this.#count()
      this.#outer(depth - 1)
    }
    if (depth === 3) throw new Error('not recorded')
    return depth === 5 ? -1 : depth
  }

  /** Sites that come while recording: more than the short ids of a compact header. */
  #lateSite(i: number): (n: number) => void {
    this.#late[i] ??= tracepoint(`mix:late_${i}`, i32('n'))
    return this.#late[i]
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4))

async function main(seed: number, threads: number, bursts: number): Promise<void> {
  const produced = new Float64Array(new SharedArrayBuffer(threads * 8))
  const workers = Array.from({ length: threads - 1 }, async (_, i) => {
    const data = { seed, thread: i + 1, bursts, produced } satisfies MixData
    const worker = new Worker(new URL(import.meta.url), { workerData: data })
    worker.on('error', error => assert.fail(error))
    await once(worker, 'exit')
  })
  await new Mix({ seed, thread: 0, bursts, produced }).run()
  await Promise.all(workers)
  process.stdout.write(String(produced.reduce((sum, count) => sum + count, 0)))
}

const [seed, threads, bursts] = process.argv.slice(2).map(Number) as [number, number, number]
if (isMainThread) await main(seed, threads, bursts)
else await new Mix(workerData as MixData).run()
