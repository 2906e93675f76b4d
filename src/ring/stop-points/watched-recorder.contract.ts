/** A ring in overwrite mode that is looked at behind every store of its writer and of a reader that takes snapshots. */
import assert from 'node:assert/strict'
import { createThreadsRing, SingleWriter, type Snapshot, SnapshotReader } from '../index.ts'
import { PLACE_FREE, placesWord } from '../layout.ts'
import { IDENTITY } from '../testing/memory.contract.ts'
import { assertRecords, COMMITTED, makeProbe, OWNER, timeOf } from '../testing/record.contract.ts'
import { SteppedSnapshotReader, SteppedWriter, stepping } from './stepping.contract.ts'
import type { StepVariant } from './watched-ring.contract.ts'

const SUB_BUFFER_BYTES = 4096
const COUNT = 4
const IN_SUB_BUFFER = 3
/** A sub-buffer that has no room for another one has it for a small one. */
const RECORD_BYTES = 1200
const SMALL_BYTES = 100

export class WatchedRecorder {
  readonly buffer: SharedArrayBuffer
  readonly writer: SingleWriter
  steps = 0
  /** Records that were written. */
  records = 0
  readonly #variant: StepVariant
  readonly #spareCount: number

  constructor(variant: StepVariant, spareCount: number) {
    const geometry = { subBufferBytes: SUB_BUFFER_BYTES, subBufferCount: COUNT, classCapacity: 4 }
    this.buffer = createThreadsRing({ ...geometry, mode: 'overwrite', spareCount }, IDENTITY)
    this.writer = new SteppedWriter(this.buffer, OWNER, variant.commitStore, () => undefined)
    this.#variant = variant
    this.#spareCount = spareCount
  }

  /** Nobody looks. */
  fill(records: number): void {
    const probe = makeProbe(this.writer, this.#variant.by)
    for (let i = 0; i < records; i++) assert.equal(probe(++this.records, RECORD_BYTES), COMMITTED)
  }

  /** Behind each store the writer is killed once. */
  write(): void {
    const probe = makeProbe(this.writer, this.#variant.by)
    stepping(
      () => this.#look(),
      () => assert.equal(probe(this.records + 1, RECORD_BYTES), COMMITTED),
    )
    this.records++
    this.#look()
  }

  /** Behind each store the reader is killed once. */
  takeSnapshot(): void {
    const look = (): void => {
      this.steps++
      const copy = this.#copyOf(this.buffer)
      const next = new SnapshotReader(copy)
      this.#assertTakes(next, this.records, COUNT - 1)
      this.#assertGoesOn(copy, next, this.records, COUNT - 1)
    }
    const copy = this.#copyOf(this.buffer)
    const reader = stepping(look, () => new SteppedSnapshotReader(this.buffer))
    stepping(look, () => {
      const snapshot = reader.take()
      assertRun(snapshot, this.records, COUNT - 1)
      assert.throws(() => reader.take(), /the last snapshot is released/)
      snapshot.release()
    })
    look()
    assert.deepEqual(new Uint8Array(this.buffer), new Uint8Array(copy), 'all is where it was')
    stepping(look, () => reader.take().release())
  }

  /** Two readers at once, which nobody may have: the second one takes less, and leaves what it meets where it is. */
  assertSecondReader(): void {
    const copy = this.#copyOf(this.buffer)
    const first = new SnapshotReader(copy)
    const second = new SnapshotReader(copy)
    first.take()
    const held = new Uint8Array(this.#copyOf(copy))
    this.#assertTakes(second, this.records, 0)
    assert.deepEqual(new Uint8Array(copy), held)
  }

  #look(): void {
    this.steps++
    const { committed } = new SnapshotReader(this.#copyOf(this.buffer)).ring.state()
    assert(committed === this.records || committed === this.records + 1, `record ${committed}`)
    const copy = this.#copyOf(this.buffer)
    const reader = new SnapshotReader(copy)
    // The writer may have taken the oldest sub-buffer already.
    this.#assertTakes(reader, committed, COUNT - 2)
    this.#assertGoesOn(copy, reader, committed, COUNT - 2)
  }

  /** A new owner writes, more than once around the ring, while a snapshot is held; it stays as it is. */
  #assertGoesOn(copy: SharedArrayBuffer, reader: SnapshotReader, committed: number, least: number): void {
    const writer = new SingleWriter(copy, OWNER + 1, this.#variant.commitStore, () => undefined)
    const heir = makeProbe(writer, 'methods')
    let last = committed
    const sequences = Array.from({ length: 2 }, () => {
      // The slow way, on which it must not switch again.
      reader.ring.setWait(true)
      writer.arm()
      assert.equal(heir(++last, SMALL_BYTES), COMMITTED)
      const { sequence } = reader.ring.state()
      const place = writer.words[placesWord(reader.ring.geometry) + (sequence & (COUNT - 1))] as number
      assert.equal(place & PLACE_FREE, 0, 'nobody writes where a reader may take the sub-buffer away')
      return sequence
    })
    assert.equal(sequences[0], sequences[1], 'what has room stays where it is')
    for (const records of [1, 2, 3, IN_SUB_BUFFER * (COUNT + 1)]) {
      const snapshot = reader.take()
      assertRun(snapshot, last, least)
      // What is pinned stays; without spare ones it was copied.
      for (let i = 0; i < records; i++) assert.equal(heir(++last, RECORD_BYTES), COMMITTED)
      assertRun(snapshot, last - records, least)
      snapshot.release()
      this.#assertTakes(reader, last, COUNT - 2)
    }
    // Every sub-buffer is full by now, and the ring holds all that it can.
    this.#assertTakes(reader, last, COUNT - 1)
    assert.equal(new SnapshotReader(copy).ring.geometry.spareCount, this.#spareCount)
  }

  #assertTakes(reader: SnapshotReader, committed: number, least: number): void {
    const snapshot = reader.take()
    assertRun(snapshot, committed, least)
    snapshot.release()
  }

  #copyOf(buffer: SharedArrayBuffer): SharedArrayBuffer {
    const copy = new SharedArrayBuffer(buffer.byteLength)
    new Uint8Array(copy).set(new Uint8Array(buffer))
    return copy
  }
}

/** One unbroken run up to `committed`, of at least so many sub-buffers before the current one, as far as there are. */
function assertRun(snapshot: Snapshot, committed: number, least: number): void {
  let next = snapshot.overwritten
  let time: number | undefined
  for (const piece of snapshot.pieces) {
    assert.equal(piece.firstRecord, next)
    if (time !== undefined) assert.equal(piece.beginTime, time)
    for (const { number } of assertRecords(piece.bytes)) assert.equal(number, ++next)
    time = piece.endTime
    assert.equal(time, timeOf(next))
    assert.equal(piece.lost, 0)
  }
  assert.equal(next, committed)
  const { sequence } = snapshot.request
  const older = snapshot.pieces.filter(piece => piece.sequence !== sequence).length
  assert(older >= Math.min(least, sequence), `${older} older sub-buffers, of ${sequence}`)
}
