/**
 * A ring that is written over. In the pictures a column is a sub-buffer of 4096 bytes with four records, `w` the
 * sub-buffer that the writer is in.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { longForm } from '../testing/index.ts'
import {
  type CommitStore,
  LOSS_BAD_VALUE,
  type RingGeometry,
  SingleWriter,
  type Snapshot,
  SnapshotReader,
} from './index.ts'
import { PLACE_FREE, PLACE_PHYSICAL, physicalCount, placesWord } from './layout.ts'
import { openMappedRing } from './memory/mapped.ts'
import { type Memory, makeRing } from './testing/memory.contract.ts'
import {
  assertRecords,
  type By,
  COMMITTED,
  CREATED,
  makeProbe,
  OWNER,
  timeOf,
} from './testing/record.contract.ts'
import { WriterChild } from './testing/writer.contract.ts'

const SUB_BUFFER_BYTES = 4096
const RECORD_BYTES = SUB_BUFFER_BYTES / 4
const COUNT = 4

interface Variant {
  readonly memory: Memory
  readonly commitStore: CommitStore
  readonly by: By
  readonly spareCount: number
}

const VARIANTS: readonly Variant[] = (['threads', 'mapped'] as const).flatMap(memory =>
  (['plain', 'atomic'] as const).flatMap(commitStore =>
    (['methods', 'text'] as const).flatMap(by =>
      [0, 1, COUNT].map(spareCount => ({ memory, commitStore, by, spareCount })),
    ),
  ),
)

class Recorder {
  readonly written: ArrayBufferLike
  readonly read: ArrayBufferLike
  readonly geometry: RingGeometry
  writer: SingleWriter
  reader: SnapshotReader
  attempts = 0
  readonly #variant: Variant

  constructor(t: TestContext, variant: Variant) {
    const { memory, spareCount } = variant
    this.#variant = variant
    this.geometry = {
      subBufferBytes: SUB_BUFFER_BYTES,
      subBufferCount: COUNT,
      classCapacity: 4,
      mode: 'overwrite',
      spareCount,
    }
    const { written, read } = makeRing(t, memory, this.geometry)
    this.written = written
    this.read = read
    this.writer = this.#newWriter(OWNER)
    this.reader = new SnapshotReader(read)
  }

  #newWriter(owner: number): SingleWriter {
    return new SingleWriter(this.written, owner, this.#variant.commitStore, () => undefined)
  }

  takeOver(): void {
    this.writer = this.#newWriter(OWNER + 1)
  }

  write(records: number): void {
    const probe = makeProbe(this.writer, this.#variant.by)
    for (let i = 0; i < records; i++) assert.equal(probe(++this.attempts, RECORD_BYTES), COMMITTED)
  }

  lose(): void {
    this.attempts++
    this.writer.lose(LOSS_BAD_VALUE)
  }

  /** Every physical sub-buffer lies at one position or is a spare one. */
  assertPlaces(): void {
    const places = new Int32Array(this.read, placesWord(this.geometry) * 4, COUNT)
    const physicals = [...places].map(word => word & PLACE_PHYSICAL)
    assert.equal(new Set(physicals).size, COUNT)
    assert.ok(Math.max(...physicals) < physicalCount(this.geometry))
  }
}

/** Numbers of the records of a snapshot, which are one unbroken run up to the request. */
function runOf(snapshot: Snapshot): [first: number, last: number] | [] {
  let next = snapshot.overwritten + 1
  for (const piece of snapshot.pieces) {
    assert.equal(piece.firstRecord, next - 1)
    const records = assertRecords(piece.bytes)
    for (const { number } of records) assert.equal(number, next++ | 0)
    assert.equal(piece.endTime, timeOf(records.at(-1)?.attempt as number))
    assert.equal(piece.lost, (records.at(-1)?.attempt as number) - (next - 1))
  }
  for (const [i, { beginTime }] of snapshot.pieces.entries()) {
    const before = snapshot.pieces[i - 1]?.endTime
    if (before !== undefined) assert.equal(beginTime, before)
  }
  assert.equal((next - 1) | 0, snapshot.request.committed)
  return snapshot.pieces.length === 0 ? [] : [snapshot.overwritten + 1, next - 1]
}

