import assert from 'node:assert/strict'
import { test } from 'node:test'
import { geometryProblem, type RingGeometry, readGeometry } from './index.ts'
import {
  classCountersDouble,
  DATA_OFFSET_WORD,
  dataOffset,
  formatRing,
  LAYOUT_VERSION,
  MAGIC_WORD,
  MODE_WORD,
  placesWord,
  ringBytes,
  SPARES_WORD,
  SUB_BUFFER_BYTES_WORD,
  SUB_BUFFER_COUNT_WORD,
  VERSION_WORD,
} from './layout.ts'

const GEOMETRY: RingGeometry = {
  subBufferBytes: 8192,
  subBufferCount: 3,
  classCapacity: 100,
  mode: 'discard',
  spareCount: 0,
  reservation: 'single',
}
const OVERWRITE: RingGeometry = { ...GEOMETRY, subBufferCount: 4, mode: 'overwrite', spareCount: 2 }
const IDENTITY = { number: 9, epoch: 123n << 32n, created: 4.5 }

function formatted(): ArrayBuffer {
  const buffer = new ArrayBuffer(ringBytes(GEOMETRY))
  formatRing(buffer, GEOMETRY, IDENTITY)
  return buffer
}

test('sizes that a ring cannot have are named', () => {
  const cases: [bytes: number, count: number, problem: string | undefined][] = [
    [4096, 2, undefined],
    [4096, 256, undefined],
    [12288, 3, undefined],
    [2 ** 29, 2, undefined],
    [0, 2, 'a sub-buffer has a multiple of 4096 bytes: got 0'],
    [2048, 2, 'a sub-buffer has a multiple of 4096 bytes: got 2048'],
    [4097, 2, 'a sub-buffer has a multiple of 4096 bytes: got 4097'],
    [-4096, 2, 'a sub-buffer has a multiple of 4096 bytes: got -4096'],
    [4096.5, 2, 'a sub-buffer has a multiple of 4096 bytes: got 4096.5'],
    [Number.NaN, 2, 'a sub-buffer has a multiple of 4096 bytes: got NaN'],
    [4096, 1, 'a ring has 2 to 256 sub-buffers: got 1'],
    [4096, 257, 'a ring has 2 to 256 sub-buffers: got 257'],
    [4096, 2.5, 'a ring has 2 to 256 sub-buffers: got 2.5'],
    [2 ** 30, 2, 'a ring has at most 1073741824 bytes: got 2 sub-buffers of 1073741824'],
    [2 ** 23, 256, 'a ring has at most 1073741824 bytes: got 256 sub-buffers of 8388608'],
  ]
  for (const [subBufferBytes, subBufferCount, problem] of cases) {
    assert.equal(geometryProblem({ subBufferBytes, subBufferCount, classCapacity: 4 }), problem)
  }
  const modes: [change: Partial<RingGeometry>, problem: string | undefined][] = [
    [{}, undefined],
    [{ spareCount: 4 }, undefined],
    [{ spareCount: 0 }, undefined],
    [{ spareCount: 5 }, 'a ring of 4 sub-buffers in overwrite mode has 0 to 4 spare ones: got 5'],
    [{ spareCount: -1 }, 'a ring of 4 sub-buffers in overwrite mode has 0 to 4 spare ones: got -1'],
    [{ spareCount: 0.5 }, 'a ring of 4 sub-buffers in overwrite mode has 0 to 4 spare ones: got 0.5'],
    [{ mode: 'discard' }, 'a ring of 4 sub-buffers in discard mode has 0 to 0 spare ones: got 2'],
    [{ subBufferCount: 6 }, 'a ring that is written over has a power of two of sub-buffers: got 6'],
    [{ mode: 'circular' as 'discard' }, "a ring's mode is discard or overwrite: got circular"],
    [{ subBufferBytes: 2 ** 28 }, 'a ring has at most 1073741824 bytes: got 6 sub-buffers of 268435456'],
  ]
  for (const [change, problem] of modes) assert.equal(geometryProblem({ ...OVERWRITE, ...change }), problem)
})

