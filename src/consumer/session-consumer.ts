/**
 * Records one session: from the moment its session.json appears until nothing more can come.
 *
 *   awake   ── 100 ms without a record ──▶  wait words set, programs bumped, membarrier, a last look
 *     ▲                                                            │ nothing new
 *     └──────────── a byte in the FIFO `wake` ◀────────────── asleep: no timer, no system call
 */
import { type FSWatcher, watch } from 'node:fs'
import { errorText } from '../base/index.ts'
import {
  type Channel,
  CONTROL_VERSION,
  type Rule,
  type RunDirectory,
  readSession,
  type Session,
  writeSession,
} from '../control/index.ts'
import { requireLibc } from '../native/index.ts'
import { type Fifo, openWakeFifo } from './fifo.ts'
import { OutputFailure } from './output-failure.ts'
import { Pace } from './pace.ts'
import type { Program, ProgramSurroundings } from './program.ts'
import { Programs, type Totals } from './programs.ts'
import { becomeQuiet, selfConsumed } from './quiet.ts'
import type { SessionResult } from './result.ts'
import { createSessionDirectory, type SessionDirectory } from './session-directory.ts'

/** Where no membarrier(2) exists, a wake-up may be lost: so look this often. */
const UNSURE_SLEEP_MS = 50
const RETRY_OUTPUT_MS = 1000
/** A thread that has not ended its record by then was stopped or terminated in it. */
const UNQUIET_MS = 1000

export interface SessionPlan {
  readonly name: string
  readonly scope: Session['scope']
  readonly token: string
  /** Absolute path of the trace's folder. */
  readonly output: string
  readonly channels: readonly Channel[]
  readonly rules: readonly Rule[]
}

export interface ConsumerOptions {
  /** One line for the user. */
  readonly say: (line: string) => void
  /** Called after each look at the rings, and before we sleep. */
  readonly onLook?: (isLast: boolean) => void
}

export class SessionConsumer {
  readonly name: string
  readonly #directory: SessionDirectory
  #session: Session
  readonly #options: ConsumerOptions
  readonly #surroundings: { -readonly [K in keyof ProgramSurroundings]: ProgramSurroundings[K] }
  readonly #programs: Programs
  readonly #startedMs = performance.now()
  readonly #pace = new Pace(this.#startedMs)
  readonly #run: RunDirectory
  readonly #problems: string[] = []
  readonly #deaths: Program[] = []
  #wakeFifo: Fifo | undefined
  #watcher: FSWatcher | undefined
  #rulesWatcher: FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined
  #isFailing = false
  #unquietSinceMs: number | undefined
  /** Programs or rings may have come: found in one go at the next look. */
  #hasNews = false
  #isAsleep = false
  #isStopping = false

  /** Begins to record. Throws when the output cannot be written or the run directory cannot be used. */
  static start(run: RunDirectory, plan: SessionPlan, options: ConsumerOptions): SessionConsumer {
    const directory = createSessionDirectory(run, plan.name, plan.output)
    const session = {
      ...plan,
      version: CONTROL_VERSION,
      name: directory.name,
      pid: process.pid,
      active: true,
    }
    const consumer = new SessionConsumer(run, directory, session, options)
    try {
      consumer.#begin()
    } catch (error) {
      consumer.#closeHandles()
      directory.close(true)
      throw error
    }
    return consumer
  }

