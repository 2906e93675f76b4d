import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { longForm, needs } from '../index.ts'
import { readWithBabeltrace } from './babeltrace.ts'
import { Counter, checkCounting, type Variant } from './counting.ts'
import type { Published } from './ring-header.ts'
import { type Child, randomDelay, Scene } from './scene.ts'
import { readTraces } from './trace.ts'

const ROUNDS = longForm() ? 50 : 5
const MAX_DELAY_MS = 300
const ORACLE_MAX_RECORDS = 400_000
const SIZES = [
  ['4096', '2'],
  ['8192', '4'],
  ['64k', '4'],
  ['256k', '8'],
] as const

/** What becomes of the program when its recorder has been killed; resolves when `kymo crash` is to run. */
type Fate = (program: Counter, recorder: Child) => Promise<unknown>

const FATES: Readonly<Record<string, Fate>> = {
  'the program is killed later': async (program, recorder) => {
    await recorder.kill('SIGKILL')
    await randomDelay(MAX_DELAY_MS / 4)
    return await program.child.kill('SIGKILL')
  },
  'the program ends by itself': async (program, recorder) => {
    await recorder.kill('SIGKILL')
    await randomDelay(MAX_DELAY_MS / 4)
    await program.end()
  },
  'both are killed at once': (program, recorder) =>
    Promise.all([recorder.kill('SIGKILL'), program.child.kill('SIGKILL')]),
  'the program goes on': (_program, recorder) => recorder.kill('SIGKILL'),
}

async function crash(scene: Scene): Promise<{ code: number | null; stderr: string }> {
  return await scene.kymo('crash', 'trace').ended
}

/** In each fifth round it is killed while the program starts, mostly before it has found a ring. */
async function start(scene: Scene, round: number, variant: Variant): Promise<[Counter, Child]> {
  const [size, count] = SIZES[round % SIZES.length] as (typeof SIZES)[number]
  const sizes = ['--subbuf-size', size, '--num-subbuf', count]
  const recorder = await scene.recorder('-o', 'trace', '-e', 'kill:*', ...sizes)
  const isEarly = round % 5 === 2
  const program = await Counter.start(scene, round, variant, async () => {
    if (!isEarly) return
    await randomDelay(MAX_DELAY_MS)
    await recorder.kill('SIGKILL')
  })
  if (!isEarly) await randomDelay(MAX_DELAY_MS)
  return [program, recorder]
}

async function killRound(
  t: TestContext,
  fate: Fate,
  round: number,
): Promise<Published & { streams: number }> {
  const scene = new Scene(t)
  const variant = round % 2 === 0 ? 'int' : 'text'
  const [program, recorder] = await start(scene, round, variant)
  await fate(program, recorder)
  const output = join(scene.folder, 'trace')
  const mark = join(output, '.kymograph-session')
  assert.ok(existsSync(mark), 'the folder says that its trace was cut short')
  const streams = countStreams(output)

  const crashed = await crash(scene)
  assert.equal(crashed.code, 0, crashed.stderr)
  const published = program.published()
  const { committed, lost, isMidRecord } = published
  const traces = readTraces(output)
  assert.equal(traces.length, 1)
  const trace = traces[0] ?? assert.fail('there is a trace')
  const isStillThere = fate === FATES['the program goes on']
  checkCounting(trace, variant, published)
  if (isStillThere) {
    await program.end()
    assert.deepEqual(program.published(), published, 'after the crash command nothing is recorded')
  } else {
    const missing = program.produced - committed - lost
    const isWhole = fate === FATES['the program ends by itself']
    if (isWhole) assert.equal(isMidRecord, false)
    const legal = isWhole ? [0] : [0, 1]
    assert.ok(legal.includes(missing), `${program.produced} produced, ${committed} committed, ${lost} lost`)
  }
  if (committed <= ORACLE_MAX_RECORDS) {
    const reading = readWithBabeltrace(output)
    assert.deepEqual([reading.events, reading.discarded], [committed, lost])
  }
  assert.equal(existsSync(mark), false)
  scene.assertNothingLeft()
  if (round === 0) {
    const { code, stderr } = await crash(scene)
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^kymo: \S+ is neither a session's directory nor the folder of a trace that was cut short/,
    )
  }
  return { ...published, streams }
}

/** 0 when the recorder was killed before it had written anything. */
function countStreams(output: string): number {
  return readdirSync(output, { recursive: true }).filter(name => String(name).endsWith('.idx')).length
}

for (const [name, fate] of Object.entries(FATES)) {
  test(`what a killed recorder leaves becomes a whole trace: ${name}`, async t => {
    if (!needs(t, 'babeltrace2')) return
    let [records, lost, begun] = [0, 0, 0]
    for (let round = 0; round < ROUNDS; round++) {
      const killed = await killRound(t, fate, round)
      records += killed.committed
      lost += killed.lost
      begun += killed.streams
    }
    t.diagnostic(
      `${ROUNDS} kills, in ${begun} of them within a stream: ${records} recorded, ${lost} discarded`,
    )
  })
}
