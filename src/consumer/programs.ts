/** All programs of a session: found, drained, and summed up when they end. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, errorText } from '../base/index.ts'
import {
  type AppEntry,
  CONTROL_VERSION,
  isLocked,
  listApps,
  PACKAGE_VERSION,
  type RunDirectory,
  ruleMatches,
} from '../control/index.ts'
import { OutputFailure } from './output-failure.ts'
import { takesPart } from './participation.ts'
import { lostProgram, Program, type ProgramSurroundings } from './program.ts'
import { discardedTotal, type RuleSummary, Tally } from './result.ts'
import type { RingStream } from './ring-stream.ts'
import { isNeededElsewhere } from './session-directory.ts'

export interface Totals {
  readonly recorded: number
  readonly discarded: number
  readonly bytes: number
  readonly programs: number
}

export class Programs {
  readonly tally = new Tally()
  readonly #run: RunDirectory
  readonly #surroundings: ProgramSurroundings
  readonly #onDeath: (program: Program) => void
  readonly #programs = new Map<string, Program>()
  readonly #ignored = new Set<string>()
  readonly #ended: AppEntry[] = []
  readonly #matched = new Set<number>()
  #isFirst = true

  constructor(run: RunDirectory, surroundings: ProgramSurroundings, onDeath: (program: Program) => void) {
    this.#run = run
    this.#surroundings = surroundings
    this.#onDeath = onDeath
  }

  /** Finds programs and rings that are new. */
  discover(): void {
    const apps = listApps(this.#run)
    const known = new Set(apps.map(app => app.id))
    for (const app of apps) this.#add(app)
    const { sessionDirectory } = this.#surroundings
    for (const id of readdirSync(sessionDirectory)) {
      if (known.has(id) || this.#programs.has(id)) continue
      const lost = lostProgram(sessionDirectory, id, this.#run.appsPath)
      if (lost !== undefined) this.#add(lost)
    }
    this.#isFirst = false
    for (const program of this.#programs.values()) program.scan()
  }

  all(): Iterable<Program> {
    return this.#programs.values()
  }

  *rings(): Generator<RingStream> {
    for (const program of this.#programs.values()) yield* program.rings()
  }

  /** See Program.eachRing(). */
  eachRing(use: (ring: RingStream, program: Program) => void): void {
    for (const program of this.#programs.values()) program.eachRing(ring => use(ring, program))
  }

  bump(kind: 'wake' | 'rules'): void {
    for (const program of this.#programs.values()) program.bump(kind)
  }

  /** Programs that have died without our notice, and memory that nobody needs any more. */
  tidy(): void {
    for (const program of this.#programs.values()) {
      if (program.isAlive()) program.freeIdleRings()
      else this.#onDeath(program)
    }
  }

  /** Writes what is left of a program that has ended, and forgets it. Throws what cannot be written. */
  end(program: Program, time: bigint): void {
    if (!this.#programs.has(program.id)) return
    program.finish(time)
    this.#matchRules(program)
    program.addTo(this.tally)
    this.#programs.delete(program.id)
    this.#ignored.add(program.id)
    this.#ended.push(program.app)
    program.close()
  }

  endAll(time: bigint): void {
    for (const program of this.#programs.values()) this.end(program, time)
  }

  /** Closes the files of programs that could not be finished; what is in their rings stays there. */
  close(): void {
    for (const program of this.#programs.values()) program.close()
    this.#programs.clear()
  }

  totals(): Totals {
    const { tally } = this
    let recorded = tally.recorded
    let discarded = discardedTotal(Object.fromEntries(tally.discarded))
    let bytes = tally.bytes
    let programs = tally.programs.length
    for (const program of this.#programs.values()) {
      let rings = 0
      for (const ring of program.rings()) {
        recorded += ring.recorded
        discarded += ring.lossCount()
        rings++
      }
      discarded += program.noRing
      bytes += program.bytesWritten
      if (rings > 0) programs++
    }
    return { recorded, discarded, bytes, programs }
  }

  rules(): RuleSummary[] {
    for (const program of this.#programs.values()) this.#matchRules(program)
    const rules = [...this.#surroundings.session.rules.entries()]
    return rules
      .filter(([, rule]) => rule.enabled !== false)
      .map(([index, { pattern, channel }]) => ({
        pattern,
        channel,
        matched: this.#matched.has(index),
      }))
  }

  /** The rules have changed: what matched is found out anew. */
  forgetMatches(): void {
    this.#matched.clear()
  }

  /** Removes the entries of programs that ended and that no other session needs. */
  removeEnded(): void {
    for (const { id, directory } of this.#ended) {
      const isOver = !isLocked(join(directory, 'alive'))
      if (!isOver || isNeededElsewhere(this.#run, id, this.#surroundings.sessionDirectory)) continue
      rmSync(directory, { recursive: true, force: true })
    }
  }

  #add(app: AppEntry): void {
    if (this.#programs.has(app.id) || this.#ignored.has(app.id)) return
    const { session, sessionDirectory, resumes } = this.#surroundings
    const hasRings = existsSync(join(sessionDirectory, app.id))
    if (!hasRings && (!app.alive || !takesPart(session, sessionDirectory, app))) {
      // A living program may take part later: it is asked again when its rings appear.
      return
    }
    try {
      const program = new Program(app, !this.#isFirst || resumes, this.#surroundings)
      this.#programs.set(app.id, program)
      if (!resumes) program.watch(() => this.#onDeath(program))
    } catch (error) {
      this.#ignored.add(app.id)
      this.#surroundings.say(`${app.about.procname} (pid ${app.about.pid}) ${whyNot(app, error)}`)
    }
  }

  #matchRules(program: Program): void {
    const { rules } = this.#surroundings.session
    if (this.#matched.size === rules.length) return
    try {
      const events = program.events()
      for (const [index, rule] of rules.entries()) {
        if (events.some(event => ruleMatches(rule, event))) this.#matched.add(index)
      }
    } catch (error) {
      if (error instanceof OutputFailure) throw error
      this.#surroundings.say(`${program.label}: its list of events cannot be read: ${errorText(error)}`)
    }
  }
}

function whyNot(app: AppEntry, error: unknown): string {
  if (errorCode(error) !== 'KYMO_LAYOUT') return `is not recorded: ${errorText(error)}`
  const theirs = `kymograph ${app.about.kymograph} with shared layout ${app.about.version}`
  const ours = `kymograph ${PACKAGE_VERSION} with layout ${CONTROL_VERSION}`
  return `is not recorded: it uses ${theirs}, this recorder is ${ours}; install one version for both`
}