function take(recorder: Recorder): number[] {
  const snapshot = recorder.reader.take()
  const run = runOf(snapshot)
  snapshot.release()
  recorder.assertPlaces()
  return run
}

for (const variant of VARIANTS) {
  const { memory, commitStore, by, spareCount } = variant
  describe(`snapshots (${memory}, ${commitStore} commits, by ${by}, ${spareCount} spare)`, () => {
    test('of an empty ring', t => {
      const recorder = new Recorder(t, variant)
      assert.deepEqual(take(recorder), [])
      recorder.write(1)
      const snapshot = recorder.reader.take()
      assert.equal(snapshot.pieces[0]?.beginTime, CREATED)
      assert.deepEqual(runOf(snapshot), [1, 1])
    })

    test('hold all until the writer comes round, then the newest', t => {
      //  records  1    4│5    8│9   12│13  16      17│      │      │
      //                                       ──▶  w               the column of 1 to 4 is gone
      const recorder = new Recorder(t, variant)
      for (const [records, first] of [
        [1, 1],
        [15, 1],
        [1, 5],
        [3, 5],
        [1, 9],
        [40, 49],
      ] as const) {
        recorder.write(records)
        assert.deepEqual(take(recorder), [first, recorder.attempts])
      }
    })

    test('a second one finds as much as the first', t => {
      const recorder = new Recorder(t, variant)
      recorder.write(30)
      const first = take(recorder)
      assert.deepEqual(first, [17, 30])
      for (let i = 0; i < 5; i++) assert.deepEqual(take(recorder), first)
    })

    test('stay as they are while the writer goes round', t => {
      const recorder = new Recorder(t, variant)
      recorder.write(30)
      const snapshot = recorder.reader.take()
      // Pinned ones do not change however long it takes; without, they were copied.
      for (let i = 0; i < 20; i++) {
        recorder.write(3)
        assert.deepEqual(runOf(snapshot), [17, 30])
      }
      snapshot.release()
      assert.deepEqual(take(recorder), [77, 90])
      recorder.assertPlaces()
    })

    test('count the losses before each piece', t => {
      const recorder = new Recorder(t, variant)
      for (let i = 0; i < 25; i++) {
        if (i % 3 === 0) recorder.lose()
        recorder.write(1)
        take(recorder)
      }
      recorder.lose()
      const snapshot = recorder.reader.take()
      assert.deepEqual(runOf(snapshot), [13, 25])
      assert.equal(snapshot.request.lost, 9)
      assert.equal(snapshot.overwritten, 12)
      assert.equal(recorder.reader.ring.losses()['bad value'], 10)
      assert.equal(recorder.reader.ring.losses().full, 0)
    })

    test('by a new reader after one that died with all it had taken', t => {
      const recorder = new Recorder(t, variant)
      recorder.write(30)
      recorder.reader.take()
      recorder.reader = new SnapshotReader(recorder.read)
      assert.deepEqual(take(recorder), [17, 30])
      recorder.reader.take()
      recorder.write(6)
      recorder.reader = new SnapshotReader(recorder.read)
      assert.deepEqual(take(recorder), [21, 36])
    })

    test('by a new reader in the first lap, when spare sub-buffers have not been written yet', t => {
      const recorder = new Recorder(t, variant)
      recorder.write(10)
      recorder.reader.take()
      recorder.reader = new SnapshotReader(recorder.read)
      assert.deepEqual(take(recorder), [1, 10])
    })

    test('of a ring that another thread took over, in the midst of a sub-buffer or at its end', t => {
      const recorder = new Recorder(t, variant)
      for (let i = 0; i < 40; i++) {
        recorder.write(1)
        recorder.takeOver()
        const [, last] = take(recorder)
        assert.equal(last, i + 1)
      }
      assert.deepEqual(take(recorder), [25, 40])
    })

    test('a new owner leaves a sub-buffer alone that the old one had ended', t => {
      const recorder = new Recorder(t, variant)
      recorder.write(12)
      // As the old owner left it between the end of one sub-buffer and the first record of the next.
      const { words } = recorder.writer
      const places = placesWord(recorder.geometry)
      recorder.writer.reserve(RECORD_BYTES)
      const snapshot = recorder.reader.take()
      recorder.takeOver()
      const probe = makeProbe(recorder.writer, by)
      for (let i = 0; i < 6; i++) assert.equal(probe(++recorder.attempts, RECORD_BYTES), COMMITTED)
      assert.deepEqual(runOf(snapshot), [1, 12])
      snapshot.release()
      assert.deepEqual(take(recorder), [5, 18])
      assert.equal((words[places] as number) & PLACE_FREE, 0)
    })

    test('nothing is lost because the ring is full, and no reader is waited for', t => {
      const recorder = new Recorder(t, variant)
      recorder.write(1000)
      assert.equal(recorder.reader.ring.losses().full, 0)
      assert.equal(recorder.reader.take().overwritten, 1000 - 16)
    })
  })
}

