/**
 * A run directory, an output folder and child processes of one test: what it starts, it ends; what it makes,
 * it removes. Children talk in lines: a test tells a program what to do on its stdin, and hears of it on its
 * stdout.
 */
import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { SessionResult } from '../../consumer/index.ts'

const DIST = join(import.meta.dirname, '../..')
export const MAIN = join(DIST, 'cli/main.js')
export const TRACER = join(DIST, 'tracer/index.js')
const PROGRAMS = join(import.meta.dirname, 'programs')
/** Far beyond what anything here takes: a hang fails with its name. */
const DEADLINE_MS = 60_000
const MAX_TEXT = 1 << 28

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export class Sandbox {
  readonly path: string
  readonly run: string
  readonly trace: string
  readonly env: NodeJS.ProcessEnv
  readonly #children: Child[] = []

  constructor(t: TestContext) {
    this.path = mkdtempSync('/dev/shm/kymo-concept-')
    this.run = join(this.path, 'run')
    this.trace = join(this.path, 'trace')
    const {
      NODE_TEST_CONTEXT: _,
      NODE_OPTIONS: __,
      KYMO_SESSION: ___,
      KYMO_MEMORY: ____,
      ...env
    } = process.env
    this.env = { ...env, KYMO_RUNDIR: this.run }
    t.after(async () => {
      for (const child of this.#children) child.kill('SIGKILL')
      await Promise.all(this.#children.map(child => child.ended))
      rmSync(this.path, { recursive: true, force: true })
    })
  }

  file(name: string, text: string): string {
    const path = join(this.path, name)
    writeFileSync(path, text)
    return path
  }

  spawn(command: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
    const [file, ...args] = command as [string, ...string[]]
    const child = new Child(spawn(file, args, { cwd: this.path, env: { ...this.env, ...env } }))
    this.#children.push(child)
    return child
  }

  /** One of the programs beside the tests, running. */
  program(name: string, ...args: readonly string[]): Child {
    return this.spawn([process.execPath, join(PROGRAMS, `${name}.js`), ...args])
  }

  /** `kymo`, run to its end. */
  kymo(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return this.spawn([process.execPath, MAIN, ...args], env).ended
  }

  /** Records a command to its end, into `trace`. */
  async record(
    options: readonly string[],
    command: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<Ended & { result: SessionResult }> {
    const summary = join(this.path, 'summary.json')
    const all = ['record', '-o', this.trace, '--summary', summary, ...options, '--', ...command]
    const ended = await this.kymo(all, env)
    return { ...ended, result: readResult(summary, ended) }
  }

  /** Records one of the programs beside the tests. */
  recordProgram(
    options: readonly string[],
    name: string,
    ...args: readonly string[]
  ): Promise<Ended & { result: SessionResult }> {
    return this.record(options, [process.execPath, join(PROGRAMS, `${name}.js`), ...args])
  }

  /** A recorder of all running programs; resolves when they have been told. */
  async attach(...options: readonly string[]): Promise<Attached> {
    const name = `trace-${this.#children.length}`
    const output = join(this.path, name)
    const summary = join(this.path, `${name}.json`)
    const args = [MAIN, 'record', '-o', output, '--summary', summary, ...options]
    const child = this.spawn([process.execPath, ...args])
    await child.says(/Ctrl-C stops/, 'stderr')
    return new Attached(child, output, summary)
  }

  /** The entries of all programs that have ever registered and not been removed. */
  apps(): string[] {
    const apps = join(this.run, 'apps')
    return readdirSync(apps).flatMap(id => (id.startsWith('.') ? [] : join(apps, id)))
  }
}

export class Child {
  readonly process: ChildProcessWithoutNullStreams
  readonly ended: Promise<Ended>
  stdout = ''
  stderr = ''
  #read = 0

  constructor(child: ChildProcessWithoutNullStreams) {
    this.process = child
    child.stdout.setEncoding('utf8').on('data', text => {
      this.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', text => {
      this.stderr += text
    })
    child.stdin.on('error', () => undefined) // it ended before it was told
    this.ended = new Promise(resolve => {
      child.on('error', error => resolve({ status: null, stdout: this.stdout, stderr: String(error) }))
      child.on('close', (code, signal) => {
        const { stdout, stderr } = this
        resolve({ status: code, stdout, stderr: signal === null ? stderr : `${stderr}[${signal}]` })
      })
    })
  }

  get pid(): number {
    return this.process.pid as number
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }

  /** Waits until it has said so; a program that ends instead is an error. */
  async says(what: RegExp, where: 'stdout' | 'stderr' = 'stdout'): Promise<string> {
    let hasEnded = false
    void this.ended.then(() => {
      hasEnded = true
    })
    await until(`${what} on ${where}`, () => what.test(this[where]) || hasEnded)
    assert.match(this[where], what, this.stderr)
    return what.exec(this[where])?.[0] as string
  }

  /** Its next whole line on stdout. */
  async line(): Promise<string> {
    const next = (): number => this.stdout.indexOf('\n', this.#read)
    let hasEnded = false
    void this.ended.then(() => {
      hasEnded = true
    })
    await until('a line', () => next() >= 0 || hasEnded)
    const end = next()
    assert.ok(end >= 0, `ended without a line: ${this.stderr}`)
    const line = this.stdout.slice(this.#read, end)
    this.#read = end + 1
    return line
  }

  /** Tells it something, and waits for its answer. */
  ask(what: string): Promise<string> {
    this.process.stdin.write(`${what}\n`)
    return this.line()
  }
}

export class Attached {
  readonly child: Child
  readonly output: string
  readonly #summary: string

  constructor(child: Child, output: string, summary: string) {
    this.child = child
    this.output = output
    this.#summary = summary
  }

  async stop(): Promise<SessionResult> {
    this.child.kill('SIGINT')
    const ended = await this.child.ended
    assert.equal(ended.status, 0, ended.stderr)
    return readResult(this.#summary, ended)
  }
}

function readResult(path: string, ended: Ended): SessionResult {
  const text = readFileSync(path, 'utf8')
  assert.notEqual(text, '', `no summary: ${ended.stderr}`)
  return JSON.parse(text) as SessionResult
}

export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + DEADLINE_MS
  while (!(await isSo())) {
    assert.ok(performance.now() < end, `waited in vain for ${what}`)
    await delay(10)
  }
}

/** How often each event was recorded. */
export function counts(result: SessionResult): Record<string, number> {
  return Object.fromEntries(result.events.map(({ name, count }) => [name, count]))
}

export interface TraceText {
  /** `name: { … }`, without time and host. */
  readonly lines: readonly string[]
  readonly stderr: string
}

/** A trace as babeltrace2 sees it. */
export function babeltrace2(trace: string): TraceText {
  const { stdout, stderr } = runBabeltrace2(trace, [])
  const lines = stdout.split('\n').slice(0, -1)
  return { lines: lines.map(line => line.replace(/^.*? vm:.*?:\(\d+\) /, '')), stderr }
}

/** What babeltrace2 finds in a trace that is being written: it may meet half a packet, or no metadata yet. */
export function readSoFar(trace: string): string[] {
  const options = { encoding: 'utf8', maxBuffer: MAX_TEXT } as const
  return spawnSync('babeltrace2', [trace], options).stdout.split('\n').slice(0, -1)
}

/** The sum of what babeltrace2 says was discarded; anything else on its stderr is an error. */
export function discardedSaid(stderr: string): number {
  let sum = 0
  for (const line of stderr.split('\n').slice(0, -1)) {
    const [, count] = /^WARNING: Tracer discarded (\d+) events? between /.exec(line) ?? []
    assert.ok(count !== undefined, line)
    sum += Number(count)
  }
  return sum
}

export interface Stamped {
  /** CLOCK_MONOTONIC, ns. */
  readonly time: bigint
  readonly pid: number
  readonly name: string
  /** Context and payload. */
  readonly text: string
}

export function stampedEvents(trace: string): Stamped[] {
  const { stdout, stderr } = runBabeltrace2(trace, ['--clock-cycles', '--no-delta'])
  assert.equal(stderr, '')
  return stdout
    .split('\n')
    .slice(0, -1)
    .map(line => {
      const [, time, pid, name, text] = /^\[(\d+)\] vm:.*?:\((\d+)\) (\S+): (.*)$/.exec(line) ?? []
      assert.ok(time !== undefined, line)
      return { time: BigInt(time), pid: Number(pid), name: name as string, text: text as string }
    })
}

export function numberIn(text: string, field: string): number {
  const [, value] = new RegExp(`\\b${field} = (-?\\d+)`).exec(text) ?? []
  assert.ok(value !== undefined, `${field} in ${text}`)
  return Number(value)
}

function runBabeltrace2(trace: string, options: readonly string[]): { stdout: string; stderr: string } {
  const command = spawnSync('babeltrace2', [...options, trace], { encoding: 'utf8', maxBuffer: MAX_TEXT })
  assert.equal(command.status, 0, command.stderr)
  return command
}
