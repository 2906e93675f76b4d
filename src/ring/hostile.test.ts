/**
 * A ring is memory that another process writes into: whatever stands there, a reader gives pieces that lie in
 * one sub-buffer, with a time and a loss count that fit a packet, or one typed error. Each picture of damage is a
 * single word or double of the header set to an extreme, in rings at different points of their life.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { errorCode } from '../base/index.ts'
import { createThreadsRing, RingReader, SingleWriter } from './index.ts'
import {
  dataOffset,
  HEADERS_WORD,
  POSITION_BASE_WORD,
  POSITION_OFFSET,
  POSITION_SEQUENCE,
  RING_NUMBER_WORD,
  ringBytes,
  SLOT_BASE_WORD,
  SLOT_END,
} from './layout.ts'
import { IDENTITY } from './testing/memory.contract.ts'
import { makeProbe } from './testing/record.contract.ts'

const GEOMETRY = { subBufferBytes: 4096, subBufferCount: 2, classCapacity: 4 }
const HEADER_BYTES = dataOffset(GEOMETRY)
const WORD_EXTREMES = [0, 1, -1, 15, 2 ** 31 - 1, -(2 ** 31), 4097, -4096]
const DOUBLE_EXTREMES = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -1,
  0.5,
  1e308,
  2 ** 53,
]
const ROUNDS_OF_RANDOM_DAMAGE = 3000
/** Reading a sound ring of two sub-buffers takes three pieces; a hostile one may not make it much longer. */
const MOST_PIECES = 64

//              fresh          in the middle     partly read         full
//           ┌────┬────┐       ┌────┬────┐       ┌────┬────┐       ┌────┬────┐
//           │w   │    │       │▓▓▓▓│▓w  │       │▓r▓▓│▓w  │       │▓▓▓▓│▓▓▓w│
//           └────┴────┘       └────┴────┘       └────┴────┘       └────┴────┘
const LIVES: Record<string, () => SharedArrayBuffer> = {
  fresh: () => ringWith(0, 0),
  'in the middle': () => ringWith(5, 0),
  'partly read': () => ringWith(5, 1),
  full: () => ringWith(9, 0),
}

function ringWith(records: number, readAfter: number): SharedArrayBuffer {
  const buffer = createThreadsRing(GEOMETRY, IDENTITY)
  const write = makeProbe(new SingleWriter(buffer, 1, 'plain', () => undefined), 'methods')
  const reader = new RingReader(buffer)
  for (let attempt = 1; attempt <= records; attempt++) {
    write(attempt, 1000)
    if (attempt === readAfter) reader.release(reader.next('partial'), 1, 0)
  }
  return buffer
}

function copyOf(buffer: SharedArrayBuffer): SharedArrayBuffer {
  const copy = new SharedArrayBuffer(buffer.byteLength)
  new Uint8Array(copy).set(new Uint8Array(buffer))
  return copy
}

/** Reads as a consumer does, and fails unless what comes is in bounds or a typed error; says which. */
function assertHarmless(buffer: SharedArrayBuffer, what: () => string): string {
  try {
    const reader = new RingReader(buffer)
    for (let i = 0; i < MOST_PIECES; i++) {
      assertCounts(reader, what)
      const piece = reader.next(i % 3 === 0 ? 'complete' : 'partial')
      if (piece === undefined && i % 3 !== 0) return 'read'
      if (piece === undefined) continue
      const { byteOffset: start, byteLength: length } = piece.bytes
      const first = Math.floor((start - HEADER_BYTES) / GEOMETRY.subBufferBytes)
      const last = Math.floor((start - HEADER_BYTES + length - 1) / GEOMETRY.subBufferBytes)
      const fits = start >= HEADER_BYTES && first === last && length > 0 && Number.isFinite(piece.time)
      if (!fits || !Number.isSafeInteger(piece.lost) || piece.lost < 0) {
        assert.fail(`${what()}: bytes ${start} + ${length}, time ${piece.time}, lost ${piece.lost}`)
      }
      reader.release(piece, reader.position.packets + 1, piece.lost)
    }
    return assert.fail(`${what()}: more than ${MOST_PIECES} pieces`)
  } catch (error) {
    const code = errorCode(error)
    if (code !== 'KYMO_RING' && code !== 'KYMO_LAYOUT') throw new Error(what(), { cause: error })
    return code
  }
}

function assertCounts(reader: RingReader, what: () => string): void {
  const counts = [...Object.values(reader.losses()), ...reader.classCounts(), reader.position.packets]
  if (!counts.every(count => Number.isSafeInteger(count) && count >= 0))
    assert.fail(`${what()}: counts ${counts}`)
}

