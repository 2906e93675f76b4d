import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { discardedTotal, type SessionResult } from '../../consumer/index.ts'
import { longForm, needs } from '../index.ts'
import { readWithBabeltrace } from './babeltrace.ts'
import type { Speed } from './full-speed.ts'
import { programPath, Scene } from './scene.ts'
import { randomFrom } from './texts.ts'
import { readRecords, readTraces, type Trace } from './trace.ts'

const MIXES = longForm() ? 60 : 6
const BURSTS = 20
const PACED_SECONDS = longForm() ? 10 : 2
const PER_SECOND = 2_000_000
const SIZES = ['4096', '8192', '16k', '64k', '256k'] as const
const COUNTS = [2, 3, 8] as const
const HEADERS = ['auto', 'compact', 'large', 'sized'] as const
const CONTEXTS = ['vtid', 'none', 'vpid,vtid,procname,thread_name'] as const
const CLOCKS = ['monotonic', 'monotonic', 'coarse', 'global'] as const

interface Recorded {
  readonly result: SessionResult
  readonly discarded: number
  readonly traces: readonly Trace[]
  readonly stdout: string
  readonly output: string
}

/** Records a program of this folder into a new trace. */
async function record(
  t: TestContext,
  options: readonly string[],
  program: string,
  ...args: readonly number[]
): Promise<Recorded> {
  const scene = new Scene(t)
  const own = ['-o', 'trace', '--summary', 'sum.json', '-e', 'mix:*,speed:*', ...options]
  const command = [process.execPath, programPath(program), ...args.map(String)]
  const { stdout, stderr } = await scene.kymo('record', ...own, '--', ...command).succeeds()
  const result = JSON.parse(readFileSync(join(scene.folder, 'sum.json'), 'utf8')) as SessionResult
  assert.deepEqual([result.problems, result.failure, result.programs.length], [[], undefined, 1], stderr)
  scene.assertNothingLeft()
  const output = join(scene.folder, 'trace')
  const traces = readTraces(output)
  const discarded = discardedTotal(result.discarded)
  const inStreams = traces.flatMap(trace => trace.streams).reduce((sum, stream) => sum + stream.discarded, 0)
  assert.equal(inStreams, discarded, "each stream's last packet has the final number of losses")
  assert.equal(
    result.events.reduce((sum, event) => sum + event.count, 0),
    result.recorded,
  )
  return { result, discarded, traces, stdout, output }
}

function checkWithBabeltrace({ result, discarded, output }: Recorded): void {
  const reading = readWithBabeltrace(output)
  assert.deepEqual([reading.events, reading.discarded], [result.recorded, discarded])
  assert.deepEqual(
    Object.fromEntries(result.events.map(({ name, count }) => [name, count])),
    Object.fromEntries([...reading.counts].sort(([, a], [, b]) => b - a)),
  )
}

test('any mix of threads, sizes and rates is recorded or counted as discarded', async t => {
  if (!needs(t, 'babeltrace2')) return
  const seed = longForm() ? Math.trunc(Math.random() * 2 ** 20) : 1
  const random = randomFrom(seed)
  const pick = <T>(values: readonly T[]): T => values[random() % values.length] as T
  const causes = new Set<string>()
  for (let i = 0; i < MIXES; i++) {
    const [size, header] = [SIZES[i % SIZES.length] as string, pick(HEADERS)]
    const sizes = ['--subbuf-size', size, '--num-subbuf', String(pick(COUNTS))]
    const options = [...sizes, '--header', header, '-t', pick(CONTEXTS), '--clock', pick(CLOCKS)]
    const threads = 1 + (random() % 5)
    const run = await record(t, options, 'mix', seed + i, threads, BURSTS)
    const { result, discarded, stdout } = run
    const what = `mix ${seed + i} of ${threads} threads, ${options.join(' ')}`
    t.diagnostic(
      `${what}: ${stdout} produced, ${result.recorded} recorded, ${JSON.stringify(result.discarded)}`,
    )
    assert.equal(Number(stdout), result.recorded + discarded, what)
    checkWithBabeltrace(run)
    for (const cause of Object.keys(result.discarded)) causes.add(cause)
  }
  assert.deepEqual([...causes].sort(), ['bad value', 'full', 'nested', 'too big'])
})

/** Our own reader: babeltrace2 takes a minute for so much. */
function readSpeed({ traces }: Recorded): number {
  let read = 0
  for (const trace of traces)
    for (const stream of trace.streams) read += readRecords(trace, stream, (_, at) => at + 4)
  return read
}

for (const [threads, seconds, options] of [
  [1, 2, []],
  [8, 1, ['--subbuf-size', '64k']],
] as const) {
  test(`at full speed discarded and read are what was produced: ${threads} threads`, async t => {
    const run = await record(t, options, 'full-speed', threads, seconds)
    const { produced } = JSON.parse(run.stdout) as Speed
    const read = readSpeed(run)
    t.diagnostic(
      `${threads} threads in ${seconds} s: ${produced} produced, ${read} read, ${run.discarded} discarded`,
    )
    assert.equal(read + run.discarded, produced)
    assert.equal(read, run.result.recorded)
    assert.equal(run.result.programs[0]?.threads, threads)
  })
}

test('two million events a second are recorded with default rings, and none is discarded', async t => {
  for (let isRetry = false; ; isRetry = true) {
    const run = await record(t, [], 'full-speed', 1, PACED_SECONDS, PER_SECOND)
    const { produced, seconds } = JSON.parse(run.stdout) as Speed
    const rate = (produced / seconds / 1e6).toFixed(2)
    t.diagnostic(`${produced} produced in ${seconds.toFixed(1)} s (${rate} M/s), ${run.discarded} discarded`)
    assert.equal(readSpeed(run) + run.discarded, produced)
    if (run.discarded === 0) return
    assert.ok(!isRetry, `${run.discarded} discarded, in the second try too`)
  }
})
