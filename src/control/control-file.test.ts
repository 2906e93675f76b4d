import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  BUCKETS,
  BUCKETS_CELL,
  CONTROL_BYTES,
  CONTROL_VERSION,
  COUNT_CELL,
  COUNTER_ENTRIES,
  COUNTER_NAMES_FILE,
  COUNTERS_BYTES,
  COUNTERS_FILE,
  ControlWords,
  createMappedFile,
  ENTRY_CELLS,
  entryCell,
  GENERATION_WORD,
  openControlFile,
  openMappedFile,
  RULES_GENERATION_WORD,
  readCounters,
  SUM_CELL,
} from './index.ts'

const MAGIC_WORD = 0
const VERSION_WORD = 1

function folder(t: TestContext): string {
  const path = mkdtempSync('/dev/shm/kymo-control-')
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

function controlFile(t: TestContext): { path: string; control: ControlWords } {
  const path = join(folder(t), 'control')
  const buffer = createMappedFile(path, CONTROL_BYTES, made => new ControlWords(made).format())
  return { path, control: new ControlWords(buffer) }
}

test('a control file is private and shared: what one side stores the other sees', t => {
  const { path, control } = controlFile(t)
  assert.deepEqual([statSync(path).mode & 0o777, statSync(path).size], [0o600, CONTROL_BYTES])
  assert.deepEqual(readdirSync(join(path, '..')), ['control'])
  const seen = openControlFile(path)
  control.countNoRing()
  control.countProbeError()
  control.countProbeError()
  for (let i = 0; i < 3; i++) control.countNestedProbe()
  assert.deepEqual([seen.noRing, seen.probeErrors, seen.nestedProbes], [1, 2, 3])
})

test('new rules raise both generations, a wake-up only the first', t => {
  const { path, control } = controlFile(t)
  const other = openControlFile(path)
  const generations = (): unknown => [control.words[GENERATION_WORD], control.words[RULES_GENERATION_WORD]]
  other.bump('wake')
  assert.deepEqual(generations(), [1, 0])
  other.bump('rules')
  assert.deepEqual(generations(), [2, 1])
})

test('counts are unsigned, through their wrap', () => {
  const control = new ControlWords(new SharedArrayBuffer(CONTROL_BYTES))
  control.words.fill(-1, 16)
  assert.deepEqual([control.noRing, control.probeErrors, control.nestedProbes], Array(3).fill(2 ** 32 - 1))
  control.countNoRing()
  assert.equal(control.noRing, 0)
})

test('a control file of another layout is refused with both versions', t => {
  const { path, control } = controlFile(t)
  control.words[VERSION_WORD] = CONTROL_VERSION + 1
  assert.throws(() => openControlFile(path), {
    name: 'KymoError',
    code: 'KYMO_LAYOUT',
    message: `shared layout ${CONTROL_VERSION} is needed: ${path} has ${CONTROL_VERSION + 1}`,
  })
})

test('what is no control file is refused', t => {
  const { path, control } = controlFile(t)
  control.words[MAGIC_WORD] = 7
  assert.throws(() => openControlFile(path), {
    code: 'KYMO_CONTROL',
    message: `${path} is no control file: it begins with 7`,
  })
  truncateSync(path, 100)
  assert.throws(() => openControlFile(path), {
    code: 'KYMO_CONTROL',
    message: `${path} needs 4096 bytes: it has 100`,
  })
  assert.throws(() => openMappedFile(join(path, '..'), 8), { code: 'EISDIR' })
  symlinkSync(path, `${path}.link`)
  assert.throws(() => openControlFile(`${path}.link`), { code: 'ELOOP' })
})

/** Entries with these names, whose cells `fill` writes. */
function counters(path: string, names: readonly string[], fill: (cells: Float64Array) => void): void {
  const cells = new Float64Array(COUNTERS_BYTES / 8)
  cells[0] = names.length
  fill(cells)
  writeFileSync(join(path, COUNTERS_FILE), new Uint8Array(cells.buffer))
  writeFileSync(join(path, COUNTER_NAMES_FILE), names.map(name => `${name}\n`).join(''))
}

test('the counters of all threads are added by name and kind', t => {
  //  entry    0 hits/thread 0   1 sizes/thread 0   2 hits/thread 1   3 sizes/thread 1   4 a histogram named hits
  const path = folder(t)
  const entry = (name: string, kind: string, thread: number): string => JSON.stringify({ name, kind, thread })
  const names = [
    entry('hits', 'counter', 0),
    entry('sizes', 'histogram', 0),
    entry('hits', 'counter', 1),
    entry('sizes', 'histogram', 1),
    entry('hits', 'histogram', 0),
  ]
  counters(path, names, cells => {
    for (const [e, count] of [5, 2, 7, 3, 0].entries()) cells[entryCell(e) + COUNT_CELL] = count
    for (const [e, sum] of [
      [1, 10],
      [3, 20.5],
    ] as const)
      cells[entryCell(e) + SUM_CELL] = sum
    cells[entryCell(1) + BUCKETS_CELL] = 2
    cells[entryCell(3) + BUCKETS_CELL] = 1
    cells[entryCell(3) + BUCKETS_CELL + BUCKETS - 1] = 2
  })
  const buckets = (first: number, last: number): number[] => [first, ...Array(BUCKETS - 2).fill(0), last]
  assert.deepEqual(readCounters(path), [
    { name: 'hits', kind: 'counter', count: 12, sum: 0, buckets: [] },
    { name: 'sizes', kind: 'histogram', count: 5, sum: 30.5, buckets: buckets(3, 2) },
    { name: 'hits', kind: 'histogram', count: 0, sum: 0, buckets: buckets(0, 0) },
  ])
})

test('counters without a file, or too short, or with names that make no sense, are none', t => {
  const path = folder(t)
  assert.deepEqual(readCounters(path), [])
  writeFileSync(join(path, COUNTERS_FILE), new Uint8Array(COUNTERS_BYTES - 1))
  assert.deepEqual(readCounters(path), [])
  const names = ['garbage', '{}', '{"name":7,"kind":"counter"}', '{"name":"a","kind":"gauge"}', 'null']
  counters(path, [...names, '{"name":"a","kind":"counter"}'], cells => {
    cells[entryCell(names.length) + COUNT_CELL] = 9
  })
  assert.deepEqual(readCounters(path), [{ name: 'a', kind: 'counter', count: 9, sum: 0, buckets: [] }])
})

test('names beyond the last entry count nothing, and the last entry lies within the file', t => {
  const path = folder(t)
  const names = Array.from({ length: COUNTER_ENTRIES + 5 }, (_, i) => `{"name":"c${i}","kind":"histogram"}`)
  counters(path, names, () => undefined)
  assert.equal(readCounters(path).length, COUNTER_ENTRIES)
  assert(BUCKETS_CELL + BUCKETS <= ENTRY_CELLS)
  assert(entryCell(COUNTER_ENTRIES) * 8 <= COUNTERS_BYTES)
})
