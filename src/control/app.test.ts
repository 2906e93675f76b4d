import assert from 'node:assert/strict'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { requireLibc } from '../native/index.ts'
import {
  appendLines,
  isLocked,
  listApps,
  openRunDirectory,
  readAbout,
  readEvents,
  readLines,
} from './index.ts'

const ABOUT = {
  version: 1,
  pid: 4711,
  procname: 'node',
  argv: ['node', 'server.js'],
  started: '2026-01-02T03:04:05.000Z',
  node: 'v20.20.2',
  kymograph: '0.1.0',
  identity: '4026531836-12345',
}

function folder(t: TestContext): string {
  const path = mkdtempSync('/dev/shm/kymo-control-')
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

test('about a program: what it wrote, and nothing else', t => {
  const path = folder(t)
  const write = (value: object): void => writeFileSync(join(path, 'about.json'), JSON.stringify(value))
  assert.equal(readAbout(path), undefined)
  write({ ...ABOUT, more: {} })
  assert.deepEqual(readAbout(path), ABOUT)
  write({ ...ABOUT, fallback: 'no koffi', argv: ['node', 7, null] })
  assert.deepEqual(readAbout(path), { ...ABOUT, fallback: 'no koffi', argv: ['node', '7', 'null'] })
  write({ ...ABOUT, fallback: 7 })
  assert.deepEqual(readAbout(path), ABOUT)
})

test('garbage about a program is no program', t => {
  const path = folder(t)
  const texts = ['', '{', 'null', '7', '"x"', '[]', '{}', '\u0000\uffff', JSON.stringify([ABOUT])]
  const odd = [
    { pid: '4711' },
    { pid: 1.5 },
    { pid: null },
    { procname: 7 },
    { argv: 'node' },
    { argv: {} },
    { started: null },
    { node: 20 },
    { kymograph: undefined },
    { identity: undefined },
  ]
  for (const text of [...texts, ...odd.map(change => JSON.stringify({ ...ABOUT, ...change }))]) {
    writeFileSync(join(path, 'about.json'), text)
    assert.equal(readAbout(path), undefined, text)
  }
})

test('the events of a program: each once, and garbage left out', t => {
  const path = folder(t)
  assert.deepEqual(readEvents(path), [])
  const order = {
    name: 'shop:order',
    kind: 'tracepoint',
    logLevel: 'INFO',
    fields: [{ name: 'id', type: 'u64' }],
  }
  const lines = [
    JSON.stringify(order),
    'garbage',
    '',
    'null',
    '[1]',
    '{"name":7,"fields":[]}',
    '{"name":"no:fields"}',
    '{"name":"bad:fields","fields":{}}',
    JSON.stringify(order),
    JSON.stringify({ ...order, fields: [] }),
    JSON.stringify({
      name: 'a:b',
      kind: 'marker',
      format: 'n %d',
      logLevel: 'DEBUG',
      optIn: true,
      fields: [{ name: 'n', type: 'i32' }],
    }),
    '{"name":"odd:one","kind":"other","format":7,"optIn":"yes","fields":[null,7,{"name":1}]}',
  ]
  writeFileSync(join(path, 'events'), `${lines.join('\n')}\n{"name":"half`)
  assert.deepEqual(readEvents(path), [
    order,
    { ...order, fields: [] },
    {
      name: 'a:b',
      kind: 'marker',
      format: 'n %d',
      logLevel: 'DEBUG',
      optIn: true,
      fields: [{ name: 'n', type: 'i32' }],
    },
    {
      name: 'odd:one',
      kind: 'tracepoint',
      logLevel: 'undefined',
      fields: [
        { name: 'undefined', type: 'undefined' },
        { name: 'undefined', type: 'undefined' },
        { name: '1', type: 'undefined' },
      ],
    },
  ])
})

test('a lock says who is alive', t => {
  const path = join(folder(t), 'alive')
  assert.equal(isLocked(path), false, 'no such file')
  writeFileSync(path, '')
  assert.equal(isLocked(path), false)
  const fd = openSync(path, 'r')
  assert.equal(requireLibc().tryLock(fd), true)
  assert.deepEqual([isLocked(path), isLocked(path)], [true, true])
  closeSync(fd)
  assert.deepEqual([isLocked(path), isLocked(path)], [false, false], 'a look takes no lock')
})

test('all programs of a run directory, alive and dead; what makes no sense is left out', t => {
  const run = openRunDirectory(join(folder(t), 'run'))
  const add = (id: string, about: string): string => {
    mkdirSync(join(run.appsPath, id))
    writeFileSync(join(run.appsPath, id, 'about.json'), about)
    writeFileSync(join(run.appsPath, id, 'alive'), '')
    return join(run.appsPath, id)
  }
  const alive = add('1-a', JSON.stringify(ABOUT))
  const dead = add('2-b', JSON.stringify({ ...ABOUT, pid: 2 }))
  add('.3-c', JSON.stringify(ABOUT))
  add('4-d', 'garbage')
  mkdirSync(join(run.appsPath, '5-e'))
  writeFileSync(join(run.appsPath, 'file'), '')
  symlinkSync('/nowhere', join(run.appsPath, 'link'))
  const fd = openSync(join(alive, 'alive'), 'r')
  requireLibc().tryLock(fd)
  t.after(() => closeSync(fd))
  assert.deepEqual(
    listApps(run).sort((a, b) => (a.id < b.id ? -1 : 1)),
    [
      { id: '1-a', directory: alive, about: ABOUT, alive: true },
      { id: '2-b', directory: dead, about: { ...ABOUT, pid: 2 }, alive: false },
    ],
  )
})

test('lines are whole, and a file that is no list of lines is refused', t => {
  const path = join(folder(t), 'lines')
  assert.deepEqual(readLines(path), [])
  appendLines(path, [JSON.stringify({ a: 1 })])
  appendLines(path, [JSON.stringify({ b: 'x\ny' })])
  assert.deepEqual(readLines(path), ['{"a":1}', '{"b":"x\\ny"}'])
  writeFileSync(path, 'x'.repeat((16 << 20) + 1))
  assert.throws(() => readLines(path), {
    code: 'KYMO_CONTROL',
    message: `${path} has at most 16777216 bytes: got 16777217`,
  })
  rmSync(path)
  symlinkSync('/dev/null', path)
  assert.throws(() => appendLines(path, ['{}']), { code: 'ELOOP' })
})
