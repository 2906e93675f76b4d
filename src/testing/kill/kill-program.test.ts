import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { discardedTotal, type SessionResult } from '../../consumer/index.ts'
import { longForm, needs } from '../index.ts'
import { readWithBabeltrace } from './babeltrace.ts'
import { Counter, checkCounting, type Variant } from './counting.ts'
import type { Published } from './ring-header.ts'
import { type Child, randomDelay, Scene } from './scene.ts'
import { readTraces, type Trace } from './trace.ts'

const ROUNDS = longForm() ? 33 : 4
const MAX_DELAY_MS = 120
/** babeltrace2 takes a second for so many. */
const ORACLE_MAX_RECORDS = 400_000

interface Killed extends Published {
  readonly pid: number
  readonly produced: number
  readonly counter: Counter
}

/** Kills it at a random moment; in each third round while nobody empties its ring. */
async function killOnce(scene: Scene, recorder: Child, round: number, variant: Variant): Promise<Killed> {
  const counter = await Counter.start(scene, round, variant)
  await randomDelay(MAX_DELAY_MS)
  if (round % 3 === 2) {
    recorder.signal('SIGSTOP')
    await randomDelay(MAX_DELAY_MS / 4)
  }
  await counter.child.kill('SIGKILL')
  recorder.signal('SIGCONT')
  return { ...counter.published(), produced: counter.produced, pid: counter.child.pid, counter }
}

function checkKilled(traces: readonly Trace[], killed: Killed, variant: Variant, isOracleDue: boolean): void {
  const trace = traces.find(({ pid }) => pid === killed.pid) ?? assert.fail(`no trace of ${killed.pid}`)
  const { committed, lost, isMidRecord, produced } = killed
  assert.deepEqual(
    killed.counter.published(),
    { committed, lost, isMidRecord },
    'nobody wrote after the kill',
  )
  checkCounting(trace, variant, killed)
  const missing = produced - committed - lost
  // The hit that the kill met: not begun, in the midst of its record, or of being counted as lost.
  const legal = [0, 1]
  assert.ok(legal.includes(missing), `${produced} produced, ${committed} committed, ${lost} lost`)
  if (isOracleDue && committed <= ORACLE_MAX_RECORDS) {
    const reading = readWithBabeltrace(trace.path)
    assert.deepEqual([reading.events, reading.discarded], [committed, lost])
  }
}

async function killRounds(t: TestContext, size: string, count: string, variant: Variant): Promise<void> {
  const scene = new Scene(t)
  const args = ['-o', 'trace', '--summary', 'sum.json', '-e', 'kill:*']
  const recorder = await scene.recorder(...args, '--subbuf-size', size, '--num-subbuf', count)
  const all: Killed[] = []
  for (let round = 0; round < ROUNDS; round++) all.push(await killOnce(scene, recorder, round, variant))
  recorder.signal('SIGINT')
  await recorder.succeeds()

  const traces = readTraces(join(scene.folder, 'trace'))
  assert.equal(traces.length, ROUNDS)
  for (const [round, killed] of all.entries()) checkKilled(traces, killed, variant, round % 2 === 0)
  const sum = (of: (killed: Killed) => number): number => all.reduce((total, killed) => total + of(killed), 0)
  const [recorded, lost] = [sum(killed => killed.committed), sum(killed => killed.lost)]
  const result = JSON.parse(readFileSync(join(scene.folder, 'sum.json'), 'utf8')) as SessionResult
  assert.deepEqual([result.recorded, discardedTotal(result.discarded)], [recorded, lost])
  const torn = all.filter(killed => killed.isMidRecord).length
  // A class is counted just before the commit, so a kill between the two leaves its counter ahead.
  const counted = result.events[0]?.count ?? 0
  assert.ok(
    counted >= recorded && counted <= recorded + torn,
    `${counted} counted by class, ${recorded} recorded`,
  )
  assert.deepEqual([result.events.length, result.problems], [1, []])
  scene.assertNothingLeft()
  const inFlight = sum(killed => killed.produced) - recorded - lost
  t.diagnostic(
    `${size}×${count} ${variant}: ${ROUNDS} kills, ${recorded} recorded, ${lost} discarded, ` +
      `${inFlight} hits under way, ${torn} in the middle of a record`,
  )
}

for (const [size, count] of [
  ['4096', '2'],
  ['64k', '4'],
  ['256k', '8'],
] as const) {
  for (const variant of ['int', 'text'] as const) {
    test(`a program that is killed leaves all that it committed: ${size}×${count}, ${variant}`, async t => {
      if (needs(t, 'babeltrace2')) await killRounds(t, size, count, variant)
    })
  }
}
