import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { SessionResult } from '../../consumer/index.ts'
import { needs } from '../needs.ts'
import { babeltrace2, counts, discardedSaid, Sandbox } from './sandbox.ts'

interface Recorded {
  readonly of: (name: string) => string[]
  readonly result: SessionResult
  readonly stdout: string
}

/** Records and reads a program; what babeltrace2 says on stderr is our losses, and nothing else. */
async function recorded(t: TestContext, program: string, ...options: readonly string[]): Promise<Recorded> {
  const box = new Sandbox(t)
  const all = ['-e', 'f:*,w:*,s:*', '-t', 'none', ...options]
  const { result, status, stdout, stderr } = await box.recordProgram(all, program)
  assert.equal(status, 0, stderr)
  const { lines, stderr: said } = babeltrace2(box.trace)
  assert.equal(lines.length, result.recorded)
  assert.equal(
    discardedSaid(said),
    Object.values(result.discarded).reduce((sum, count) => sum + count, 0),
  )
  const of = (name: string): string[] =>
    lines.flatMap(line => (line.startsWith(`${name}: `) ? line.slice(name.length + 2) : []))
  return { of, result, stdout }
}

test('each type of field at its extremes is what babeltrace2 shows', async t => {
  if (!needs(t, 'babeltrace2')) return
  const { of, result } = await recorded(t, 'fields')
  assert.deepEqual(of('f:signed'), [
    '{ a = -128, b = -32768, c = -2147483648, d = -9223372036854775808 }',
    '{ a = 127, b = 32767, c = 2147483647, d = 9223372036854775807 }',
    '{ a = 0, b = 0, c = 0, d = 0 }',
    '{ a = -1, b = 1, c = 0, d = -9007199254740991 }',
  ])
  assert.deepEqual(of('f:unsigned'), [
    '{ a = 0, b = 0, c = 0, d = 0 }',
    '{ a = 255, b = 65535, c = 4294967295, d = 18446744073709551615 }',
    '{ a = 1, b = 1, c = 1, d = 9007199254740991 }',
  ])
  assert.deepEqual(of('f:floats'), [
    '{ a = 0, b = 0 }',
    '{ a = -0, b = -0 }',
    '{ a = 1.5, b = 1.5 }',
    '{ a = inf, b = inf }',
    '{ a = -inf, b = -inf }',
    '{ a = nan, b = nan }',
    '{ a = 3.40282e+38, b = 3.40282e+38 }',
    '{ a = 1.4013e-45, b = 1.4013e-45 }',
    '{ a = 0.1, b = 1.79769e+308 }',
    '{ a = inf, b = 4.94066e-324 }',
  ])
  assert.deepEqual(of('f:bool'), ['{ yes = ( "true" : container = 1 ), no = ( "false" : container = 0 ) }'])
  assert.deepEqual(of('f:enum'), [
    '{ small = ( "none" : container = 0 ), signed = ( "low" : container = -2147483648 )' +
      ', wide = ( "zero" : container = 0 ) }',
    '{ small = ( "top" : container = 255 ), signed = ( "high" : container = 2147483647 )' +
      ', wide = ( "all" : container = 4294967295 ) }',
  ])
  assert.deepEqual(of('f:arrays'), [
    '{ none = [ ], three = [ [0] = 1, [1] = -2, [2] = 3 ], _any_length = 0, any = [ ] }',
    '{ none = [ ], three = [ [0] = -32768, [1] = 0, [2] = 32767 ], ' +
      '_any_length = 1, any = [ [0] = 18446744073709551615 ] }',
  ])
  assert.deepEqual(of('f:nested'), [
    '{ _points_length = 0, points = [ ] }',
    '{ _points_length = 2, points = [ [0] = { x = 0.5, label = { text = "", _tags_length = 0, tags = [ ] } }, ' +
      '[1] = { x = -1, label = { text = "b", _tags_length = 2, tags = [ [0] = "c", [1] = "" ] } } ] }',
  ])
  assert.deepEqual(of('f:text'), [
    '{ s = "" }',
    '{ s = "plain" }',
    '{ s = "quote \\" backslash \\\\ newline \\n tab \\t" }',
    '{ s = "a␀b" }',
    '{ s = "�" }',
    '{ s = "x�y" }',
    '{ s = "🚂 züge über gleise 漢字" }',
    `{ s = "${'é'.repeat(40)}" }`,
    `{ s = "${'s'.repeat(65536)}" }`,
    `{ s = "${'漢'.repeat(65536)}" }`,
  ])
  assert.deepEqual(of('f:grüße 🚂'), ['{ z_u00e4hler = 1, with_u0020blank = 2, int = 3, _u005fu00e4 = 4 }'])
  assert.deepEqual(of('f:marker'), [
    '{ a = -1, b = 4294967295, c = -9223372036854775808, d = "text", e = -0.25, f = 0xDEADBEEF, g = -32768, ' +
      'h = 255, i = 0xFF, j = 0xABCD, k = 65 }',
  ])
  assert.deepEqual(of('f:last'), ['{ n = 1 }'])
  assert.deepEqual(result.discarded, { 'too big': 3 })
})

test('two sub-buffers of 4 KiB work: what is larger than one is counted, the rest is in the trace', async t => {
  if (!needs(t, 'babeltrace2')) return
  const { of, result } = await recorded(t, 'small', '--subbuf-size', '4k', '--num-subbuf', '2')
  const sizes = of('s:text').map(line => line.length - '{ n = 0, s = "" }'.length)
  assert.deepEqual(sizes, [0, 100, 3000, 0, 100, 3000])
  assert.deepEqual(result.discarded, { 'too big': 4 })
  assert.deepEqual(counts(result), { 's:text': 6 })
})

test('wrong values from plain JavaScript are counted, and the program never hears of them', async t => {
  if (!needs(t, 'babeltrace2')) return
  const { of, result, stdout } = await recorded(t, 'wrong-values')
  const said = JSON.parse(stdout) as { wrong: number; good: number }
  assert.deepEqual(result.discarded, { 'bad value': said.wrong })
  assert.deepEqual(counts(result), { 'w:good': said.good })
  assert.equal(of('w:good').length, said.good)
})