test('a snapshot must be released before the next', t => {
  const recorder = new Recorder(t, { memory: 'threads', commitStore: 'plain', by: 'text', spareCount: COUNT })
  recorder.write(5)
  const snapshot = recorder.reader.take()
  assert.throws(() => recorder.reader.take(), /the last snapshot is released/)
  snapshot.release()
  snapshot.release()
  take(recorder)
})

test('a damaged table is refused', t => {
  const recorder = new Recorder(t, { memory: 'threads', commitStore: 'plain', by: 'text', spareCount: 1 })
  const words = new Int32Array(recorder.read)
  words[placesWord(recorder.geometry) + 1] = words[placesWord(recorder.geometry) + 2] as number
  assert.throws(() => new SnapshotReader(recorder.read), { code: 'KYMO_RING' })
  words[placesWord(recorder.geometry) + 1] = 999
  assert.throws(() => new SnapshotReader(recorder.read), { code: 'KYMO_RING' })
})

/** Snapshots of a writer in another process that never waits; `bytesPerMs` is how fast the sink takes them. */
const SNAPSHOTS = longForm() ? 100_000 : 400
const SINKS = [
  { name: 'memory', bytesPerMs: Number.POSITIVE_INFINITY, snapshots: SNAPSHOTS },
  { name: '500 MB/s', bytesPerMs: 500_000, snapshots: Math.ceil(SNAPSHOTS / 8) },
  { name: '50 MB/s', bytesPerMs: 50_000, snapshots: Math.ceil(SNAPSHOTS / 32) },
] as const
const NOTHING = new Int32Array(new SharedArrayBuffer(4))

for (const spareCount of [0, 16]) {
  for (const { name, bytesPerMs, snapshots } of SINKS) {
    test(`${snapshots} snapshots of a writer at full speed, ${spareCount} spare, into ${name}`, async t => {
      const geometry: RingGeometry = {
        subBufferBytes: 65536,
        subBufferCount: 16,
        classCapacity: 4,
        mode: 'overwrite',
        spareCount,
      }
      const child = new WriterChild(t, { mode: 'run', by: 'text', commitStore: 'plain', geometry, rings: 1 })
      const reader = new SnapshotReader(openMappedRing(join(child.folder, 'ring-0')))
      while (reader.ring.state().sequence < geometry.subBufferCount) await child.pause()
      const depths: number[] = []
      for (let i = 0; i < snapshots; i++) {
        const snapshot = reader.take()
        const bytes = snapshot.pieces.reduce((sum, piece) => sum + piece.bytes.length, 0)
        const waitMs = bytes / bytesPerMs
        if (waitMs > 0) Atomics.wait(NOTHING, 0, 0, waitMs)
        runOf(snapshot)
        snapshot.release()
        depths.push(snapshot.pieces.length)
        if (i % 16 === 0) await child.turn()
      }
      await child.kill()
      depths.sort((a, b) => a - b)
      t.diagnostic(
        `sub-buffers of ${geometry.subBufferCount}: least ${depths[0]}, median ${depths[depths.length >> 1]}`,
      )
      if (spareCount > 0) assert.ok((depths[depths.length >> 1] as number) >= geometry.subBufferCount - 1)
      const last = reader.take()
      runOf(last)
      assert.equal(child.produced - last.request.committed <= 1, true)
    })
  }
}
