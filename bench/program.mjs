/**
 * A measured program (events.mjs or lttng/program.c) at the other end of a unix socket. It obeys one line at a
 * time, so the rounds of two programs can alternate within milliseconds of each other:
 *
 *   bench                         program
 *     │  round int 1000000 ─────────▶│ runs the loop, clock outside of it
 *     │◀───────────────── 38.1250    │ ns per event
 *     │  quit ──────────────────────▶│
 *     │◀────────────────── 7000000   │ events produced in all; ends
 */

import { chmodSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { within } from './scratch.mjs'

/** The slowest command is a few million events at some hundred ns; a starved machine gets ten times that. */
const REPLY_TIMEOUT_MS = 60_000
const START_TIMEOUT_MS = 30_000

export class Program {
  #socket
  #lines
  #running

  constructor(socket, running) {
    this.#socket = socket
    this.#running = running
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  }

  /** @param start receives the socket's path and returns the spawned process */
  static async start(scratch, start) {
    const directory = scratch.directory('socket', 0o755)
    const path = join(directory, 's')
    const server = createServer()
    try {
      await new Promise((resolve, reject) => server.on('error', reject).listen(path, resolve))
      chmodSync(path, 0o777)
      const connected = new Promise(resolve => server.once('connection', resolve))
      const running = start(path)
      const died = running.exited.then(({ code, signal }) => {
        throw new Error(`ended (${code ?? signal}) before it connected: ${running.describe()}`)
      })
      died.catch(() => {})
      const socket = await within(START_TIMEOUT_MS, Promise.race([connected, died]), running.describe).catch(
        async error => {
          await scratch.end(running)
          throw error
        },
      )
      socket.on('error', () => {})
      return new Program(socket, running)
    } finally {
      server.close()
      scratch.remove(directory)
    }
  }

  async #ask(line) {
    this.#socket.write(`${line}\n`)
    const reply = this.#lines.next().then(({ value, done }) => {
      if (done) throw new Error(`the program ended at "${line}": ${this.#running.describe()}`)
      return value
    })
    return within(REPLY_TIMEOUT_MS, reply, () => `"${line}" of ${this.#running.describe()}`)
  }

  /** @returns ns per event; `verb` is `round` or `pair` (two threads at once) */
  async round(loop, n, verb = 'round') {
    const ns = Number(await this.#ask(`${verb} ${loop} ${n}`))
    if (!(ns > 0)) throw new Error(`"${verb} ${loop} ${n}" gave ${ns} ns`)
    return ns
  }

  /** @returns differences in ns between two clock reads with one event between them */
  async single(loop, k) {
    const [p50, p999, max] = (await this.#ask(`single ${loop} ${k}`)).split(' ').map(Number)
    return { p50, p999, max }
  }

  /** @returns the number of events that the program has produced */
  async quit(timeoutMs = 60_000) {
    const produced = Number(await this.#ask('quit'))
    const { code, signal } = await within(timeoutMs, this.#running.exited, this.#running.describe)
    if (code !== 0) throw new Error(`exit ${code ?? signal} of ${this.#running.describe()}`)
    return produced
  }
}
