/**
 * A program that writes into mapped rings for tests, and the test's end of it. Both map `words`:
 *
 *   word 0  STOP    set by the test: write no more, and end
 *        1  PAUSE   set by the test: write no more until it is 0 again
 *        2  GENERATION  raised by the test: look at PAUSE and at the wait words
 *        4  PRODUCED    (a double) attempts, stored before each of them
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createMappedFile, openMappedFile } from '../../control/index.ts'
import { O_NONBLOCK, O_WRONLY, requireLibc } from '../../native/index.ts'
import { type CommitStore, LOSS_BAD_VALUE, type RingGeometry, RingReader, SingleWriter } from '../index.ts'
import { RELEASED_WORD } from '../layout.ts'
import { createMappedRing, openMappedRing } from '../memory/mapped.ts'
import { IDENTITY, temporaryFolder } from './memory.contract.ts'
import { type By, makeProbe, STALE, type WriteRecord } from './record.contract.ts'

export const STOP = 0
export const PAUSE = 1
export const GENERATION = 2
export const PRODUCED_DOUBLE = 2
const WORDS_BYTES = 4096
const LONGEST_PAUSE_MS = 0.5
const LINGERING = 0.02
const TURNS_BETWEEN_LOOKS = 65536
const LONGEST_RECORD_MS = 20

/**
 * `run`: all sizes, as fast as it goes.
 * `free`: records of one size, never full because it releases its own sub-buffers; every fifth attempt is lost.
 * `sleepy`: single records into rings at random, with pauses between them and sometimes within one.
 */
export type Mode = 'run' | 'free' | 'sleepy'

export interface WriterPlan {
  readonly mode: Mode
  readonly by: By
  readonly commitStore: CommitStore
  readonly geometry: RingGeometry
  readonly rings: number
}

export const FREE_RECORD_BYTES = 32
/** Of `free`: attempts up to and with record n. */
export function freeAttempts(record: number): number {
  return record + Math.floor((record - 1) / 4)
}

/** The test's end: the rings are mapped here too. */
export class WriterChild {
  readonly folder: string
  readonly readers: RingReader[] = []
  readonly words: Int32Array
  readonly process: ChildProcess
  readonly #doubles: Float64Array
  readonly #ended: Promise<void>
  #stderr = ''

  constructor(t: TestContext, plan: WriterPlan) {
    this.folder = temporaryFolder(t)
    for (let i = 0; i < plan.rings; i++) {
      if (createMappedRing(join(this.folder, `ring-${i}`), plan.geometry, IDENTITY) === undefined)
        throw new Error('/dev/shm is full')
      this.readers.push(new RingReader(openMappedRing(join(this.folder, `ring-${i}`))))
      requireLibc().mkfifo(join(this.folder, `fifo-${i}`), 0o600)
    }
    const buffer = createMappedFile(join(this.folder, 'words'), WORDS_BYTES, () => undefined)
    this.words = new Int32Array(buffer)
    this.#doubles = new Float64Array(buffer)
    const program = fileURLToPath(import.meta.url)
    const args = [program, 'write', this.folder, JSON.stringify(plan)]
    this.process = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] })
    this.process.stderr?.on('data', chunk => {
      this.#stderr += chunk
    })
    this.#ended = new Promise(resolve => this.process.once('close', () => resolve()))
    t.after(() => this.process.kill('SIGKILL'))
  }

  get reader(): RingReader {
    return this.readers[0] as RingReader
  }

  get produced(): number {
    return this.#doubles[PRODUCED_DOUBLE] as number
  }

  /** Lets this process's events happen; throws when the writer has ended without being told to. */
  async turn(): Promise<void> {
    await new Promise(resolve => setImmediate(resolve))
    const { exitCode, signalCode } = this.process
    if (exitCode !== null || signalCode !== null) throw new Error(`the writer ended: ${this.#stderr}`)
  }

  /** As turn(), and leaves the processor to the writer for a moment. */
  async pause(): Promise<void> {
    Atomics.wait(PRIVATE, 0, 0, 0.1)
    await this.turn()
  }

  async started(): Promise<void> {
    while (this.produced === 0) await this.pause()
  }

  async stop(): Promise<void> {
    Atomics.store(this.words, STOP, 1)
    Atomics.add(this.words, GENERATION, 1)
    await this.#ended
    if (this.process.exitCode !== 0) throw new Error(`the writer failed: ${this.#stderr}`)
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.#ended
  }
}