for (const [life, make] of Object.entries(LIVES)) {
  test(`each header word at its extremes, in a ring that is ${life}`, () => {
    const ring = make()
    const outcomes = new Set<string>()
    for (let word = 0; word < HEADER_BYTES / 4; word++) {
      for (const value of [...WORD_EXTREMES, (word * 2654435761) | 0]) {
        const damaged = copyOf(ring)
        new Int32Array(damaged)[word] = value
        outcomes.add(assertHarmless(damaged, () => `word ${word} = ${value}`))
      }
    }
    assert.deepEqual([...outcomes].sort(), ['KYMO_LAYOUT', 'KYMO_RING', 'read'])
  })

  test(`each header double at its extremes, in a ring that is ${life}`, () => {
    const ring = make()
    const outcomes = new Set<string>()
    for (let double = 0; double < HEADER_BYTES / 8; double++) {
      for (const value of DOUBLE_EXTREMES) {
        const damaged = copyOf(ring)
        new Float64Array(damaged)[double] = value
        outcomes.add(assertHarmless(damaged, () => `double ${double} = ${value}`))
      }
    }
    assert(outcomes.has('KYMO_RING') && outcomes.has('read'), `${[...outcomes]}`)
  })
}

test('several words damaged at once', () => {
  const lives = Object.values(LIVES).map(make => make())
  const random = randomWords(1)
  for (let round = 0; round < ROUNDS_OF_RANDOM_DAMAGE; round++) {
    const damaged = copyOf(lives[round % lives.length] as SharedArrayBuffer)
    const words = new Int32Array(damaged)
    const damage: string[] = []
    for (let i = 0; i < 2 + (round % 6); i++) {
      const word = RING_NUMBER_WORD + ((random() >>> 0) % (HEADERS_WORD + 32 - RING_NUMBER_WORD))
      words[word] = round % 2 === 0 ? random() : random() & 0x1fff
      damage.push(`word ${word} = ${words[word]}`)
    }
    assertHarmless(damaged, () => damage.join(', '))
  }
})

test('words that change while they are read', async () => {
  // Another thread scribbles over writer, slots, reader, position and sub-buffer headers, all the time.
  const scribbler = `
    const { workerData: { buffer, stop, first, last } } = require('node:worker_threads')
    const words = new Int32Array(buffer)
    for (let i = 1; Atomics.load(stop, 0) === 0; i = (i * 1664525 + 1013904223) | 0) {
      words[first + (i >>> 8) % (last - first)] = i & 64 ? i >> 20 : i & 4095
    }`
  const buffer = copyOf(ringWith(5, 1))
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const workerData = { buffer, stop, first: RING_NUMBER_WORD + 1, last: HEADERS_WORD + 32 }
  const worker = new Worker(scribbler, { eval: true, workerData })
  await new Promise(resolve => worker.once('online', resolve))
  const outcomes = new Set<string>()
  for (let i = 0; i < ROUNDS_OF_RANDOM_DAMAGE; i++) {
    try {
      outcomes.add(assertHarmless(buffer, () => 'scribbled over'))
    } catch (error) {
      // Pieces may go on as long as somebody makes new ones; each of them was in bounds.
      if (!/more than \d+ pieces/.test(String((error as Error).message))) throw error
    }
  }
  Atomics.store(stop, 0, 1)
  await new Promise(resolve => worker.once('exit', resolve))
  assert(outcomes.has('KYMO_RING'), `${[...outcomes]}`)
})

test('damage is named with its numbers', () => {
  const damaged = (word: number, value: number): SharedArrayBuffer => {
    const buffer = ringWith(5, 0)
    new Int32Array(buffer)[word] = value
    return buffer
  }
  const slot = SLOT_BASE_WORD + 5 * 8
  const cases: [SharedArrayBuffer, string][] = [
    [damaged(slot + SLOT_END, 4097), 'ring 3 is damaged: physical sub-buffer 1, end 4097, time 1015, lost 0'],
    [
      damaged(POSITION_BASE_WORD + POSITION_OFFSET, -4),
      'ring 3 is damaged: read to -4, packet 0, time 1000, lost 0',
    ],
    [
      damaged(POSITION_BASE_WORD + POSITION_SEQUENCE, -1),
      'ring 3 is damaged: the reader is 2 sub-buffers behind, of 2',
    ],
    [
      damaged(POSITION_BASE_WORD + POSITION_SEQUENCE, 2),
      'ring 3 is damaged: the reader is -1 sub-buffers behind, of 2',
    ],
    [damaged(HEADERS_WORD + 1, 5000), 'ring 3 is damaged: a sub-buffer ends at 5000 after 0 of 4096 bytes'],
  ]
  for (const [buffer, message] of cases) {
    assert.throws(() => new RingReader(buffer).next('partial'), {
      name: 'KymoError',
      code: 'KYMO_RING',
      message,
    })
  }
})

test('a ring in another size of memory is refused', () => {
  const sound = ringWith(5, 0)
  for (const bytes of [
    0,
    4,
    HEADERS_WORD * 4 - 1,
    HEADERS_WORD * 4,
    ringBytes(GEOMETRY) - 1,
    ringBytes(GEOMETRY) + 1,
  ]) {
    const cut = new SharedArrayBuffer(bytes)
    new Uint8Array(cut).set(new Uint8Array(sound).subarray(0, bytes))
    assert.throws(() => new RingReader(cut), { code: 'KYMO_RING' })
  }
})

function randomWords(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state ^ (state >>> 13)
  }
}
