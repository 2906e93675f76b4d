/**
 * How long a turn of the event loop keeps everything else waiting. An Immediate that holds no reference runs after
 * each poll without ending one: it turns when the program turns and never wakes it (a timer would, and a
 * histogram of Node's is one). The time between two of its runs, less what the loop slept, is what a turn took.
 * So a turn is told of when it is over: of one that never ends, the silence of `node_loop:turn` tells.
 */
import { AsyncResource } from 'node:async_hooks'
import { performance } from 'node:perf_hooks'
import { tracepoint, u64, whenEnabled } from '../index.ts'

/** Shorter turns are no delay that anyone would look for, and a busy server has thousands in a second. */
const DELAY_MS = 10
const NS_PER_MS = 1e6

/** A turn of 10 ms or more: ns of work and, in the midst of it, ns of sleep. */
export const delay = tracepoint('node_loop:delay', { logLevel: 'WARNING' }, u64('delay'), u64('idle'))

/** Every turn. For a closer look, and as a sign of life. */
export const turn = tracepoint('node_loop:turn', { optIn: true, logLevel: 'DEBUG' }, u64('busy'), u64('idle'))

const { nodeTiming } = performance
const now = performance.now.bind(performance)
const schedule = setImmediate
/** Made here, where no request is served: an Immediate keeps the context in which it was made. */
const nowhere = new AsyncResource('KYMOGRAPH', { requireManualDestroy: true })

class Turns {
  #wanted = 0
  #isArmed = false
  #end = 0
  #idle = 0
  readonly #look = (): void => this.#onTurn()

  on(): void {
    this.#wanted++
    if (this.#isArmed) return
    this.#isArmed = true
    this.#end = now()
    this.#idle = nodeTiming.idleTime
    nowhere.runInAsyncScope(this.#arm, this)
  }

  off(): void {
    this.#wanted--
  }

  #arm(): void {
    schedule(this.#look).unref()
  }

  #onTurn(): void {
    this.#isArmed = this.#wanted > 0
    if (!this.#isArmed) return
    this.#arm()
    const end = now()
    const total = nodeTiming.idleTime
    const idle = total - this.#idle
    const busy = end - this.#end - idle
    this.#end = end
    this.#idle = total
    if (busy >= DELAY_MS) delay(ns(busy), ns(idle))
    if (turn.enabled) turn(ns(busy), ns(idle))
  }
}

/** The two clocks are read one after the other: a turn without work can come out below nothing. */
function ns(ms: number): number {
  return Math.max(0, Math.round(ms * NS_PER_MS))
}

const turns = new Turns()
for (const site of [delay, turn]) {
  whenEnabled(
    site,
    () => turns.on(),
    () => turns.off(),
  )
}
