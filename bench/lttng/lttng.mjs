/**
 * The peer: LTTng-UST with a session daemon of its own. LTTng's private directory needs an unprivileged user
 * (a daemon of root uses the system's run directory whatever LTTNG_HOME says), so root lends this half the uid
 * of nobody. No other daemon, session or process is looked at.
 */
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Program } from '../program.mjs'
import { delay } from '../scratch.mjs'

const NOBODY = 65534
const sources = import.meta.dirname ?? new URL('.', import.meta.url).pathname

const missing = async (scratch, command, args) => {
  try {
    await scratch.run(command, args, { timeoutMs: 10_000 })
    return ''
  } catch (error) {
    return error.message
  }
}

/** Compiles program.c, with or without the tracepoints. @returns the path of the program */
const compile = async (scratch, withLttng) => {
  const directory = scratch.directory('c', 0o755)
  const program = join(directory, withLttng ? 'program' : 'floors')
  const files = withLttng ? ['program.c', 'provider.c'] : ['program.c']
  const flags = withLttng ? ['-DWITH_LTTNG', '-llttng-ust', '-ldl'] : []
  await scratch.run('gcc', [
    '-O2',
    '-I',
    sources,
    '-o',
    program,
    ...files.map(f => join(sources, f)),
    ...flags,
    '-lpthread',
  ])
  return program
}

/** The C floors alone. @returns a started Program, or a sentence that says what is missing */
export const startFloors = async scratch => {
  try {
    const program = await compile(scratch, false)
    return await Program.start(scratch, path => scratch.spawn(program, [path]))
  } catch (error) {
    return error.message
  }
}

export class Lttng {
  #scratch
  #program
  #user
  #env
  #home
  #sessions = 0
  version = ''

  constructor(scratch, program, home, user) {
    this.#scratch = scratch
    this.#program = program
    this.#home = home
    this.#user = user
    this.#env = { ...process.env, HOME: home, LTTNG_HOME: home, LTTNG_UST_REGISTER_TIMEOUT: '5000' }
  }

  /** @returns an Lttng with its daemon running, or a sentence that says why there is none */
  static async open(scratch) {
    for (const [command, args] of [
      ['gcc', ['--version']],
      ['lttng', ['--version']],
      ['lttng-sessiond', ['--version']],
    ]) {
      const reason = await missing(scratch, command, args)
      if (reason) return `${command}: ${reason.split('\n')[0]}`
    }
    try {
      const program = await compile(scratch, true)
      const user = process.getuid() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
      // Others may pass through the root of the scratch directory, but not list it.
      chmodSync(scratch.root, 0o711)
      const home = scratch.directory('lttng', 0o700)
      if (user.uid) chownSync(home, NOBODY, NOBODY)
      const lttng = new Lttng(scratch, program, home, user)
      await lttng.#startDaemon()
      return lttng
    } catch (error) {
      return error.message
    }
  }