  private constructor(
    run: RunDirectory,
    directory: SessionDirectory,
    session: Session,
    options: ConsumerOptions,
  ) {
    this.name = session.name
    this.#run = run
    this.#directory = directory
    this.#session = session
    this.#options = options
    this.#surroundings = {
      session,
      sessionDirectory: directory.path,
      offsetFromEpoch: directory.offsetFromEpoch,
      resumes: false,
      say: (line: string) => this.#complain(line),
    }
    this.#programs = new Programs(run, this.#surroundings, program => this.#onDeath(program))
  }

  totals(): Totals {
    return this.#programs.totals()
  }

  /** Ends the session: when this resolves, all that was committed is in the trace and nothing more will come. */
  async stop(): Promise<SessionResult> {
    this.#isStopping = true
    clearTimeout(this.#timer)
    writeSession(this.#directory.path, { ...this.#session, active: false })
    this.#programs.discover()
    this.#programs.bump('rules')
    const durationMs = performance.now() - this.#startedMs
    await becomeQuiet(this.#programs, line => this.#complain(line))
    await selfConsumed(this.#programs, line => this.#complain(line))
    const rules = this.#programs.rules()
    const failure = this.#writeRest()
    this.#closeHandles()
    this.#programs.close()
    if (failure === undefined) this.#programs.removeEnded()
    this.#directory.close(failure === undefined)
    const { tally } = this.#programs
    return {
      name: this.name,
      output: this.#session.output,
      events: tally.eventCounts(),
      recorded: tally.recorded,
      discarded: Object.fromEntries(tally.discarded),
      programs: tally.programs,
      durationMs,
      bytes: tally.bytes,
      rules,
      problems: this.#problems,
      ...(failure === undefined ? {} : { failure }),
    }
  }

  /** Everything that can wake us is in place before the first program sees the session. */
  #begin(): void {
    this.#wakeFifo = openWakeFifo(this.#directory.wakePath, () => this.#onWake())
    this.#watcher = watch(this.#run.appsPath, () => this.#onAppsChange())
    this.#watcher.on('error', error => this.#complain(errorText(error)))
    writeSession(this.#directory.path, this.#session)
    this.#rulesWatcher = watch(this.#directory.path, (_, file) => {
      if (file === 'session.json') this.#onRules()
    })
    this.#rulesWatcher.on('error', error => this.#complain(errorText(error)))
    this.#programs.discover()
    this.#programs.bump('rules')
    this.#schedule(0)
  }

  /** Somebody moved another session.json over ours: its rules are the session's from here on. */
  #onRules(): void {
    if (this.#isStopping) return
    try {
      const { rules } = readSession(this.#directory.path)
      this.#session = { ...this.#session, rules }
      this.#surroundings.session = this.#session
      this.#programs.forgetMatches()
      this.#programs.bump('rules')
    } catch (error) {
      this.#complain(`the rules stay as they were: ${errorText(error)}`)
    }
  }

  #onWake(): void {
    if (this.#isStopping) return
    this.#hasNews = true
    if (this.#isAsleep) this.#wakeUp()
    else this.#pace.wake(performance.now())
  }

  /** A program alone is no reason to wake up: it has no ring yet. */
  #onAppsChange(): void {
    if (this.#isAsleep) this.#discover()
    else this.#hasNews = true
  }

  #discover(): void {
    if (this.#isStopping) return
    this.#hasNews = false
    try {
      this.#programs.discover()
    } catch (error) {
      this.#complain(errorText(error))
    }
  }

  /** What the program left is written at the next look, in its turn after what failed before. */
  #onDeath(program: Program): void {
    if (this.#isStopping || this.#deaths.includes(program)) return
    this.#deaths.push(program)
    if (this.#isAsleep) this.#wakeUp()
  }

  #wakeUp(): void {
    this.#isAsleep = false
    for (const ring of this.#programs.rings()) ring.reader.setWait(false)
    this.#pace.wake(performance.now())
    this.#schedule(0)
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#look(), delayMs)
  }

  #look(): void {
    if (this.#hasNews) this.#discover()
    const nowMs = performance.now()
    this.#drain(nowMs)
    this.#options.onLook?.(false)
    const isIdle = this.#deaths.length === 0 && this.#pace.isIdle(nowMs)
    if (!this.#isFailing && isIdle) this.#fallAsleep()
    else this.#schedule(this.#isFailing ? RETRY_OUTPUT_MS : this.#pace.intervalMs)
  }

  #drain(nowMs: number): void {
    const depth = this.#isFailing || this.#pace.isFlushDue(nowMs) ? 'partial' : 'complete'
    let records = 0
    let complete = 0
    this.#writeOut(() => {
      this.#programs.eachRing(ring => {
        records += ring.look()
        complete += ring.take(depth)
      })
      for (let program = this.#deaths[0]; program !== undefined; program = this.#deaths[0]) {
        this.#programs.end(program, process.hrtime.bigint())
        this.#deaths.shift()
      }
    })
    this.#pace.note(nowMs, records, complete)
  }

  /** What cannot be written stays in its ring, and is tried again; losses then happen there, and are counted. */
  #writeOut(write: () => void): void {
    try {
      write()
      if (this.#isFailing) this.#options.say(`writing into ${this.#session.output} works again`)
      this.#isFailing = false
    } catch (error) {
      if (!(error instanceof OutputFailure)) throw error
      if (!this.#isFailing) {
        this.#options.say(
          `cannot write into ${this.#session.output}: ${error.message}; trying again every second`,
        )
      }
      this.#isFailing = true
    }
  }

  #fallAsleep(): void {
    this.#writeOut(() => this.#programs.eachRing(ring => ring.take('partial')))
    this.#programs.tidy()
    for (const ring of this.#programs.rings()) ring.reader.setWait(true)
    this.#programs.bump('wake')
    const isSure = requireLibc().memoryBarrier()
    let records = 0
    let isQuiet = true
    this.#programs.eachRing(ring => {
      // A record that is committed between the two is news then; the other way round it would be neither.
      const isRingQuiet = ring.reader.isQuiet()
      records += ring.look()
      isQuiet &&= isRingQuiet
    })
    if (this.#isFailing) this.#schedule(RETRY_OUTPUT_MS)
    else if (records > 0 || this.#hasNews || this.#deaths.length > 0) this.#wakeUp()
    else if (isQuiet || this.#isStuck()) this.#sleep(isSure)
    else this.#schedule(this.#pace.intervalMs)
  }

  /** A record that was begun before the barrier sends no byte: so it is waited for, unless its thread ended in it. */
  #isStuck(): boolean {
    const nowMs = performance.now()
    this.#unquietSinceMs ??= nowMs
    return nowMs - this.#unquietSinceMs > UNQUIET_MS
  }

  #sleep(isSure: boolean): void {
    this.#unquietSinceMs = undefined
    this.#options.onLook?.(true)
    this.#isAsleep = isSure
    if (!isSure) this.#schedule(UNSURE_SLEEP_MS)
  }

  /** Returns why the trace is not complete, if so: then the rings stay for a later try. */
  #writeRest(): string | undefined {
    try {
      this.#programs.discover()
      this.#programs.endAll(process.hrtime.bigint())
      return undefined
    } catch (error) {
      if (!(error instanceof OutputFailure)) throw error
      const advice = `what is missing is kept: make room, then run \`kymo crash ${this.#directory.path}\``
      return `cannot write into ${this.#session.output}: ${error.message}; ${advice}`
    }
  }

  #complain(line: string): void {
    this.#problems.push(line)
    this.#options.say(line)
  }

  #closeHandles(): void {
    clearTimeout(this.#timer)
    this.#wakeFifo?.close()
    this.#watcher?.close()
    this.#rulesWatcher?.close()
  }
}
