/**
 * The consumer of a program without mapped memory: a worker in the program itself, fed with rings that are
 * SharedArrayBuffers. It writes the program's part of each session's trace, and leaves what it counted in
 * `result.json` beside the program's other files for the recorder.
 */
import { existsSync, readdirSync, renameSync, watch, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { BroadcastChannel, parentPort, workerData } from 'node:worker_threads'
import { errorText } from '../base/index.ts'
import {
  type AppAbout,
  CONSUMER_DONE_WORD,
  ControlWords,
  EXIT_WORD,
  monotonicOffsetFromEpoch,
  PACKAGE_VERSION,
  readAbout,
  readSession,
  type Session,
} from '../control/index.ts'
import { TraceWriter, tracePath } from '../store/index.ts'
import { ProgramChannel } from './program-channel.ts'
import { FALLBACK_RESULT_FILE, type FallbackResult, Tally } from './result.ts'
import { clockClass, traceClassOf } from './trace-identity.ts'

const LOOK_MS = 10
const FLUSH_LOOKS = 10
/** A thread that was told to stop has this long to end its record. */
const QUIET_LOOKS = 100

interface HandedRing {
  readonly directory: string
  readonly number: number
  readonly buffer: SharedArrayBuffer
}

/** This program's part of one session. */
class Part {
  readonly directory: string
  readonly #sessionDirectory: string
  readonly #session: Session
  readonly #about: AppAbout
  readonly #channels = new Map<string, ProgramChannel>()
  #trace: TraceWriter | undefined
  #problem: string | undefined

  constructor(directory: string) {
    this.directory = directory
    this.#sessionDirectory = dirname(directory)
    this.#session = readSession(this.#sessionDirectory)
    this.#about = readAbout(directory) as AppAbout
  }

  add({ directory, number, buffer }: HandedRing): void {
    const name = basename(directory)
    let channel = this.#channels.get(name)
    if (channel === undefined) {
      const streamId = this.#session.channels.findIndex(of => of.name === name)
      channel = new ProgramChannel({
        directory,
        name,
        streamId,
        trace: () => this.#openTrace(),
        resumes: false,
      })
      this.#channels.set(name, channel)
    }
    if (!channel.rings.has(`ring-${number}`)) channel.addRing(`ring-${number}`, buffer)
  }

  isActive(): boolean {
    try {
      return readSession(this.#sessionDirectory).active
    } catch {
      return false // the recorder is gone, and its session with it
    }
  }

  isQuiet(): boolean {
    return [...this.#rings()].every(ring => ring.reader.isQuiet())
  }

  take(depth: 'complete' | 'partial'): void {
    this.#guarded(() => {
      for (const ring of this.#rings()) ring.take(depth)
    })
  }

  finish(): void {
    this.#guarded(() => {
      for (const ring of this.#rings()) ring.finish(process.hrtime.bigint())
    })
    const tally = new Tally()
    for (const channel of this.#channels.values()) channel.addTo(tally)
    const result: FallbackResult = {
      events: tally.eventCounts(),
      recorded: tally.recorded,
      discarded: Object.fromEntries(tally.discarded),
      threads: [...this.#rings()].length,
      bytes: this.#trace?.bytesWritten ?? 0,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    }
    for (const channel of this.#channels.values()) channel.close()
    this.#trace?.close()
    const path = join(this.directory, FALLBACK_RESULT_FILE)
    writeFileSync(`${path}.new`, JSON.stringify(result))
    renameSync(`${path}.new`, path)
  }

  *#rings(): Generator<ReturnType<ProgramChannel['rings']['values']> extends Iterator<infer R> ? R : never> {
    for (const channel of this.#channels.values()) yield* channel.rings.values()
  }

  #guarded(write: () => void): void {
    try {
      write()
    } catch (error) {
      this.#problem = errorText(error) // what stays in the rings is lost with the process, and said at the end
    }
  }

  #openTrace(): TraceWriter {
    if (this.#trace !== undefined) return this.#trace
    const path = tracePath(
      this.#session.output,
      this.#about.procname,
      this.#about.pid,
      new Date(this.#about.started),
    )
    const identity = {
      about: this.#about,
      session: this.#session.name,
      created: new Date(),
      version: PACKAGE_VERSION,
    }
    this.#trace = TraceWriter.create(path, traceClassOf(identity), clockClass(monotonicOffsetFromEpoch()))
    return this.#trace
  }
}

class InProcessConsumer {
  readonly #parts = new Map<string, Part>()
  readonly #control: ControlWords
  #looks = 0

  constructor(control: SharedArrayBuffer) {
    this.#control = new ControlWords(control)
  }

  take(ring: HandedRing): void {
    const directory = dirname(ring.directory)
    if (existsSync(join(directory, FALLBACK_RESULT_FILE))) return
    let part = this.#parts.get(directory)
    if (part === undefined) {
      part = new Part(directory)
      this.#parts.set(directory, part)
    }
    part.add(ring)
  }

  look(): void {
    const depth = ++this.#looks % FLUSH_LOOKS === 0 ? 'partial' : 'complete'
    for (const part of this.#parts.values()) part.take(depth)
    // Rings that were handed over before the exit may still be on their way: they come in this turn of the loop.
    if (Atomics.load(this.#control.words, EXIT_WORD) !== 0) setImmediate(() => this.finishAll())
  }

  /** Threads see that a session has ended with their next hit; then its rings become quiet. */
  async endInactive(): Promise<void> {
    this.#control.bump('rules')
    for (const part of [...this.#parts.values()].filter(of => !of.isActive())) {
      for (let i = 0; i < QUIET_LOOKS && !part.isQuiet(); i++)
        await new Promise(resolve => setTimeout(resolve, LOOK_MS))
      this.#finish(part)
    }
  }

  finishAll(): void {
    for (const part of this.#parts.values()) this.#finish(part)
    Atomics.store(this.#control.words, CONSUMER_DONE_WORD, 1)
    Atomics.notify(this.#control.words, CONSUMER_DONE_WORD)
  }

  #finish(part: Part): void {
    if (!this.#parts.delete(part.directory)) return
    part.finish()
  }
}

const { runPath, control } = workerData as { runPath: string; control: SharedArrayBuffer }
const consumer = new InProcessConsumer(control)
const broadcast = new BroadcastChannel('kymograph.rings')
broadcast.onmessage = (message: unknown) => {
  const { data } = message as { data: HandedRing | string }
  if (typeof data === 'object') consumer.take(data)
}
parentPort?.on('message', (ring: HandedRing) => consumer.take(ring))
broadcast.postMessage('consumer is up')
setInterval(() => consumer.look(), LOOK_MS)

const sessionsPath = join(runPath, 'sessions')
const watched = new Set<string>()

/** A session that ends says so in its own directory. */
function watchSessions(): void {
  for (const name of readdirSync(sessionsPath)) {
    if (watched.has(name)) continue
    watched.add(name)
    try {
      watch(join(sessionsPath, name), () => void consumer.endInactive()).on('error', () =>
        watched.delete(name),
      )
    } catch {
      watched.delete(name) // it was removed meanwhile
    }
  }
}
watch(sessionsPath, watchSessions)
watchSessions()