class Writing {
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly seen = new Int32Array(1)
  readonly writers: SingleWriter[] = []
  readonly probes: WriteRecord[] = []
  readonly attempts: number[] = []
  readonly plan: WriterPlan
  readonly #parent = process.ppid

  constructor(folder: string, plan: WriterPlan) {
    this.plan = plan
    const libc = requireLibc()
    const buffer = openMappedFile(join(folder, 'words'), WORDS_BYTES)
    this.words = new Int32Array(buffer)
    this.doubles = new Float64Array(buffer)
    const generation = { words: this.words, word: GENERATION, seen: this.seen }
    for (let i = 0; i < plan.rings; i++) {
      const fd = plan.mode === 'sleepy' ? libc.open(join(folder, `fifo-${i}`), O_WRONLY | O_NONBLOCK) : -1
      const wake = (): void => {
        libc.write(fd, new Uint8Array([1]))
      }
      const writer = new SingleWriter(
        openMappedRing(join(folder, `ring-${i}`)),
        process.pid,
        plan.commitStore,
        wake,
      )
      this.writers.push(writer)
      const inside = plan.mode === 'sleepy' ? { inside: () => this.#linger() } : {}
      this.probes.push(makeProbe(writer, plan.by, { generation, ...inside }))
      this.attempts.push(0)
    }
  }

  /** One attempt; a record taken back is tried again once the generation is seen. */
  attempt(ring: number, size: number): void {
    const attempt = ++(this.attempts as number[])[ring]!
    this.doubles[PRODUCED_DOUBLE] = (this.doubles[PRODUCED_DOUBLE] as number) + 1
    while (this.probes[ring]!(attempt, size) === STALE) {
      this.seen[0] = this.words[GENERATION] as number
      if (Atomics.load(this.words, STOP) === 1) {
        this.writers[ring]!.lose(LOSS_BAD_VALUE)
        return
      }
      while (Atomics.load(this.words, PAUSE) === 1 && this.#goesOn(0)) Atomics.wait(PRIVATE, 0, 0, 0.1)
      for (const writer of this.writers) writer.arm()
    }
  }

  /** A test that was killed cannot tell its writer to stop: from time to time, look whether it is still there. */
  #goesOn(i: number): boolean {
    return this.words[STOP] === 0 && (i % TURNS_BETWEEN_LOOKS !== 0 || process.ppid === this.#parent)
  }

  run(): void {
    for (let i = 0; this.#goesOn(i); i++) this.attempt(0, 16 + ((i * 7) % 90))
  }

  free(): void {
    const writer = this.writers[0]!
    for (let i = 1; this.#goesOn(i); i++) {
      if (i % 5 === 0) {
        this.attempts[0]!++
        writer.lose(LOSS_BAD_VALUE)
        continue
      }
      Atomics.store(writer.words, RELEASED_WORD, writer.own[4] as number)
      this.attempt(0, FREE_RECORD_BYTES)
    }
  }

  sleepy(): void {
    while (this.#goesOn(0)) {
      this.attempt(Math.floor(Math.random() * this.plan.rings), 32)
      Atomics.wait(PRIVATE, 0, 0, Math.random() * LONGEST_PAUSE_MS)
    }
  }

  /** As a thread does that is preempted in the middle of a record, for longer than a barrier takes. */
  #linger(): void {
    if (Math.random() < LINGERING) Atomics.wait(PRIVATE, 0, 0, Math.random() * LONGEST_RECORD_MS)
  }
}

const PRIVATE = new Int32Array(new SharedArrayBuffer(4))

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv[2] === 'write') {
  const plan = JSON.parse(process.argv[4] as string) as WriterPlan
  const writing = new Writing(process.argv[3] as string, plan)
  writing[plan.mode]()
}
