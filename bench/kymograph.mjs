/** Our own side: events.mjs (or a server) under `kymo record`, in a run directory of its own. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { countEvents } from './lttng/lttng.mjs'
import { Program } from './program.mjs'
import { within } from './scratch.mjs'

const here = name => fileURLToPath(new URL(name, import.meta.url))
const MAIN = here('../dist/cli/main.js')
const TRACER = here('../dist/tracer/index.js')
/** What `kymo record` has a program load first. */
export const PRELOAD = here('../dist/tracer/auto/preload.cjs')

/** Finishing a trace means writing what is left in the rings: at most some hundred MiB. */
const STOP_TIMEOUT_MS = 60_000

export const missingBuild = () => {
  const file = [MAIN, TRACER, PRELOAD].find(path => !existsSync(path))
  return file ? `${file} is missing: run \`npm run build\`` : ''
}

export class Kymograph {
  #scratch
  #node
  #env
  #traces

  constructor(scratch, node) {
    this.#scratch = scratch
    this.#node = node
    this.#traces = scratch.directory('kymograph')
    const run = join(this.#traces, 'run')
    mkdirSync(run, { mode: 0o700 })
    this.#env = { ...process.env, KYMO_RUNDIR: run }
  }

  /** Any command under `record`. @returns the running recorder and `finish`, which reads its summary */
  record(options, command) {
    const directory = this.#scratch.directory('trace')
    const summary = join(directory, 'summary.json')
    const trace = join(directory, 'trace')
    const args = [MAIN, 'record', '-o', trace, '--summary', summary, ...options, '--', ...command]
    const running = this.#scratch.spawn(this.#node, args, { env: this.#env })
    const finish = async () => {
      try {
        const { code, signal } = await within(STOP_TIMEOUT_MS, running.exited, running.describe)
        if (code !== 0) throw new Error(`exit ${code ?? signal} of ${running.describe()}`)
        return {
          ...JSON.parse(readFileSync(summary, 'utf8')),
          trace,
          remove: () => this.#scratch.remove(directory),
        }
      } catch (error) {
        await this.#scratch.end(running)
        this.#scratch.remove(directory)
        throw error
      }
    }
    return { running, finish }
  }

  /** events.mjs without a recorder; with `floors` without the tracer as well. */
  async startAlone(what = 'events') {
    const program = await Program.start(this.#scratch, path =>
      this.#scratch.spawn(this.#node, [here('events.mjs'), path, what], { env: this.#env }),
    )
    return { program, finish: async () => ({ produced: await program.quit(), recorded: 0, discarded: 0 }) }
  }

  /** events.mjs under `record`; `finish` ends it and says what was produced, recorded and discarded. */
  async start({ events, subbufSizeBytes, subbufCount, contexts, clock = 'monotonic', count }) {
    const options = [
      '-e',
      events,
      `--subbuf-size=${subbufSizeBytes}`,
      `--num-subbuf=${subbufCount}`,
      '--clock',
      clock,
    ]
    for (const name of contexts.length ? contexts : ['none']) options.push('-t', name)
    let recorder
    const program = await Program.start(this.#scratch, path => {
      recorder = this.record(options, [this.#node, here('events.mjs'), path])
      return recorder.running
    })
    const finish = async () => {
      const produced = await program.quit(STOP_TIMEOUT_MS)
      const result = await recorder.finish()
      try {
        const counted = count ? await countEvents(this.#scratch, result.trace) : undefined
        const { recorded, bytes } = result
        const discarded = Object.values(result.discarded).reduce((sum, n) => sum + n, 0)
        const byName = result.events.reduce((sum, event) => sum + event.count, 0)
        return { produced, recorded, discarded, byName, counted, bytes, causes: result.discarded }
      } finally {
        result.remove()
      }
    }
    return { program, finish }
  }
}
