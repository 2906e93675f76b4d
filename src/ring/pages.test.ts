import assert from 'node:assert/strict'
import { readdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { RingReader, SingleWriter } from './index.ts'
import { PAGE_BYTES, readGeometry, ringBytes } from './layout.ts'
import { createPagedRing, openPagedRing } from './memory/pages.ts'
import { IDENTITY, temporaryFolder } from './testing/memory.contract.ts'
import { numbersIn, TestClock, wholeRecords } from './testing/whole-record.contract.ts'

const GEOMETRY = { subBufferBytes: 5 * PAGE_BYTES, subBufferCount: 3, classCapacity: 4 }

test('a ring lies in private files of a chunk each, and has its name only when it is whole', t => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'ring')
  assert.notEqual(createPagedRing(path, GEOMETRY, IDENTITY, 3 * PAGE_BYTES), undefined)
  assert.deepEqual(readdirSync(folder), ['ring'])
  const chunks = readdirSync(path).map(name => statSync(join(path, name)))
  const sizes = chunks.map(({ size }) => size / PAGE_BYTES)
  assert.deepEqual(sizes, [3, 3, 3, 3, 3, 1])
  assert.equal(
    chunks.every(({ mode, blocks, size }) => (mode & 0o777) === 0o600 && blocks * 512 === size),
    true,
  )
  assert.equal(openPagedRing(path).byteLength, ringBytes(GEOMETRY))
})

test('a record that is larger than a chunk is read back whole', t => {
  const path = join(temporaryFolder(t), 'ring')
  const written = createPagedRing(path, GEOMETRY, IDENTITY, PAGE_BYTES)
  assert.ok(written !== undefined)
  const writer = new SingleWriter(written, 1, 'plain', () => undefined)
  const size = 4 * PAGE_BYTES + 123
  const write = wholeRecords(writer, new TestClock(), {
    inside: () => {
      const start = (writer.own[0] as number) + 8
      for (let i = start; i < start + size - 8; i++) writer.bytes[i] = i * 31
    },
  })
  assert.equal(write(1, size), true)
  const reader = new RingReader(openPagedRing(path))
  const piece = reader.next('partial')
  assert.ok(piece !== undefined)
  assert.deepEqual(numbersIn(piece.bytes), [1])
  for (let i = 8; i < size; i++) assert.equal(piece.bytes[i], (i * 31) & 255)
})

test('a folder that is no ring is refused', t => {
  const path = join(temporaryFolder(t), 'ring')
  createPagedRing(path, GEOMETRY, IDENTITY, 3 * PAGE_BYTES)
  const refused = (): void => assert.throws(() => openPagedRing(path), { code: 'KYMO_RING' })
  writeFileSync(join(path, 'x'), '')
  refused()
  rmSync(join(path, 'x'))
  rmSync(join(path, '2'))
  refused()
  symlinkSync('1', join(path, '2'))
  assert.throws(() => openPagedRing(path), { code: 'ELOOP' })
  rmSync(join(path, '2'))
  for (const name of ['3', '4', '5']) rmSync(join(path, name))
  assert.throws(() => readGeometry(openPagedRing(path)), { code: 'KYMO_RING' })
  truncateSync(join(path, '1'), 100)
  refused()
})

test('chunks of a size that cannot be are refused', t => {
  const path = join(temporaryFolder(t), 'ring')
  for (const chunkBytes of [0, 100, PAGE_BYTES + 1, -PAGE_BYTES, Number.NaN]) {
    assert.throws(() => createPagedRing(path, GEOMETRY, IDENTITY, chunkBytes), { code: 'KYMO_RING' })
  }
})
