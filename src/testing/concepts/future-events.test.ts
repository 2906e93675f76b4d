import assert from 'node:assert/strict'
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { needs } from '../needs.ts'
import { babeltrace2, type Child, counts, readSoFar, Sandbox, stampedEvents, until } from './sandbox.ts'

async function started(box: Sandbox, ...args: readonly string[]): Promise<Child> {
  const program = box.program('future', ...args)
  assert.equal(await program.line(), 'ready')
  return program
}

/** A file of the one program's channel in the one session. */
function channelFile(box: Sandbox, name: string): string {
  const session = join(box.run, 'sessions/attach')
  const app = readdirSync(session).find(entry => /^\d+-/.test(entry)) ?? 'none'
  try {
    return readFileSync(join(session, app, 'channel0', name), 'utf8')
  } catch {
    return '' // not made yet
  }
}

test('a rule names events before they exist: imported while recording, they are in the trace', async t => {
  if (!needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const program = await started(box)
  const recorder = await box.attach('-e', 'later:*')
  const before = (await box.kymo(['list', '-u'])).stdout
  assert.match(before, /shop:first +INFO +off/)
  assert.doesNotMatch(before, /later:/)
  await program.ask('import')
  const after = (await box.kymo(['list', '-u', '--fields'])).stdout
  assert.match(after, /later:arrived +INFO +on \(attach\) +tracepoint\n +n +i32\n +what +str\n/)
  assert.match(after, /other:unwanted +INFO +off/)
  const result = await recorder.stop()
  assert.deepEqual(counts(result), { 'later:arrived': 5 })
  assert.equal(result.rules[0]?.matched, true)
  const { lines, stderr } = babeltrace2(recorder.output)
  assert.equal(stderr, '')
  assert.deepEqual(
    lines.map(line => line.replace(/\{ vtid = \d+ \}, /, '')),
    [1, 2, 3, 4, 5].map(n => `later:arrived: { n = ${n}, what = "parcel" }`),
  )
})

test('the 40th class of a running compact channel is decoded', async t => {
  if (!needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const program = await started(box)
  const recorder = await box.attach('-e', 'shop:*,many:*', '-t', 'none')
  await program.ask('first')
  await program.ask('classes 40')
  assert.equal(JSON.parse(channelFile(box, 'channel.json')).header, 'compact')
  assert.equal(channelFile(box, 'classes').trimEnd().split('\n').length, 41)
  await recorder.stop()
  const { lines, stderr } = babeltrace2(recorder.output)
  assert.equal(stderr, '')
  const expected = Array.from({ length: 40 }, (_, i) => `many:event_${i + 1}: { value = ${i * 1000} }`)
  assert.deepEqual(lines, ['shop:first: { n = 0 }', ...expected])
})

test('a channel that begins with more than 31 classes known has large headers', async t => {
  if (!needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const program = await started(box)
  await program.ask('classes 40')
  const recorder = await box.attach('-e', 'shop:*,many:*', '-t', 'none')
  await program.ask('first')
  await program.ask('classes 3')
  assert.equal(JSON.parse(channelFile(box, 'channel.json')).header, 'large')
  await recorder.stop()
  const { lines, stderr } = babeltrace2(recorder.output)
  assert.equal(stderr, '')
  assert.deepEqual(lines, [
    'shop:first: { n = 0 }',
    'many:event_41: { value = 0 }',
    'many:event_42: { value = 1000 }',
    'many:event_43: { value = 2000 }',
  ])
})

test('rules reach a program whose event loop is blocked, and change there', async t => {
  if (!needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const program = await started(box, 'blocked')
  const recorder = await box.attach('-e', 'loop:a')
  const has = (name: string) => (): boolean => readSoFar(recorder.output).some(line => line.includes(name))
  await until('records of loop:a', has('loop:a'))
  const path = join(box.run, 'sessions/attach/session.json')
  const session = readFileSync(path, 'utf8')
  writeFileSync(`${path}.next`, session.replace('"loop:a"', '"loop:b"'))
  renameSync(`${path}.next`, path)
  await until('records of loop:b', has('loop:b'))
  const result = await recorder.stop()
  assert.deepEqual(result.discarded, {})
  program.kill('SIGKILL')
  const events = stampedEvents(recorder.output)
  assert.equal(events.length, result.recorded)
  const turn = events.findIndex(event => event.name === 'loop:b')
  assert.ok(turn > 0)
  assert.ok(events.slice(0, turn).every(event => event.name === 'loop:a'))
  assert.ok(events.slice(turn).every(event => event.name === 'loop:b'))
})
