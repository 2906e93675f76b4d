/** One test's surroundings: a run directory of its own, a folder for traces, and the processes it started. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const KYMO = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
/** For what needs milliseconds: a machine that is busy with other tests may take this long. */
const PATIENCE_MS = 60_000

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export class Scene {
  /** KYMO_RUNDIR. */
  readonly run: string
  /** On a tmpfs, for counters that outlive their program. */
  readonly shared: string
  /** On a disk, for traces. */
  readonly folder: string
  readonly #children: Child[] = []

  constructor(t: TestContext) {
    const base = mkdtempSync('/dev/shm/kymo-kill-')
    this.run = join(base, 'run')
    this.shared = join(base, 'shared')
    this.folder = mkdtempSync(join(tmpdir(), 'kymo-kill-'))
    for (const path of [this.run, this.shared]) mkdirSync(path, { mode: 0o700 })
    t.after(async () => {
      for (const child of this.#children) await child.kill('SIGKILL')
      for (const path of [base, this.folder]) rmSync(path, { recursive: true, force: true })
    })
  }

  /** Starts a compiled program of this folder. */
  program(name: string, ...args: readonly (string | number)[]): Child {
    return this.#spawn([programPath(name), ...args.map(String)])
  }

  kymo(...args: readonly string[]): Child {
    return this.#spawn([KYMO, ...args])
  }

  /** A recorder without a command: resolves when it records. */
  async recorder(...args: readonly string[]): Promise<Child> {
    const child = this.kymo('record', ...args)
    await child.says('Ctrl-C stops')
    return child
  }

  get apps(): string[] {
    return readdirSync(join(this.run, 'apps'))
  }

  get sessions(): string[] {
    return readdirSync(join(this.run, 'sessions'))
  }

  /** Processes that were started with this run directory and still live, as `pid command`. */
  survivors(): string[] {
    return readdirSync('/proc').filter(pid => {
      if (!/^\d+$/.test(pid)) return false
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`KYMO_RUNDIR=${this.run}\0`)
      } catch {
        return false // gone meanwhile, or of another user
      }
    })
  }

  assertNothingLeft(): void {
    assert.deepEqual(this.sessions, [], 'no session is left')
    assert.deepEqual(this.apps, [], 'no program is left')
    assert.deepEqual(readdirSync(this.run).sort(), ['apps', 'sessions'], 'no file is left')
    assert.deepEqual(this.survivors(), [], 'no process is left')
  }

  #spawn(args: readonly string[]): Child {
    // A Node under `node --test` reports to it, unless told otherwise.
    const {
      NODE_TEST_CONTEXT: _outer,
      NODE_OPTIONS: _options,
      KYMO_SESSION: _session,
      ...inherited
    } = process.env
    const env = { ...inherited, KYMO_RUNDIR: this.run }
    const child = new Child(spawn(process.execPath, args, { env, cwd: this.folder }))
    this.#children.push(child)
    return child
  }
}

export function programPath(name: string): string {
  return fileURLToPath(new URL(`./${name}.js`, import.meta.url))
}

export class Child {
  readonly pid: number
  readonly ended: Promise<Ended>
  readonly #process: ChildProcess
  #stdout = ''
  #stderr = ''
  #isOver = false

  constructor(child: ChildProcess) {
    this.#process = child
    this.pid = child.pid ?? assert.fail('the process did not start')
    child.stdout?.setEncoding('utf8').on('data', text => {
      this.#stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', text => {
      this.#stderr += text
    })
    this.ended = new Promise(resolve => {
      child.once('close', (code, signal) => {
        this.#isOver = true
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  async kill(signal: NodeJS.Signals): Promise<Ended> {
    if (!this.#isOver) this.#process.kill(signal)
    return await this.ended
  }

  /** Waits for the end, which must be a good one. */
  async succeeds(): Promise<Ended> {
    const ended = await this.ended
    assert.equal(ended.code, 0, `exit code ${ended.code}, signal ${ended.signal}: ${ended.stderr}`)
    return ended
  }

  async says(text: string): Promise<void> {
    await until(`'${text}'`, () => {
      assert.ok(!this.#isOver, `ended without '${text}': ${this.#stderr}`)
      return this.#stderr.includes(text) || this.#stdout.includes(text)
    })
  }
}

export async function until(what: string, isTrue: () => boolean): Promise<void> {
  for (const endMs = performance.now() + PATIENCE_MS; !isTrue(); await delay(1)) {
    assert.ok(performance.now() < endMs, `waited ${PATIENCE_MS} ms for ${what}`)
  }
}

/** From 0 to `max` ms, short times as often as long ones. */
export async function randomDelay(max: number): Promise<void> {
  await delay(max * Math.random() ** 2)
}
