import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { SessionResult } from '../../consumer/index.ts'
import { needs } from '../needs.ts'
import { babeltrace2, counts, discardedSaid, Sandbox } from './sandbox.ts'

const ROUNDS = 100

interface Recorded {
  readonly lines: readonly string[]
  readonly stdout: string
  readonly result: SessionResult
}

async function recorded(t: TestContext, what: string): Promise<Recorded> {
  const box = new Sandbox(t)
  const { result, status, stderr, stdout } = await box.recordProgram(
    ['-e', 're:*', '-t', 'none'],
    'reentrant',
    what,
  )
  assert.equal(status, 0, stderr)
  const text = babeltrace2(box.trace)
  const discarded = Object.values(result.discarded).reduce((sum, count) => sum + count, 0)
  assert.equal(discardedSaid(text.stderr), discarded)
  return { lines: text.lines, result, stdout }
}

function expected(of: (n: number) => readonly string[]): string[] {
  return Array.from({ length: ROUNDS }, (_, n) => of(n)).flat()
}

for (const [what, title, of] of [
  [
    'getter',
    'a getter',
    n => [
      `re:inner: { where = "getter", n = ${n} }`,
      `re:getter: { before = "before", name = "name ${n}", id = ${n} }`,
    ],
  ],
  [
    'text',
    'a toString',
    n => [`re:inner: { where = "toString", n = ${n} }`, `re:text: { text = "<text ${n}>" }`],
  ],
  [
    'probe',
    "another site's probe",
    n => [`re:probed: { n = ${n} }`, `re:inner: { where = "probe", n = ${n} }`],
  ],
] as [string, string, (n: number) => string[]][]) {
  test(`a site hit inside ${title}: both records are whole`, async t => {
    if (!needs(t, 'babeltrace2')) return
    const { lines, result } = await recorded(t, what)
    assert.deepEqual(lines, expected(of))
    assert.deepEqual(result.discarded, {})
  })
}

test("a site hit by a struct's getter: both records are whole, whatever the value is read for", async t => {
  if (!needs(t, 'babeltrace2')) return
  const { lines, result } = await recorded(t, 'struct')
  const outer = lines.filter(line => line.startsWith('re:struct'))
  assert.deepEqual(
    outer,
    expected(n => [
      `re:struct: { n = ${n}, order = { id = ${n}, name = "${'x'.repeat(n * 40)}" }, after = "after" }`,
    ]),
  )
  const inner = lines.filter(line => line.startsWith('re:inner'))
  assert.equal(inner.length + outer.length, result.recorded)
  assert.deepEqual(
    [...new Set(inner)],
    expected(n => [`re:inner: { where = "struct", n = ${n} }`]),
  )
  assert.deepEqual(result.discarded, {})
})

test('a site hit by the trap of a Proxy: both records are whole', async t => {
  if (!needs(t, 'babeltrace2')) return
  const { lines, result } = await recorded(t, 'proxy')
  const outer = lines.filter(line => line.startsWith('re:proxy'))
  assert.deepEqual(
    outer.map(line => line.replace(/\[\d+\] = /g, '').replace(/_?values_length = 3, /, '')),
    expected(n => [`re:proxy: { values = [ ${n}, ${n + 1}, ${n + 2} ], after = "after" }`]),
  )
  const inner = new Set(lines.filter(line => line.startsWith('re:inner')))
  assert.deepEqual(
    [...inner],
    expected(n => [`re:inner: { where = "proxy", n = ${n} }`]),
  )
  assert.deepEqual(result.discarded, {})
})

test('endless recursion through a value is cut after five records and counted', async t => {
  if (!needs(t, 'babeltrace2')) return
  const { lines, result } = await recorded(t, 'endless')
  assert.deepEqual(
    lines,
    expected(() => [5, 4, 3, 2, 1].map(depth => `re:endless: { depth = ${depth} }`)),
  )
  assert.deepEqual(result.discarded, { nested: ROUNDS })
})

test('endless recursion through a probe is cut after five calls', async t => {
  if (!needs(t, 'babeltrace2')) return
  const { lines, stdout, result } = await recorded(t, 'endlessProbe')
  assert.equal(Number(stdout), 5 * ROUNDS)
  assert.deepEqual(
    lines,
    expected(() => [0, 1, 2, 3, 4, 5].map(n => `re:endless_probe: { n = ${n} }`)),
  )
  assert.deepEqual(result.discarded, {})
})

test('at the end of the stack a site throws nothing of its own, and corrupts no packet', async t => {
  if (!needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const options = ['-e', 'deep:*', '-t', 'none', '--subbuf-size', '4k', '--num-subbuf', '256']
  const { result, stdout, stderr } = await box.recordProgram(options, 'deep')
  assert.match(stdout, /^\{/, stderr)
  const said = JSON.parse(stdout) as { returned: number; thrown: number; others: number }
  assert.equal(said.others, 0)
  assert.ok(said.returned > 0 && said.thrown > 0, stdout)
  const { lines, stderr: discards } = babeltrace2(box.trace)
  const lost = Object.values(result.discarded).reduce((sum, count) => sum + count, 0)
  assert.equal(discardedSaid(discards), lost)
  const hits = result.recorded + lost - 12 // those that were hit on solid ground
  assert.ok(said.returned <= hits && hits <= said.returned + said.thrown, `${stdout} ${hits}`)
  assert.equal(lines.length, result.recorded)
  assert.deepEqual(
    lines.slice(-10),
    Array.from({ length: 10 }, (_, n) => `deep:end: { n = ${n} }`),
  )
  const values = 'descent = -?\\d+, depth = \\d+, text = "(some text of more than a few bytes){3}"'
  const whole = new RegExp(`^deep:(flat: \\{|nested: \\{ at = \\{) ${values} \\}`)
  assert.deepEqual(
    lines.slice(0, -10).filter(line => !whole.test(line)),
    [],
  )
  const { 'deep:flat': flat = 0, 'deep:nested': nested = 0, 'deep:end': end = 0 } = counts(result)
  assert.ok(flat > 1 && nested > 1 && end === 10, JSON.stringify(counts(result)))
})
