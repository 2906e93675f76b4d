import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { needsKernel } from '../testing/index.ts'
import { RingReader, readGeometry, SingleWriter } from './index.ts'
import { dataOffset, ringBytes } from './layout.ts'
import { createMappedRing, openMappedRing, punchMappedRing, refillMappedRing } from './memory/mapped.ts'
import { CheckedDrain } from './testing/drain.contract.ts'
import { IDENTITY, temporaryFolder } from './testing/memory.contract.ts'
import { COMMITTED, makeProbe } from './testing/record.contract.ts'

const GEOMETRY = {
  subBufferBytes: 65536,
  subBufferCount: 4,
  classCapacity: 4,
  mode: 'discard',
  spareCount: 0,
  reservation: 'single',
} as const

test('a ring file is private, has all its storage, and its name only when it is whole', t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'ring-0.new'), 'left by one who was killed')
  assert(createMappedRing(join(folder, 'ring-0'), GEOMETRY, IDENTITY) !== undefined)
  const stat = statSync(join(folder, 'ring-0'))
  assert.deepEqual([stat.mode & 0o777, stat.size], [0o600, ringBytes(GEOMETRY)])
  assert(stat.blocks * 512 >= ringBytes(GEOMETRY))
  assert.deepEqual(readdirSync(folder), ['ring-0'])
  assert.deepEqual(readGeometry(openMappedRing(join(folder, 'ring-0'))), { ...GEOMETRY, ...IDENTITY })
})

test('a full file system gives no ring and keeps nothing', t => {
  const folder = join(temporaryFolder(t), 'small')
  mkdirSync(folder)
  if (!needsKernel(t, 'a tmpfs of its own (root)', isMounted(folder))) return
  try {
    assert.equal(createMappedRing(join(folder, 'ring-0'), GEOMETRY, IDENTITY), undefined)
    assert.deepEqual(readdirSync(folder), [])
  } finally {
    execFileSync('umount', [folder])
  }
})

function isMounted(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false // not root, or in a container that may not mount
  }
}

test('what is no ring file is refused before it is mapped', t => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'ring')
  writeFileSync(path, '')
  assert.throws(() => openMappedRing(path), {
    code: 'KYMO_RING',
    message: `${path} is no ring: a file of 0 bytes`,
  })
  execFileSync('truncate', ['-s', '3G', path])
  assert.throws(() => openMappedRing(path), {
    code: 'KYMO_RING',
    message: `${path} is no ring: a file of 3221225472 bytes`,
  })
  symlinkSync(path, `${path}.link`)
  assert.throws(() => openMappedRing(`${path}.link`), { code: 'ELOOP' })
  assert.throws(() => openMappedRing(`${path}.none`), { code: 'ENOENT' })
})

test('a drained ring gives its pages back and is filled again for the next thread', t => {
  //      header      sub-buffers                      header      sub-buffers
  //  ┌──────────┬──────────────────┐   punch      ┌──────────┬──────────────────┐   refill
  //  │ position │▓▓▓▓▓▓▓▓r         │  ────────▶   │ position │ (no pages)       │  ────────▶  as new, goes on at r
  //  └──────────┴──────────────────┘              └──────────┴──────────────────┘
  const path = join(temporaryFolder(t), 'ring')
  const buffer = createMappedRing(path, GEOMETRY, IDENTITY)
  assert(buffer !== undefined)
  const write = makeProbe(new SingleWriter(buffer, 1, 'plain', () => undefined), 'text')
  const drain = new CheckedDrain(new RingReader(openMappedRing(path)))
  for (let attempt = 1; attempt <= 500; attempt++) assert.equal(write(attempt, 300), COMMITTED)
  drain.assertAll('partial')
  punchMappedRing(path, GEOMETRY)
  assert.equal(statSync(path).blocks * 512, dataOffset(GEOMETRY))
  assert.equal(statSync(path).size, ringBytes(GEOMETRY))
  assert(
    readFileSync(path)
      .subarray(dataOffset(GEOMETRY))
      .every(byte => byte === 0),
  )
  assert.equal(refillMappedRing(path, GEOMETRY), true)
  assert(statSync(path).blocks * 512 >= ringBytes(GEOMETRY))
  const next = makeProbe(new SingleWriter(buffer, 2, 'plain', () => undefined), 'text')
  for (let attempt = 501; attempt <= 1000; attempt++) assert.equal(next(attempt, 300), COMMITTED)
  drain.assertAll('partial')
  assert.deepEqual([drain.last, drain.lastAttempt, drain.reader.owner], [1000, 1000, 2])
})
