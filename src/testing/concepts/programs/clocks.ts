/**
 * `clocks.js`: this process and a child of it, four threads each, hit `clock:tick` as fast as they can, in step
 * with turns of their event loops. Says between which two readings of CLOCK_MONOTONIC all of it happened.
 */
import { fork } from 'node:child_process'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isMainThread, Worker } from 'node:worker_threads'
import { i32, tracepoint } from '../../../tracer/index.ts'

const TURNS = 50
const HITS_PER_TURN = 40
const WORKERS = 3

const tick = tracepoint('clock:tick', i32('n'))
const self = fileURLToPath(import.meta.url)
const before = process.hrtime.bigint()
const others: Promise<unknown>[] = []

function ended(starts: { once(event: 'exit', listener: () => void): unknown }): Promise<void> {
  return new Promise(resolve => starts.once('exit', () => resolve()))
}

if (isMainThread) {
  for (let i = 0; i < WORKERS; i++) others.push(ended(new Worker(self)))
  if (process.argv[2] !== 'child') others.push(ended(fork(self, ['child'])))
}
for (let turn = 0, n = 0; turn < TURNS; turn++) {
  for (let i = 0; i < HITS_PER_TURN; i++) tick(n++)
  await setImmediate()
}
await Promise.all(others)
if (isMainThread && process.argv[2] !== 'child') {
  process.stdout.write(`${JSON.stringify([String(before), String(process.hrtime.bigint())])}\n`)
}
