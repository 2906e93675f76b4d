/** One program in one session: its life, its control words, its channels and its trace. */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorText } from '../base/index.ts'
import {
  type AppEntry,
  type ControlWords,
  type EventDeclaration,
  isLocked,
  openControlFile,
  PACKAGE_VERSION,
  readAbout,
  readEvents,
  type Session,
} from '../control/index.ts'
import { requireLibc } from '../native/index.ts'
import { TraceWriter, tracePath } from '../store/index.ts'
import { type Fifo, openLifeFifo } from './fifo.ts'
import { OutputFailure, writing } from './output-failure.ts'
import { ProgramChannel } from './program-channel.ts'
import { FALLBACK_RESULT_FILE, readFallbackResult, type Tally } from './result.ts'
import type { RingStream } from './ring-stream.ts'
import { type ClockClass, clockClass, type TraceClass, traceClassOf } from './trace-identity.ts'

/** In the program's directory in the session: where its trace is. */
const TRACE_NOTE = 'trace'

/** What all programs of a session have in common. */
export interface ProgramSurroundings {
  readonly session: Session
  readonly sessionDirectory: string
  /** Of CLOCK_MONOTONIC: one for all traces, so that their times can be compared. */
  readonly offsetFromEpoch: bigint
  /** True when a dead recorder's traces are to be finished. */
  readonly resumes: boolean
  /** One line for the user. */
  readonly say: (line: string) => void
}

export class Program {
  readonly id: string
  readonly app: AppEntry
  readonly #surroundings: ProgramSurroundings
  readonly #control: ControlWords | undefined
  readonly #noRingBefore: number
  readonly #channels = new Map<string, ProgramChannel>()
  readonly #ignored = new Set<string>()
  #life: Fifo | undefined
  #trace: TraceWriter | undefined
  #events: EventDeclaration[] | undefined

  /** `isNew`: it appeared while the session was recording, so all its losses are the session's. */
  constructor(app: AppEntry, isNew: boolean, surroundings: ProgramSurroundings) {
    this.id = app.id
    this.app = app
    this.#surroundings = surroundings
    const controlPath = join(app.directory, 'control')
    this.#control = existsSync(controlPath) ? openControlFile(controlPath) : undefined
    this.#noRingBefore = isNew ? 0 : (this.#control?.noRing ?? 0)
    // Tells the program to leave its list of events behind when it ends, even if it never records one.
    const directory = join(surroundings.sessionDirectory, app.id)
    if (app.alive && !surroundings.resumes) mkdirSync(directory, { recursive: true, mode: 0o700 })
  }

  get label(): string {
    return `${this.app.about.procname} (pid ${this.app.about.pid})`
  }

  /** Calls `onDeath` once, when the program has ended, even if it did so before this call. */
  watch(onDeath: () => void): void {
    const path = join(this.app.directory, 'alive.fifo')
    if (existsSync(path)) this.#life = openLifeFifo(path, onDeath)
    // A program that died before the FIFO was open does not close it again.
    if (!this.isAlive()) setImmediate(onDeath)
  }

  isAlive(): boolean {
    const { about, directory } = this.app
    return about.fallback === undefined
      ? isLocked(join(directory, 'alive'))
      : existsSync(`/proc/${about.pid}`)
  }