  async #startDaemon() {
    // Programs wait in these for a daemon; whichever was not there before is a trace of ours.
    const uid = this.#user.uid ?? process.getuid()
    const waitFiles = ['/dev/shm/lttng-ust-wait-8', `/dev/shm/lttng-ust-wait-8-${uid}`].filter(
      path => !existsSync(path),
    )
    const daemon = this.#scratch.spawn('lttng-sessiond', ['--no-kernel'], { ...this.#user, env: this.#env })
    this.#scratch.onEnd(async () => {
      const consumers = childrenOf(daemon.child.pid)
      await this.#scratch.end(daemon, 'SIGTERM', 10_000)
      // They end with their daemon; one that does not is still our own grandchild.
      for (const pid of consumers) if (isConsumer(pid, this.#user.uid)) process.kill(pid, 'SIGKILL')
      for (const path of waitFiles) rmSync(path, { force: true })
    })
    for (let tries = 0; ; tries++) {
      try {
        const text = await this.#lttng('version')
        await this.#lttng('list')
        this.version = text.match(/\d+\.\d+\.\d+/)?.[0] ?? 'unknown'
        return
      } catch (error) {
        if (tries === 50 || daemon.child.exitCode !== null) {
          throw new Error(`no session daemon: ${error.message}; ${daemon.describe()}`)
        }
        await delay(100)
      }
    }
  }

  #lttng(...args) {
    // `-n`: a client that finds no daemon must not start one of its own.
    return this.#scratch.run('lttng', ['-n', ...args], { ...this.#user, env: this.#env })
  }

  #spawnProgram() {
    return Program.start(this.#scratch, path =>
      this.#scratch.spawn(this.#program, [path], { ...this.#user, env: this.#env }),
    )
  }

  /** The program with a daemon but without a session: its tracepoints are disabled. */
  async startDisabled() {
    const program = await this.#spawnProgram()
    return { program, finish: async () => ({ produced: await program.quit(), recorded: 0, discarded: 0 }) }
  }

  /** A recorded program; `finish` ends it and says what was produced, recorded and discarded. */
  async start({ events, subbufSizeBytes, subbufCount, contexts, count }) {
    const session = `bench-${++this.#sessions}`
    const output = join(this.#home, session)
    mkdirSync(output, { mode: 0o700 })
    if (this.#user.uid) chownSync(output, NOBODY, NOBODY)
    await this.#lttng('create', session, `--output=${output}`)
    const destroy = async () => {
      await this.#lttng('destroy', session)
      this.#scratch.remove(output)
    }
    try {
      await this.#lttng(
        'enable-channel',
        '-u',
        '-s',
        session,
        '--discard',
        `--subbuf-size=${subbufSizeBytes}`,
        `--num-subbuf=${subbufCount}`,
        'ring',
      )
      await this.#lttng('enable-event', '-u', '-s', session, '-c', 'ring', events)
      const types = contexts.map(name => `--type=${name}`)
      if (types.length) await this.#lttng('add-context', '-u', '-s', session, '-c', 'ring', ...types)
      await this.#lttng('start', session)
      const program = await this.#spawnProgram()
      return { program, finish: () => this.#finish(program, session, output, count).finally(destroy) }
    } catch (error) {
      await destroy().catch(() => {})
      throw error
    }
  }

  async #finish(program, session, output, count) {
    const produced = await program.quit()
    await this.#lttng('stop', session)
    const list = await this.#lttng('list', session)
    const discarded = Number(list.match(/Discarded events:\s*(\d+)/)?.[1] ?? NaN)
    // LTTng promises produced = recorded + discarded; babeltrace2 makes sure, where it is asked to.
    const counted = count ? await countEvents(this.#scratch, output) : undefined
    return { produced, recorded: counted ?? produced - discarded, discarded, counted }
  }
}

/** @returns the number of events in a CTF trace, or undefined where there is no babeltrace2 */
export const countEvents = async (scratch, directory) => {
  if (await missing(scratch, 'babeltrace2', ['--version'])) return undefined
  const text = await scratch.run('babeltrace2', ['-c', 'sink.utils.counter', '-p', 'step=+0', directory], {
    timeoutMs: 300_000,
  })
  const counts = [...text.matchAll(/^\s*([\d,]+) Event messages?/gm)]
  if (counts.length === 0)
    throw new Error(`babeltrace2 counted nothing in ${directory}: ${text.slice(0, 200)}`)
  return Number(counts.at(-1)[1].replaceAll(',', ''))
}

const childrenOf = pid => {
  const found = []
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
      found.push(...text.split(' ').filter(Boolean).map(Number))
    }
  } catch {
    // The daemon is already gone.
  }
  return found
}

const isConsumer = (pid, uid) => {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return /^Name:\s*lttng-consumerd/m.test(status) && status.includes(`Uid:\t${uid ?? process.getuid()}\t`)
  } catch {
    return false
  }
}
