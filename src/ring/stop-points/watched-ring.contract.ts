/**
 * A ring that is looked at behind every store of its writer and of its reader. Each look is on copies of the memory:
 * one reader more, and one writer that takes over, as if the one that is stepped through were killed here.
 */
import assert from 'node:assert/strict'
import {
  type CommitStore,
  createThreadsRing,
  LOSS_BAD_VALUE,
  LOSS_CAUSES,
  LOSS_NESTED,
  type ReaderPosition,
  RingReader,
  SingleWriter,
} from '../index.ts'
import { BEGUN_WORD, COMMITTED_WORD, OWNER_WORD, OWNERS_WORD, RELEASED_WORD } from '../layout.ts'
import { IDENTITY } from '../testing/memory.contract.ts'
import { type By, COMMITTED, LOST, makeProbe, OWNER, type ProbeOptions } from '../testing/record.contract.ts'
import {
  assertDrains,
  assertHeaders,
  assertState,
  assertTaken,
  GEOMETRY,
  RingModel,
  SUB_BUFFER_BYTES,
  type Written,
} from './model.contract.ts'
import { SteppedReader, SteppedWriter, stepping } from './stepping.contract.ts'

export interface StepVariant {
  readonly commitStore: CommitStore
  readonly by: By
}

const QUARTER = SUB_BUFFER_BYTES / 4
const HEIR = OWNER + 1

export class WatchedRing {
  readonly buffer = createThreadsRing(GEOMETRY, IDENTITY)
  readonly model = new RingModel()
  writer: SingleWriter
  readonly reader: RingReader
  /** Stores that were looked at. */
  steps = 0
  readonly #variant: StepVariant
  readonly #words = new Int32Array(this.buffer)
  readonly #copy = new SharedArrayBuffer(this.buffer.byteLength)
  readonly #generation = new Int32Array(1)
  /** What this attempt commits, if anything. */
  #coming: Written | undefined
  /** Why this attempt is lost, if it is; several with `nested` ones inside. */
  #losing: number[] = []
  #isUnderWay = false
  #otherWriter: SingleWriter | undefined

  constructor(variant: StepVariant) {
    this.#variant = variant
    this.writer = new SteppedWriter(this.buffer, OWNER, variant.commitStore, () =>
      globalThis.kymographRingStep(),
    )
    this.reader = new SteppedReader(this.buffer)
  }

