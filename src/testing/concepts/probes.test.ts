import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { openControlFile, readCounters } from '../../control/index.ts'
import { needs } from '../needs.ts'
import { babeltrace2, counts, numberIn, Sandbox, until } from './sandbox.ts'

const TURNS = 100_000

async function answer(t: TestContext, ...args: readonly string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await new Sandbox(t).program('probes', ...args).line())
}

test('10⁵ connections while the site is hit: counts exact, the last disconnection turns it off', async t => {
  assert.deepEqual(await answer(t, 'turns'), {
    short: 2 * TURNS,
    long: 2 * TURNS,
    wasEnabled: false,
    isEnabled: false,
    atEnd: false,
  })
})

test('the same while the site is recorded: every hit is in the trace, and the site stays on', async t => {
  const box = new Sandbox(t)
  const options = ['-e', 'probe:*', '--subbuf-size', '4M', '--num-subbuf', '4']
  const { result, stdout } = await box.recordProgram(options, 'probes', 'turns')
  const said = { short: 2 * TURNS, long: 2 * TURNS, wasEnabled: true, isEnabled: true, atEnd: true }
  assert.deepEqual(JSON.parse(stdout), said)
  assert.deepEqual(counts(result), { 'probe:site': 4 * TURNS })
  assert.deepEqual(result.discarded, {})
})

test('a probe that throws is counted, and neither the program nor other probes see it', async t => {
  const box = new Sandbox(t)
  const program = box.program('probes', 'throwing')
  assert.deepEqual(JSON.parse(await program.line()), { after: 7 })
  const [app] = box.apps()
  assert.equal(openControlFile(join(app as string, 'control')).probeErrors, 7)
  assert.equal(program.stderr, '')
})

test('a probe connected twice is called once, until both have let go', async t => {
  assert.deepEqual(await answer(t, 'references'), {
    calls: ['shared 1', 'other 1', 'shared 2', 'other 2', 'shared 3', 'once 5'],
    enabled: [true, false, false],
  })
})

test('a sink of a marker gets its format and the values', async t => {
  const format = 'pid %d name %s load %f'
  assert.deepEqual(await answer(t, 'sink'), { got: [[format, 7, 'init', 0.5]], format })
})

test('counters and histograms are read while the program is stuck, and after SIGKILL', async t => {
  const box = new Sandbox(t)
  const program = box.program('probes', 'stuck')
  assert.equal(await program.line(), '"stuck"')
  const [app] = box.apps() as [string]
  const check = (): void => {
    const [hits, amounts] = readCounters(app)
    assert.deepEqual(hits, { name: 'hits', kind: 'counter', count: 2000, sum: 0, buckets: [] })
    assert.deepEqual(
      [amounts?.name, amounts?.kind, amounts?.count, amounts?.sum],
      ['amounts', 'histogram', 1000, 2000],
    )
    // 0 | 1 | 2 and 3 | 4
    assert.deepEqual(amounts?.buckets.slice(0, 5), [200, 200, 400, 200, 0])
  }
  const table =
    /hits +counter +2,000\n +amounts +histogram +1,000 +mean 2\.000, <1: 200, <2: 200, <4: 400, <8: 200\n/
  check()
  assert.match((await box.kymo(['list', '-u'])).stdout, table)
  program.kill('SIGKILL')
  await program.ended
  check()
  const after = (await box.kymo(['list', '-u'])).stdout
  assert.match(after, new RegExp(`\\(pid ${program.pid}\\) ended`))
  assert.match(after, table)
})

test('several sessions record one site at once, each with rules and a trace of its own', async t => {
  if (!needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const program = box.program('two')
  await program.line()
  await program.ask('10') // nobody listens
  const all = await box.attach('-e', 'two:*', '-t', 'none')
  await program.ask('100')
  const some = await box.attach('-e', 'two:b', '-t', 'none')
  await until('two sessions', async () =>
    /on \(attach, attach-2\)/.test((await box.kymo(['list', '-u'])).stdout),
  )
  await program.ask('1000')
  const allResult = await all.stop()
  await program.ask('100')
  const someResult = await some.stop()
  await program.ask('10')
  assert.deepEqual(counts(allResult), { 'two:a': 1100, 'two:b': 1100 })
  assert.deepEqual(counts(someResult), { 'two:b': 1100 })
  for (const [output, name, first] of [
    [all.output, 'two:a', 10],
    [all.output, 'two:b', 10],
    [some.output, 'two:b', 110],
  ] as const) {
    const { lines, stderr } = babeltrace2(output)
    assert.equal(stderr, '')
    const numbers = lines.filter(line => line.startsWith(name)).map(line => numberIn(line, 'n'))
    assert.deepEqual(
      numbers,
      Array.from({ length: 1100 }, (_, i) => first + i),
    )
  }
})