  /** True while a consumer inside the program, which has no mapped memory, still writes its part of the trace. */
  isConsumingItself(): boolean {
    const directory = join(this.#surroundings.sessionDirectory, this.id)
    if (this.app.about.fallback === undefined || !this.isAlive()) return false
    return existsSync(join(directory, 'about.json')) && !existsSync(join(directory, FALLBACK_RESULT_FILE))
  }

  bump(kind: 'wake' | 'rules'): void {
    this.#control?.bump(kind)
  }

  /** Finds channels and rings that are new. */
  scan(): void {
    const { session, sessionDirectory, resumes } = this.#surroundings
    const directory = join(sessionDirectory, this.id)
    if (!existsSync(directory)) return
    for (const name of readdirSync(directory)) {
      if (!this.#channels.has(name)) {
        const streamId = session.channels.findIndex(channel => channel.name === name)
        if (streamId < 0) continue
        const trace = (): TraceWriter => this.#openTrace()
        const options = { directory: join(directory, name), name, streamId, trace, resumes }
        this.#channels.set(name, new ProgramChannel(options))
      }
      const refuse = (ring: string, error: unknown): void => this.#complain(`${name}/${ring}`, error)
      this.#guard(name, () => this.#channels.get(name)?.scan(refuse))
    }
  }

  *rings(): Generator<RingStream> {
    for (const channel of this.#channels.values()) yield* channel.rings.values()
  }

  /** Calls `use` for each ring; a damaged one is left out from then on, and what cannot be written is thrown. */
  eachRing(use: (ring: RingStream) => void): void {
    for (const [name, channel] of this.#channels) {
      for (const [ringName, ring] of channel.rings) {
        try {
          use(ring)
        } catch (error) {
          if (error instanceof OutputFailure) throw error
          channel.drop(ringName)
          this.#complain(`${name}/${ringName}`, error)
        }
      }
    }
  }

  /** Events that the program has declared or recorded; of a dead program, those that it had. */
  events(): readonly { name: string; logLevel: string; optIn?: boolean }[] {
    const declared = readEvents(this.app.directory)
    if (declared.length > 0 || this.#events === undefined) this.#events = declared
    const recorded = [...this.#channels].flatMap(([name, channel]) => {
      let classes: readonly { name: string; logLevel: string }[] = []
      this.#guard(name, () => {
        classes = channel.classes()
      })
      return classes
    })
    return [...this.#events, ...recorded]
  }

  freeIdleRings(): void {
    for (const [name, channel] of this.#channels) this.#guard(name, () => channel.freeIdleRings())
  }

  get bytesWritten(): number {
    return this.#trace?.bytesWritten ?? 0
  }

  get noRing(): number {
    return Math.max(0, (this.#control?.noRing ?? 0) - this.#noRingBefore)
  }

  /** Writes what is left, with losses after the last record dated `end`. Throws what cannot be written. */
  finish(end: bigint): void {
    this.scan()
    this.eachRing(ring => ring.finish(end))
  }

  /** Adds what the program did to the tally. */
  addTo(tally: Tally): void {
    for (const [name, channel] of this.#channels) this.#guard(name, () => channel.addTo(tally))
    tally.addLoss('no ring', this.noRing)
    tally.bytes += this.bytesWritten
    if (this.app.about.fallback !== undefined) {
      this.#addFallback(tally)
      return
    }
    const threads = Math.max(0, ...[...this.#channels.values()].map(channel => channel.threads))
    if (this.#channels.size === 0 && this.noRing === 0) return
    tally.programs.push({ pid: this.app.about.pid, procname: this.app.about.procname, threads })
  }

  #addFallback(tally: Tally): void {
    const { pid, procname } = this.app.about
    const result = readFallbackResult(join(this.#surroundings.sessionDirectory, this.id))
    if (result === undefined) return
    tally.recorded += result.recorded
    tally.bytes += result.bytes
    for (const { name, count } of result.events) tally.addEvents(name, count)
    for (const [cause, count] of Object.entries(result.discarded)) tally.addLoss(cause, count)
    tally.programs.push({ pid, procname, threads: result.threads })
    if (result.problem !== undefined) this.#surroundings.say(`${this.label}: ${result.problem}`)
  }

  /** Nobody writes into the rings any more: closes the files and gives the memory back. */
  close(): void {
    this.#life?.close()
    for (const [name, channel] of this.#channels) {
      this.#guard(name, () => channel.freeRings())
      writing(() => channel.close())
    }
    this.#channels.clear()
    writing(() => this.#trace?.close())
    this.#trace = undefined
    if (this.#control !== undefined) requireLibc().unmap(this.#control.words.buffer)
  }

  #openTrace(): TraceWriter {
    if (this.#trace !== undefined) return this.#trace
    const { session, offsetFromEpoch, resumes } = this.#surroundings
    const { about } = this.app
    const path = this.#tracePath()
    const identity = { about, session: session.name, created: new Date(), version: PACKAGE_VERSION }
    const open = resumes ? TraceWriter.adopt : createTrace
    this.#trace = open(path, traceClassOf(identity), clockClass(offsetFromEpoch))
    return this.#trace
  }

  /** Noted in the session before the folder is made, so that whoever takes over finds the same one. */
  #tracePath(): string {
    const { session, sessionDirectory, resumes } = this.#surroundings
    const notePath = join(sessionDirectory, this.id, TRACE_NOTE)
    if (resumes && existsSync(notePath)) return readFileSync(notePath, 'utf8')
    const { procname, pid, started } = this.app.about
    const base = tracePath(session.output, procname, pid, new Date(started))
    // An earlier session may have recorded the same program into the same folder.
    let path = base
    for (let i = 2; existsSync(path); i++) path = `${base}-${i}`
    if (session.active) writeFileSync(notePath, path, { mode: 0o600 })
    return path
  }

  #guard(what: string, use: () => void): void {
    if (this.#ignored.has(what)) return
    try {
      use()
    } catch (error) {
      if (error instanceof OutputFailure) throw error
      this.#ignored.add(what)
      this.#complain(what, error)
    }
  }

  #complain(what: string, error: unknown): void {
    this.#surroundings.say(`${this.label}: ${what} is left out: ${errorText(error)}`)
  }
}

/** Leaves nothing behind when it fails: a full disk is tried again. */
function createTrace(path: string, ...classes: [TraceClass, ClockClass]): TraceWriter {
  try {
    return TraceWriter.create(path, ...classes)
  } catch (error) {
    rmSync(path, { recursive: true, force: true })
    throw error
  }
}

/** A program whose entry in the run directory is gone: its directory in the session tells who it was. */
export function lostProgram(sessionDirectory: string, id: string, appsPath: string): AppEntry | undefined {
  const about = readAbout(join(sessionDirectory, id))
  return about === undefined ? undefined : { id, directory: join(appsPath, id), about, alive: false }
}
