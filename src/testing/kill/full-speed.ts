/**
 * Threads that trace for some seconds: `full-speed.js THREADS SECONDS [PER_SECOND]`, as fast as they can or
 * so many hits a second. Says on stdout how many hits there were, and for how long the first thread went on.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { i32, tracepoint } from '../../tracer/index.ts'

/** Between two looks at the clock. */
const CHUNK = 500
/** A thread that was not running for longer does not make up for it: that would be another rate. */
const MAX_BEHIND_MS = 5

export interface Speed {
  readonly produced: number
  readonly seconds: number
}

interface Task {
  readonly thread: number
  readonly seconds: number
  readonly perSecond: number
  readonly produced: Float64Array
}

function run({ thread, seconds, perSecond, produced }: Task): void {
  const hit = tracepoint('speed:n', i32('n'))
  const chunkMs = (CHUNK / perSecond) * 1000
  const endMs = performance.now() + seconds * 1000
  let n = 0
  let dueMs = performance.now()
  for (let nowMs = dueMs; nowMs < endMs; nowMs = performance.now()) {
    if (nowMs < dueMs) continue
    dueMs = Math.max(dueMs + chunkMs, nowMs - MAX_BEHIND_MS)
    for (let i = 0; i < CHUNK; i++) hit(n++)
  }
  produced[thread] = n
}

async function main(threads: number, seconds: number, perSecond: number): Promise<void> {
  const produced = new Float64Array(new SharedArrayBuffer(threads * 8))
  const startMs = performance.now()
  const workers = Array.from({ length: threads - 1 }, async (_, i) => {
    const task = { thread: i + 1, seconds, perSecond, produced } satisfies Task
    const worker = new Worker(new URL(import.meta.url), { workerData: task })
    worker.on('error', error => assert.fail(error))
    await once(worker, 'exit')
  })
  run({ thread: 0, seconds, perSecond, produced })
  const ownSeconds = (performance.now() - startMs) / 1000
  await Promise.all(workers)
  const sum = produced.reduce((total, count) => total + count, 0)
  process.stdout.write(JSON.stringify({ produced: sum, seconds: ownSeconds } satisfies Speed))
}

const [threads, seconds, perSecond] = process.argv.slice(2).map(Number) as [number, number, number?]
if (isMainThread) await main(threads, seconds, perSecond ?? Infinity)
else run(workerData as Task)
