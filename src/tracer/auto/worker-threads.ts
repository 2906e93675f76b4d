/** Worker threads, as the thread that made them sees them. */
import type { Worker } from 'node:worker_threads'
import { i32, tracepoint, u32 } from '../index.ts'
import { listen } from './listen.ts'

export const start = tracepoint('node_worker:start', u32('thread_id'))
export const exit = tracepoint('node_worker:exit', u32('thread_id'), i32('code'))

listen<{ worker: Worker }>('worker_threads', ({ worker }) => {
  const { threadId } = worker
  start(threadId)
  if (exit.enabled) worker.once('exit', code => exit(threadId, code))
})