test('header, class counters and sub-buffers follow each other without a gap but to the page', () => {
  //  0        1024          1024 + 64 × 3        + 8 × 100  → page   + 3 × 8192
  //  ├─ fixed ─┼─ headers ───┼─ class counters ───┼──────────┼────────┤
  assert.equal(classCountersDouble(GEOMETRY) * 8, 1024 + 64 * 3)
  assert.equal(dataOffset(GEOMETRY), 4096)
  assert.equal(ringBytes(GEOMETRY), 4096 + 3 * 8192)
  assert.equal(dataOffset({ ...GEOMETRY, classCapacity: 360 }), 4096)
  assert.equal(dataOffset({ ...GEOMETRY, classCapacity: 361 }), 8192)
  // In overwrite mode six headers, and the table of four positions in a cache line of its own.
  assert.equal(placesWord(OVERWRITE) * 4, 1024 + 64 * 6)
  assert.equal(classCountersDouble(OVERWRITE) * 8, 1024 + 64 * 7)
  assert.equal(ringBytes(OVERWRITE), 4096 + 6 * 8192)
})

test('what a ring is formatted with is read back', () => {
  for (const epoch of [0n, 1n << 32n, 123n << 32n, (1n << 62n) + (7n << 32n)]) {
    const buffer = new ArrayBuffer(ringBytes(GEOMETRY))
    formatRing(buffer, GEOMETRY, { ...IDENTITY, epoch })
    assert.deepEqual(readGeometry(buffer), { ...GEOMETRY, ...IDENTITY, epoch })
  }
  const buffer = new ArrayBuffer(ringBytes(OVERWRITE))
  formatRing(buffer, OVERWRITE, IDENTITY)
  assert.deepEqual(readGeometry(buffer), { ...OVERWRITE, ...IDENTITY })
})

test('memory that is no ring of this layout is refused with what was needed and what was there', () => {
  const withWord = (word: number, value: number): ArrayBuffer => {
    const buffer = formatted()
    new Int32Array(buffer)[word] = value
    return buffer
  }
  const needed = ringBytes(GEOMETRY)
  const cases: [ArrayBuffer, string, string][] = [
    [new ArrayBuffer(0), 'KYMO_RING', 'a ring has at least 1024 bytes: got 0'],
    [new ArrayBuffer(1023), 'KYMO_RING', 'a ring has at least 1024 bytes: got 1023'],
    [withWord(MAGIC_WORD, 0), 'KYMO_RING', 'a ring begins with 1264143698: got 0'],
    [withWord(MAGIC_WORD, -1), 'KYMO_RING', 'a ring begins with 1264143698: got 4294967295'],
    [
      withWord(VERSION_WORD, LAYOUT_VERSION + 1),
      'KYMO_LAYOUT',
      `ring layout ${LAYOUT_VERSION} is needed: the ring has ${LAYOUT_VERSION + 1}`,
    ],
    [
      withWord(SUB_BUFFER_BYTES_WORD, -4096),
      'KYMO_RING',
      'a ring has at most 1073741824 bytes: got 3 sub-buffers of 4294963200',
    ],
    [withWord(MODE_WORD, 7), 'KYMO_RING', "a ring's mode is discard or overwrite: got number 7"],
    [
      withWord(SPARES_WORD, 1),
      'KYMO_RING',
      'a ring of 3 sub-buffers in discard mode has 0 to 0 spare ones: got 1',
    ],
    [withWord(SUB_BUFFER_BYTES_WORD, 100), 'KYMO_RING', 'a sub-buffer has a multiple of 4096 bytes: got 100'],
    [
      withWord(SUB_BUFFER_COUNT_WORD, 4),
      'KYMO_RING',
      `the ring's sizes need ${needed + 8192} bytes: got ${needed}`,
    ],
    [
      formatted().slice(0, needed - 4096),
      'KYMO_RING',
      `the ring's sizes need ${needed} bytes: got ${needed - 4096}`,
    ],
    [withWord(DATA_OFFSET_WORD, 8192), 'KYMO_RING', 'the ring has its sub-buffers at 4096: it says 8192'],
  ]
  for (const [buffer, code, message] of cases) {
    assert.throws(() => readGeometry(buffer), { name: 'KymoError', code, message })
  }
})
