/** Hits a site when it is told to, and else does nothing; `threads 8` does so in so many workers, once. */
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { i32, tracepoint } from '../../../tracer/index.ts'

const HITS = 20_000

const site = tracepoint('idle:event', i32('n'))
let n = 0

function hitAll(): void {
  for (let i = 0; i < HITS; i++) site(i)
}

if (!isMainThread) {
  hitAll()
  const gate = new Int32Array(workerData as SharedArrayBuffer)
  Atomics.add(gate, 0, 1)
  Atomics.wait(gate, 1, 0)
}
if (isMainThread) {
  process.stdin.setEncoding('utf8').on('data', text => {
    const [command, count] = String(text).trim().split(' ')
    if (command === 'hit') {
      site(n++)
      process.stdout.write('hit\n')
    }
    if (command === 'threads') {
      const gate = new SharedArrayBuffer(8)
      for (let i = 0; i < Number(count); i++) new Worker(new URL(import.meta.url), { workerData: gate })
      const wait = setInterval(() => {
        if (Atomics.load(new Int32Array(gate), 0) < Number(count)) return
        clearInterval(wait)
        process.stdout.write('hit\n')
      }, 10)
    }
  })
  process.stdout.write('ready\n')
}
