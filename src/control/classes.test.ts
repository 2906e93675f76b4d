import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { type ChannelForm, classId, readChannelForm, readClasses, settleChannelForm } from './index.ts'

const MODULE = new URL('./index.js', import.meta.url).href
const PROCESSES = 4
const CLASSES = 60
const THREADS = 4
const SETTLINGS = 25
const FORM: ChannelForm = { header: 'compact', contexts: ['vpid', 'vtid'], clock: 'monotonic' }

function folder(t: TestContext): string {
  const path = mkdtempSync('/dev/shm/kymo-control-')
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

function definition(
  i: number,
  payload: unknown = null,
): { name: string; logLevel: string; payload: unknown } {
  return { name: `shop:event_${i}`, logLevel: 'INFO', payload }
}

test('a class has the number of its first equal line', t => {
  const path = folder(t)
  assert.deepEqual(readClasses(path), [])
  const ids = [0, 1, 0, 2, 1, 0].map(i => classId(path, definition(i)))
  assert.deepEqual(ids, [0, 1, 0, 2, 1, 0])
  assert.equal(classId(path, definition(0, { type: 'structure' })), 3, 'other fields, another class')
  assert.equal(classId(path, { ...definition(0), logLevel: 'ERR' }), 4)
  assert.deepEqual(
    readClasses(path).map(({ id, name, logLevel, payload }) => [id, name, logLevel, payload]),
    [
      [0, 'shop:event_0', 'INFO', null],
      [1, 'shop:event_1', 'INFO', null],
      [2, 'shop:event_2', 'INFO', null],
      [3, 'shop:event_0', 'INFO', { type: 'structure' }],
      [4, 'shop:event_0', 'ERR', null],
    ],
  )
})

test('a line that was appended twice leaves its second number unused', t => {
  const path = folder(t)
  const line = (i: number): string => `${JSON.stringify(definition(i))}\n`
  writeFileSync(join(path, 'classes'), line(0) + line(1) + line(0) + line(2))
  assert.deepEqual(
    readClasses(path).map(({ id, name }) => [id, name]),
    [
      [0, 'shop:event_0'],
      [1, 'shop:event_1'],
      [3, 'shop:event_2'],
    ],
  )
  assert.deepEqual(
    [0, 1, 2].map(i => classId(path, definition(i))),
    [0, 1, 3],
  )
})

test('a line that is not finished is not there yet', t => {
  const path = folder(t)
  writeFileSync(join(path, 'classes'), `${JSON.stringify(definition(0))}\n{"name":"shop:ev`)
  assert.equal(readClasses(path).length, 1)
})

test('a line that is no event class is named with its number', t => {
  const path = folder(t)
  for (const bad of ['', 'x', '7', 'null', '[]', '{}', '{"name":1,"logLevel":"INFO"}', '{"name":"a"}']) {
    writeFileSync(join(path, 'classes'), `${JSON.stringify(definition(0))}\n${bad}\n`)
    assert.throws(() => readClasses(path), {
      name: 'KymoError',
      code: 'KYMO_CONTROL',
      message: `${join(path, 'classes')}:2 is no event class`,
    })
  }
})

test(`${PROCESSES} processes that append at once agree on every id`, async t => {
  //  process 1: 0 1 2 …   process 2: 15 16 …   process 3: 30 …     outcomes: any order of the lines, a line even
  //                                                                twice, but one id for each class everywhere
  const path = folder(t)
  const code = (first: number): string => `import { classId } from ${JSON.stringify(MODULE)}
    import { existsSync, writeFileSync } from 'node:fs'
    writeFileSync(${JSON.stringify(path)} + '/ready-${first}', '')
    while (!existsSync(${JSON.stringify(path)} + '/go'));
    const ids = {}
    for (let k = 0; k < ${CLASSES}; k++) {
      const i = (k + ${first}) % ${CLASSES}
      ids[i] = classId(${JSON.stringify(path)}, { name: 'shop:event_' + i, logLevel: 'INFO', payload: null })
    }
    process.stdout.write(JSON.stringify(ids))`
  const said = Array.from({ length: PROCESSES }, (_, p) => {
    const args = ['--input-type=module', '-e', code(Math.floor((p * CLASSES) / PROCESSES))]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => child.kill('SIGKILL'))
    let text = ''
    child.stdout.on('data', chunk => {
      text += chunk
    })
    return new Promise<Record<string, number>>(resolve =>
      child.once('close', () => resolve(JSON.parse(text))),
    )
  })
  while (readdirSync(path).filter(name => name.startsWith('ready-')).length < PROCESSES) {
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  writeFileSync(join(path, 'go'), '')
  const all = await Promise.all(said)
  const wanted = Object.fromEntries(
    readClasses(path).map(({ id, name }) => [name.slice('shop:event_'.length), id]),
  )
  assert.equal(Object.keys(wanted).length, CLASSES)
  for (const ids of all) assert.deepEqual(ids, wanted)
})

test('the first form settled is the form, whatever others wish', t => {
  const path = folder(t)
  assert.equal(readChannelForm(path), undefined)
  assert.deepEqual(settleChannelForm(path, FORM, 0), FORM)
  assert.deepEqual(settleChannelForm(path, { ...FORM, header: 'large', clock: 'coarse' }, 1), FORM)
  assert.deepEqual(readChannelForm(path), FORM)
  assert.deepEqual(readdirSync(path), ['channel.json'])
})

test('a form that makes no sense is none', t => {
  const path = folder(t)
  const cases = [
    '',
    'null',
    '[]',
    '{',
    JSON.stringify({ ...FORM, header: 'auto' }),
    JSON.stringify({ ...FORM, contexts: 'vpid' }),
    JSON.stringify({ ...FORM, contexts: [7] }),
    JSON.stringify({ ...FORM, clock: 'cpu' }),
  ]
  for (const text of cases) {
    writeFileSync(join(path, 'channel.json'), text)
    assert.equal(readChannelForm(path), undefined, text)
  }
})

test(`${THREADS} threads that settle a form at once get the same one`, async t => {
  //  each thread wishes a form of its own; outcomes: one of them, for all
  const path = folder(t)
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const code = `const { parentPort, threadId, workerData } = require('node:worker_threads')
    const { mkdirSync } = require('node:fs')
    import(workerData.module).then(({ settleChannelForm }) => {
      const forms = []
      for (let round = 0; round < ${SETTLINGS}; round++) {
        const directory = workerData.path + '/' + round
        mkdirSync(directory, { recursive: true })
        Atomics.add(workerData.gate, 0, 1)
        while (Atomics.load(workerData.gate, 0) < (round + 1) * ${THREADS});
        const wish = { ...${JSON.stringify(FORM)}, contexts: ['thread' + threadId] }
        forms.push(settleChannelForm(directory, wish, threadId))
      }
      parentPort.postMessage(forms)
    })`
  const settled = await Promise.all(
    Array.from({ length: THREADS }, () => {
      const worker = new Worker(code, { eval: true, workerData: { path, module: MODULE, gate } })
      return new Promise<ChannelForm[]>((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
      })
    }),
  )
  for (let round = 0; round < SETTLINGS; round++) {
    const directory = join(path, String(round))
    const form = readChannelForm(directory)
    assert.match(form?.contexts[0] ?? '', /^thread\d+$/)
    for (const forms of settled) assert.deepEqual(forms[round], form)
    assert.deepEqual(readdirSync(directory), ['channel.json'])
    assert.equal(readFileSync(join(directory, 'channel.json'), 'utf8'), JSON.stringify(form))
  }
})
