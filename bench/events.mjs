/**
 * The program under test: the JavaScript twin of lttng/program.c (commands there and in program.mjs).
 *
 *   node bench/events.mjs SOCKET            floors and events
 *   node bench/events.mjs SOCKET floors     floors only; Kymograph is not even loaded
 */
import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { eventLoops, floorLoops, SITES } from './loops.mjs'

/** Calls before the first timed round, in many short calls: V8 then optimizes the function itself, not one loop. */
const WARM_UP_CALLS = 200
const WARM_UP_EVENTS = 1000

/** Words between the two threads. */
const ROUND = 0
const READY = 1
const GO = 2
const DONE = 3
const LENGTH = 4
const LOOP = 5

const timed = (loop, n) => {
  const begin = process.hrtime.bigint()
  loop(n)
  return Number(process.hrtime.bigint() - begin) / n
}

const warmUp = loop => {
  for (let k = 0; k < WARM_UP_CALLS; k++) loop(WARM_UP_EVENTS)
  return WARM_UP_CALLS * WARM_UP_EVENTS
}

/** Differences in ns between consecutive clock reads with one event between them. */
const single = (loop, step, k) => {
  const deltas = new Float64Array(k).fill(1)
  const now = performance.now.bind(performance)
  for (let k = 0; k < 2000; k++) loop(step)
  let last = now()
  for (let j = 0; j < k; j++) {
    loop(step)
    const time = now()
    deltas[j] = time - last
    last = time
  }
  deltas.sort()
  return [deltas[k >> 1], deltas[Math.floor(k * 0.999)], deltas[k - 1]]
    .map(ms => (ms * 1e6).toFixed(1))
    .join(' ')
}

/** Starts both threads within some ten ns of each other: each spins until the other is there. */
const meet = words => {
  Atomics.add(words, READY, 1)
  while (Atomics.load(words, GO) === 0) if (Atomics.load(words, READY) === 2) Atomics.store(words, GO, 1)
}

const other = async ({ words, results }) => {
  const loops = eventLoops(await import('kymograph'))
  const names = Object.keys(loops)
  const warm = new Set()
  // The event loop is not needed here: a thread that waits in Atomics.wait records as well as any.
  for (let round = 0; ; round++) {
    Atomics.wait(words, ROUND, round)
    if (Atomics.load(words, LENGTH) === 0) return
    const loop = loops[names[words[LOOP]]]
    if (!warm.has(loop)) {
      warm.add(loop)
      results[1] += warmUp(loop)
    }
    meet(words)
    results[0] = timed(loop, words[LENGTH])
    results[1] += words[LENGTH]
    Atomics.store(words, DONE, 1)
    Atomics.notify(words, DONE)
  }
}

class SecondThread {
  words = new Int32Array(new SharedArrayBuffer(64))
  /** [ns per event of the last round, events produced] */
  results = new Float64Array(new SharedArrayBuffer(16))
  #worker = new Worker(new URL(import.meta.url), { workerData: { words: this.words, results: this.results } })

  #begin(length, loop) {
    for (const [word, value] of [
      [READY, 0],
      [GO, 0],
      [DONE, 0],
      [LENGTH, length],
      [LOOP, loop],
    ]) {
      Atomics.store(this.words, word, value)
    }
    Atomics.add(this.words, ROUND, 1)
    Atomics.notify(this.words, ROUND)
  }

  round(loop, index, n) {
    this.#begin(n, index)
    meet(this.words)
    const mine = timed(loop, n)
    Atomics.wait(this.words, DONE, 0)
    return (mine + this.results[0]) / 2
  }

  async quit() {
    this.#begin(0, 0)
    await new Promise(resolve => this.#worker.once('exit', resolve))
    return this.results[1]
  }
}

const main = async (path, what) => {
  const floors = floorLoops()
  const events = what === 'floors' ? {} : eventLoops(await import('kymograph'))
  const warm = new Set()
  let produced = 0
  let second

  const obey = (verb, name, n) => {
    const loop = events[name] ?? floors[name]
    if (!loop || !(n >= 1)) throw new Error(`unknown command: ${verb} ${name} ${n}`)
    const counts = name in events ? 1 : 0
    const step = name === 'sites' || name === 'empty50' ? SITES : 1
    if (!warm.has(loop)) {
      warm.add(loop)
      produced += counts * warmUp(loop)
    }
    produced += counts * n
    if (verb === 'pair')
      return (second ??= new SecondThread()).round(loop, Object.keys(events).indexOf(name), n).toFixed(4)
    if (verb === 'round') return timed(loop, n).toFixed(4)
    produced += counts * (2000 * step + n * (step - 1))
    return single(loop, step, n)
  }

  const socket = connect(path)
  for await (const line of createInterface({ input: socket })) {
    const [verb, name, n] = line.split(' ')
    if (verb === 'quit') {
      const others = second ? await second.quit() : 0
      socket.end(`${produced + others}\n`)
      return
    }
    socket.write(`${obey(verb, name, Number(n))}\n`)
  }
}

if (isMainThread) await main(process.argv[2], process.argv[3])
else await other(workerData)
