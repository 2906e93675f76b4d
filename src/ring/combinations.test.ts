/**
 * Every combination of mode, reservation and memory: what all of them promise, or why there is none. The table below is
 * what the ring offers.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  geometryProblem,
  LockedWriter,
  LocklessReader,
  LocklessWriter,
  type RingGeometry,
  type RingMode,
  RingReader,
  type RingWriter,
  SingleWriter,
  SnapshotReader,
} from './index.ts'
import { RESERVATIONS, type Reservation, RING_MODES } from './layout.ts'
import { MEMORIES, type Memory, makeRing } from './testing/memory.contract.ts'
import { OWNER } from './testing/record.contract.ts'
import { numbersIn, TestClock, wholeRecords } from './testing/whole-record.contract.ts'

/** By mode and reservation; no memory is refused to any of them. */
const REFUSED: Readonly<Record<RingMode, Partial<Record<Reservation, RegExp>>>> = {
  discard: {},
  overwrite: { lockless: /^a lockless ring is not written over: nobody could say who leaves a sub-buffer$/ },
}

const SUB_BUFFER_BYTES = 4096
const SUB_BUFFERS = 4
const RECORDS = 3000
/** The same in every run: sizes from 8 to 807, and now and then one that fits nowhere. */
const sizeOf = (n: number): number => (n % 97 === 0 ? SUB_BUFFER_BYTES + 1 : 8 + ((n * 7919) % 800))

interface Combination {
  readonly mode: RingMode
  readonly reservation: Reservation
  readonly memory: Memory
}

const COMBINATIONS: readonly Combination[] = RING_MODES.flatMap(mode =>
  RESERVATIONS.flatMap(reservation => MEMORIES.map(memory => ({ mode, reservation, memory }))),
)

function geometryOf({ mode, reservation }: Combination): RingGeometry {
  const sizes = { subBufferBytes: SUB_BUFFER_BYTES, subBufferCount: SUB_BUFFERS, classCapacity: 4 }
  return { ...sizes, mode, reservation, spareCount: mode === 'overwrite' ? SUB_BUFFERS : 0 }
}

class Combined {
  readonly clock = new TestClock()
  readonly #written: ArrayBufferLike
  readonly #read: ArrayBufferLike
  readonly #combination: Combination
  #owners = OWNER

  constructor(t: TestContext, combination: Combination) {
    const { written, read } = makeRing(t, combination.memory, geometryOf(combination))
    this.#written = written
    this.#read = read
    this.#combination = combination
  }

  writer(): RingWriter {
    const owner = this.#owners++
    const wake = (): void => undefined
    switch (this.#combination.reservation) {
      case 'single':
        return new SingleWriter(this.#written, owner, 'plain', wake)
      case 'lockless':
        return new LocklessWriter(this.#written, owner, wake)
      case 'locked':
        return new LockedWriter(this.#written, owner, 'plain', wake)
    }
  }

  reader(): RingReader {
    return this.#combination.reservation === 'lockless'
      ? new LocklessReader(this.#read)
      : new RingReader(this.#read)
  }

  /** Takes what is there. In overwrite mode it stays there. */
  take(): number[] {
    if (this.#combination.mode === 'overwrite') {
      const snapshot = new SnapshotReader(this.#read).take()
      const numbers = snapshot.pieces.flatMap(({ bytes }) => numbersIn(bytes))
      snapshot.release()
      return numbers
    }
    const reader = this.reader()
    if (reader instanceof LocklessReader)
      reader.flush(() => reader.geometry.epoch + BigInt(++this.clock.time))
    const numbers: number[] = []
    for (let piece = reader.next('partial'); piece !== undefined; piece = reader.next('partial')) {
      numbers.push(...numbersIn(piece.bytes))
      reader.release(piece, reader.position.packets + 1, piece.lost)
    }
    return numbers
  }
}

for (const combination of COMBINATIONS) {
  const { mode, reservation, memory } = combination
  const refusal = REFUSED[mode][reservation]
  const name = `${mode}, ${reservation}, ${memory}`

  if (refusal !== undefined) {
    test(`${name}: refused`, t => {
      assert.match(geometryProblem(geometryOf(combination)) ?? '', refusal)
      assert.throws(() => new Combined(t, combination).writer(), { code: 'KYMO_RING' })
    })
    continue
  }

  test(`${name}: what was written is read, once and in order, and what was not is counted`, t => {
    const ring = new Combined(t, combination)
    const writers = reservation === 'single' ? [ring.writer()] : [ring.writer(), ring.writer(), ring.writer()]
    const writes = writers.map(writer => wholeRecords(writer, ring.clock))
    const written: number[] = []
    const read: number[] = []
    for (let n = 1; n <= RECORDS; n++) {
      if (writes[n % writes.length]?.(n, sizeOf(n)) === true) written.push(n)
      // Sometimes the reader is slow, so that a ring in discard mode is full.
      if (mode === 'discard' && n % 5 === 0 && n % 100 < 60) read.push(...ring.take())
    }
    read.push(...ring.take())
    const losses = ring.reader().losses()
    const tooBig = Math.floor(RECORDS / 97)
    assert.equal(losses['too big'], tooBig)
    assert.equal(losses.full, RECORDS - written.length - tooBig)
    assert.equal(losses.full > 0, mode === 'discard')
    if (mode === 'discard') assert.deepEqual(read, written)
    else {
      assert.ok(read.length > 0)
      assert.deepEqual(read, written.slice(-read.length))
    }
  })

  test(`${name}: goes on with another writer and another reader`, t => {
    const ring = new Combined(t, combination)
    const all: number[] = []
    for (let n = 1; n <= 60; n++) {
      const writer = ring.writer()
      assert.equal(wholeRecords(writer, ring.clock)(n, 700), true)
      if (writer instanceof LocklessWriter) writer.leave()
      const numbers = ring.take()
      assert.equal(numbers.at(-1), n)
      all.push(...numbers)
    }
    if (mode === 'discard')
      assert.deepEqual(
        all,
        Array.from({ length: 60 }, (_, i) => i + 1),
      )
  })
}