  write(size: number, options: ProbeOptions = {}): void {
    const expected = this.model.expect(size, this.#words[RELEASED_WORD] as number)
    const isWritten = typeof expected !== 'number'
    this.#coming = isWritten ? expected : undefined
    if (!isWritten) this.#losing = [expected]
    const inside = (): void => {
      this.#isUnderWay = true
      options.inside?.()
    }
    const probe = makeProbe(this.writer, this.#variant.by, { ...options, inside })
    this.model.attempts++
    const outcome = this.#watch(() => probe(this.model.attempts, size))
    assert.equal(outcome, isWritten ? COMMITTED : LOST, `attempt ${this.model.attempts}`)
    if (this.#coming !== undefined) this.model.add(this.#coming)
    this.#settle()
  }

  /** A record that is begun, and taken back because the rules have changed. */
  takeBack(size: number): void {
    const expected = this.model.expect(size, this.#words[RELEASED_WORD] as number)
    assert(typeof expected !== 'number')
    const generation = { words: new Int32Array([1]), word: 0, seen: new Int32Array(1) }
    const probe = makeProbe(this.writer, this.#variant.by, { generation })
    this.model.attempts++
    this.#watch(() => probe(this.model.attempts, size))
    this.model.at = { ...expected, end: expected.end - size }
    this.#settle()
  }

  /** As under a lock: the other writer of this ring has its turn, and finds where the last one came to. */
  changeWriter(): void {
    const other =
      this.#otherWriter ?? new SteppedWriter(this.buffer, HEIR, this.#variant.commitStore, () => undefined)
    this.#otherWriter = this.writer
    this.writer = other
    other.resume()
  }

  /** A hit that is lost before anything is begun for it, as by the text for a stack that is full. */
  lose(run: (cause: number) => void = cause => this.writer.lose(cause)): void {
    this.model.attempts++
    this.#losing = [LOSS_BAD_VALUE]
    this.#watch(() => run(LOSS_BAD_VALUE))
    this.#settle()
  }

  /** As lose(), safe from a stop: while it counts, the ring is not quiet. */
  discard(cause: number, isStale = false): void {
    this.#generation[0] = isStale ? 1 : 0
    if (!isStale) {
      this.model.attempts++
      this.#losing = [cause]
    }
    let lost = this.model.lost
    const look = (): void => {
      const sum = sumOfLosses(this.buffer)
      if (sum !== lost) assert.equal(this.#isQuiet(), false, 'a loss is counted while something is begun')
      lost = sum
    }
    const seen = new Int32Array(1)
    const isCounted = this.#watch(() => this.writer.discard(cause, this.#generation, 0, seen), look)
    assert.equal(isCounted, !isStale)
    this.#settle()
  }

  /** discard() from within a record: it stays that record's to make the ring quiet. */
  writeAround(size: number): void {
    const inner = makeProbe(this.writer, this.#variant.by)
    const inside = (): void => {
      this.#losing = [LOSS_NESTED, LOSS_BAD_VALUE]
      assert.equal(inner(0, QUARTER), LOST)
      assert.equal(this.writer.discard(LOSS_BAD_VALUE, new Int32Array([1]), 0, new Int32Array(1)), true)
      assert.equal(this.#isQuiet(), false, 'the outer record is under way')
      // The losses are before the record in every count, though they were made after it began.
      if (this.#coming !== undefined) this.#coming = { ...this.#coming, lost: this.#coming.lost + 2 }
    }
    this.write(size, { inside })
  }

  take(depth: 'complete' | 'partial'): void {
    const legal = [this.reader.position]
    const { position: old } = this.reader
    const { last } = this.model
    const ended = this.model.records.findLast(record => record.sequence === old.sequence)
    const isEmpty = old.sequence < last.sequence && (ended?.end ?? 0) === old.offset
    const from = isEmpty ? { ...old, sequence: old.sequence + 1, offset: 0 } : old
    if (isEmpty) legal.push(from)
    const rest = this.model.after(from)
    const inPiece = rest.filter(record => record.sequence === from.sequence)
    const isLast = from.sequence < last.sequence
    const wanted = depth === 'partial' || isLast ? inPiece.at(-1) : undefined
    if (wanted !== undefined) {
      const { sequence, end, time, lost } = wanted
      legal.push({
        packets: old.packets + 1,
        sequence: isLast ? sequence + 1 : sequence,
        offset: isLast ? 0 : end,
        time,
        lost,
      })
    }
    this.#watchReader(legal, () => {
      const piece = this.reader.next(depth)
      assert.equal(piece === undefined, wanted === undefined, `something ${depth} to take`)
      if (piece === undefined) return
      assertTaken(piece, inPiece, isLast)
      this.reader.release(piece, this.reader.position.packets + 1, piece.lost)
    })
  }

  /** An empty packet, which says what was lost after the last record. */
  takeLosses(): void {
    const { position } = this.reader
    const { lost } = this.model
    this.#watchReader([position, { ...position, packets: position.packets + 1, lost }], () =>
      this.reader.release(undefined, position.packets + 1, lost),
    )
  }

  /** Another thread takes the ring over: who finds it quiet finds its new owner. */
  assertTakeOver(): void {
    const copy = this.#copyOf()
    const words = new Int32Array(copy)
    words[BEGUN_WORD] = (words[COMMITTED_WORD] as number) + 1
    const owners = words[OWNERS_WORD] as number
    const look = (): void => {
      if (words[BEGUN_WORD] !== words[COMMITTED_WORD]) return
      assert.deepEqual([words[OWNER_WORD], words[OWNERS_WORD]], [HEIR, owners + 1], 'quiet, so taken over')
    }
    stepping(look, () => new SteppedWriter(copy, HEIR, this.#variant.commitStore, () => undefined))
    assert.equal(words[BEGUN_WORD], words[COMMITTED_WORD])
    look()
  }

  #isQuiet(): boolean {
    return new RingReader(this.buffer).isQuiet()
  }

  #watch<Result>(run: () => Result, look?: () => void): Result {
    return stepping(() => {
      this.steps++
      this.#look()
      look?.()
    }, run)
  }

  /** Between two stores of the writer. */
  #look(): void {
    const seen = this.#seen()
    const { committed } = seen.last
    const begun = this.#words[BEGUN_WORD] as number
    const before = this.model.last.committed
    const isLegal = this.#isUnderWay ? begun === before + 1 : begun === before || begun === before + 1
    assert(isLegal, `begun is ${begun}, at record ${committed}`)
    this.#assertCounts(committed)
    const buffer = this.#copyOf()
    assertHeaders(buffer, seen)
    assertDrains(new RingReader(buffer), seen)
    this.#assertHeir(seen)
  }

  /** The model of what is committed now: the last record, or the one that is coming. */
  #seen(): RingModel {
    const seen = new RingModel(this.model)
    if (this.#words[COMMITTED_WORD] !== seen.last.committed) {
      assert(this.#coming !== undefined, 'nothing is committed but what was begun')
      seen.add(this.#coming)
    }
    assertState(new RingReader(this.buffer), seen.last, 'between two stores')
    return seen
  }

  #assertCounts(committed: number): void {
    const counted = new RingReader(this.buffer).classCounts().reduce((sum, count) => sum + count, 0)
    assert(counted === committed || counted === committed + 1, `${counted} of ${committed} records by class`)
    const losses = Object.values(new RingReader(this.buffer).losses())
    const most = [...this.model.losses]
    for (const cause of this.#losing) most[cause] = (most[cause] as number) + 1
    const isLegal = losses.every((count, cause) => {
      const before = this.model.losses[cause] as number
      return count === before || count === most[cause]
    })
    assert(isLegal, `losses ${losses}, of at most ${most}`)
  }

  /** The writer is killed here: another one goes on, in this sub-buffer and in the next. */
  #assertHeir(seen: RingModel): void {
    const copy = this.#copyOf()
    const words = new Int32Array(copy)
    const heir = new SingleWriter(copy, HEIR, this.#variant.commitStore, () => undefined)
    const reader = new RingReader(copy)
    assert(reader.isQuiet() && reader.owner === HEIR, 'taken over')
    const model = new RingModel(seen)
    Object.values(reader.losses()).forEach((count, cause) => {
      model.losses[cause] = count
    })
    // Of the attempt that was killed no more is to be seen; its number may come again.
    for (const size of [SUB_BUFFER_BYTES, 40]) fill(heir, model, words, size, 1)
    assertDrains(reader, model)
    assertHeaders(copy, model)
  }

  /** After an attempt: what was legal before is exact now. */
  #settle(): void {
    for (const cause of this.#losing) this.model.lose(cause)
    this.#coming = undefined
    this.#losing = []
    this.#isUnderWay = false
    this.#look()
    const reader = new RingReader(this.buffer)
    assert(reader.isQuiet(), 'quiet between two attempts')
    assertState(reader, this.model.last, 'after an attempt')
    assert.deepEqual(Object.values(reader.losses()), this.model.losses)
    const counts = reader.classCounts()
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      this.model.last.committed,
    )
  }

  /** `legal`: the positions that stand in the record one after the other, none of them left out. */
  #watchReader(legal: readonly ReaderPosition[], run: () => void): void {
    let reached = 0
    const look = (): void => {
      this.steps++
      const { position } = new RingReader(this.buffer)
      const at = legal.findIndex((wanted, i) => i >= reached && isSame(wanted, position))
      if (at < 0) assert.fail(`position ${JSON.stringify(position)}, of ${JSON.stringify(legal)}`)
      reached = at
      this.#assertNextReader()
    }
    stepping(look, run)
    look()
    assert.deepEqual(this.reader.position, legal.at(-1))
    assert.equal(this.#words[RELEASED_WORD], this.reader.position.sequence, 'what was read is free')
  }

  /** The reader is killed here, and the writer fills all the space that it has: the next reader finds all it needs. */
  #assertNextReader(): void {
    const copy = this.#copyOf()
    const words = new Int32Array(copy)
    const writer = new SingleWriter(copy, HEIR, this.#variant.commitStore, () => undefined)
    const model = new RingModel(this.model)
    fill(writer, model, words, QUARTER, Number.POSITIVE_INFINITY)
    const reader = new RingReader(copy)
    assertDrains(reader, model)
    fill(writer, model, words, QUARTER, 1)
    assertDrains(reader, model)
  }

  #copyOf(): SharedArrayBuffer {
    new Uint8Array(this.#copy).set(new Uint8Array(this.buffer))
    return this.#copy
  }
}

/** Writes until the ring is full, or at most so many records. */
function fill(
  writer: SingleWriter,
  model: RingModel,
  words: Int32Array,
  size: number,
  records: number,
): void {
  const probe = makeProbe(writer, 'methods')
  for (let i = 0; i < records; i++) {
    const expected = model.expect(size, words[RELEASED_WORD] as number)
    const outcome = probe(++model.attempts, size)
    if (typeof expected === 'number') {
      assert.equal(outcome, LOST)
      model.lose(expected)
      return
    }
    assert.equal(outcome, COMMITTED)
    model.add(expected)
  }
}

function isSame(a: ReaderPosition, b: ReaderPosition): boolean {
  return (
    a.packets === b.packets &&
    a.sequence === b.sequence &&
    a.offset === b.offset &&
    a.time === b.time &&
    a.lost === b.lost
  )
}

function sumOfLosses(buffer: ArrayBufferLike): number {
  const losses = new RingReader(buffer).losses()
  return LOSS_CAUSES.reduce((sum, cause) => sum + losses[cause], 0)
}
