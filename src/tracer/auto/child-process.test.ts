import assert from 'node:assert/strict'
import { spawn as spawnChild } from 'node:child_process'
import { once } from 'node:events'
import test from 'node:test'
import { Worker } from 'node:worker_threads'
import { error, exit, spawn } from './child-process.ts'
import { exit as workerExit, start as workerStart } from './worker-threads.ts'

test('children: spawn, exit by code and by signal, and failure without hiding it', async () => {
  const events: unknown[][] = []
  spawn.connect((...args) => events.push(['spawn', ...args]))
  exit.connect((...args) => events.push(['exit', ...args]))
  error.connect((...args) => events.push(['error', ...args]))

  const child = spawnChild(process.execPath, ['-e', 'process.exit(7)'])
  await once(child, 'exit')
  const id = events[0]?.[1]
  assert.deepEqual(events.splice(0), [
    ['spawn', id, child.pid, process.execPath],
    ['exit', id, child.pid, 7, ''],
  ])

  const killed = spawnChild(process.execPath, ['-e', 'setTimeout(() => {}, 1e5)'])
  await once(killed, 'spawn')
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  assert.deepEqual(events.splice(0)[1]?.slice(2), [killed.pid, -1, 'SIGKILL'])

  const missing = spawnChild('/no/such/program')
  assert.equal(missing.listenerCount('error'), 0)
  await once(missing, 'error')
  const [kind, , file, code] = events[0] as unknown[]
  assert.deepEqual([kind, file, code], ['error', '/no/such/program', 'ENOENT'])
})

test('workers: start and exit with the id that the worker had', async () => {
  const events: unknown[][] = []
  workerStart.connect((...args) => events.push(['start', ...args]))
  workerExit.connect((...args) => events.push(['exit', ...args]))
  const worker = new Worker('process.exit(5)', { eval: true })
  const { threadId } = worker
  await once(worker, 'exit')
  assert.deepEqual(events, [
    ['start', threadId],
    ['exit', threadId, 5],
  ])
})
