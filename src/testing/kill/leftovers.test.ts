import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { discardedTotal, type SessionResult } from '../../consumer/index.ts'
import { Counter, checkCounting } from './counting.ts'
import { programPath, Scene, until } from './scene.ts'
import { readTraces } from './trace.ts'

/** Everything in a folder that was made or changed since then. */
function changedSince(folder: string, sinceMs: number): string[] {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter(name => statSync(join(folder, name)).mtimeMs >= sinceMs)
    .sort()
}

test('a recording that ends normally leaves nothing in the run directory, and no process', async t => {
  const scene = new Scene(t)
  const sinceMs = Date.now() - 1
  const command = [process.execPath, programPath('mix'), '1', '4', '10']
  await scene.kymo('record', '-o', 'trace', '-e', 'mix:*', '--', ...command).succeeds()
  // The two folders were changed, so something was there.
  assert.deepEqual(changedSince(scene.run, sinceMs), ['apps', 'sessions'])
  scene.assertNothingLeft()
})

test('nor does one whose command starts others, of which one is killed', async t => {
  const scene = new Scene(t)
  const sinceMs = Date.now() - 1
  const [node, mix] = [process.execPath, programPath('mix')]
  const counter = `"${node}" "${programPath('count-up')}" "${scene.shared}/count" int`
  const hasRing = `ls "${scene.run}"/sessions/*/$!-*/channel0/ring-0 >/dev/null 2>&1`
  const kill = `${counter} & until ${hasRing} || ! kill -0 $!; do sleep 0.02; done; kill -9 $!; wait`
  const script = `"${node}" "${mix}" 1 2 5; ${kill}; "${node}" "${mix}" 2 1 5`
  await scene.kymo('record', '-o', 'trace', '--', 'sh', '-c', script).succeeds()
  assert.ok(readdirSync(join(scene.folder, 'trace/ust/pid')).length >= 2)
  assert.deepEqual(changedSince(scene.run, sinceMs), ['apps', 'sessions'])
  scene.assertNothingLeft()
})

test('a recorder that leaves first takes its session along, and the program its own entry', async t => {
  const scene = new Scene(t)
  const sinceMs = Date.now() - 1
  const sizes = ['--subbuf-size', '4096', '--num-subbuf', '2']
  const recorder = await scene.recorder('-o', 'trace', '--summary', 'sum.json', '-e', 'kill:*', ...sizes)
  const counter = await Counter.start(scene, 0, 'int')
  recorder.signal('SIGINT')
  await recorder.succeeds()
  const result = JSON.parse(readFileSync(join(scene.folder, 'sum.json'), 'utf8')) as SessionResult
  const trace = readTraces(join(scene.folder, 'trace'))[0] ?? assert.fail('there is a trace')
  checkCounting(trace, 'int', { committed: result.recorded, lost: discardedTotal(result.discarded) })
  assert.deepEqual(scene.sessions, [])
  assert.equal(scene.apps.length, 1)
  const { produced } = counter
  await until('the program to go on', () => counter.produced > produced)
  await counter.end()
  assert.deepEqual(changedSince(scene.run, sinceMs), ['apps', 'sessions'])
  scene.assertNothingLeft()
})
