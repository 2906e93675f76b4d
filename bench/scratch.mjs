/**
 * Everything the benchmark leaves in the system while it runs: child processes and directories. All of it is
 * entered here, so that an error, a time-out or Ctrl-C ends in the same clean-up as success. Processes are
 * ended by their own id only.
 */
import { spawn } from 'node:child_process'
import { chownSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A full run writes at most about 1 GiB at a time; below this the disk is the better place. */
const NEEDED_BYTES = 4 * 2 ** 30

const roomIn = path => {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    return 0
  }
}

export const delay = ms => new Promise(resolve => setTimeout(resolve, ms))

export class Scratch {
  #children = new Set()
  #undo = []
  /** Memory where there is room for it: write-back of a disk must not be what is measured. */
  root = mkdtempSync(join(roomIn('/dev/shm') >= NEEDED_BYTES ? '/dev/shm' : tmpdir(), 'kymo-bench-'))
  #count = 0

  constructor() {
    // The LTTng half runs under another uid when this one is root, and has to pass through.
    if (process.getuid() === 0) chownSync(this.root, 0, 0)
  }

  directory(name, mode = 0o700) {
    const path = join(this.root, `${name}-${++this.#count}`)
    mkdirSync(path, { mode })
    return path
  }

  remove(path) {
    rmSync(path, { recursive: true, force: true })
  }

  /** Registers what else has to be undone at the end; the latest first. */
  onEnd(action) {
    this.#undo.push(action)
  }

  /** A child in our own process group: Ctrl-C reaches it as well, and `end` knows it by its pid. */
  spawn(command, args, options = {}) {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    const tail = { out: '', err: '' }
    child.stdout?.setEncoding('utf8').on('data', text => (tail.out = (tail.out + text).slice(-65536)))
    child.stderr?.setEncoding('utf8').on('data', text => (tail.err = (tail.err + text).slice(-65536)))
    this.#children.add(child)
    const exited = new Promise(resolve => {
      child.on('error', error => resolve({ code: -1, signal: null, error }))
      child.on('close', (code, signal) => resolve({ code, signal }))
    })
    exited.then(() => this.#children.delete(child))
    const describe = () => `${command} ${args.join(' ')}: ${(tail.err || tail.out).trim().slice(-600)}`
    return { child, exited, tail, describe }
  }

  /** Runs a command to its end. @throws when it fails or takes longer than `timeoutMs`. */
  async run(command, args, { timeoutMs = 30_000, ...options } = {}) {
    const running = this.spawn(command, args, options)
    const result = await within(timeoutMs, running.exited, () => `${command} ${args.join(' ')}`).catch(
      async error => {
        await this.end(running)
        throw error
      },
    )
    if (result.code !== 0) {
      throw new Error(`exit ${result.code ?? result.signal} of ${running.describe()}${result.error ?? ''}`)
    }
    return running.tail.out
  }

  async end(running, signal = 'SIGTERM', patienceMs = 3000) {
    if (running.child.exitCode !== null || running.child.signalCode !== null || !running.child.pid) return
    running.child.kill(signal)
    const gone = ms =>
      within(ms, running.exited, running.describe).then(
        () => true,
        () => false,
      )
    if (await gone(patienceMs)) return
    running.child.kill('SIGKILL')
    await gone(1000)
  }

  async close() {
    for (const action of this.#undo.splice(0).reverse()) {
      try {
        await action()
      } catch (error) {
        console.error(`bench: clean-up: ${error.message}`)
      }
    }
    for (const child of this.#children) child.kill('SIGKILL')
    this.remove(this.root)
  }
}

/** @throws when the promise takes longer than `ms`; `what` names it. */
export const within = async (ms, promise, what) => {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no result within ${ms} ms: ${what()}`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
