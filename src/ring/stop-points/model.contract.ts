/**
 * What a ring must hold, told without looking at it: where each record goes, what a reader finds of it, and what the
 * headers say. Sequences do not wrap here; that they may is the matter of takeover.contract.ts.
 */
import assert from 'node:assert/strict'
import { LOSS_CAUSES, type Piece, type ReaderPosition, RingReader, type RingState } from '../index.ts'
import {
  HEADER_BEGIN_TIME,
  HEADER_DOUBLES,
  HEADER_END,
  HEADER_END_LOST,
  HEADER_END_TIME,
  HEADER_FIRST_RECORD,
  HEADER_SEQUENCE,
  HEADER_WORDS,
  HEADERS_DOUBLE,
  HEADERS_WORD,
  LOSS_FULL,
  LOSS_TOO_BIG,
} from '../layout.ts'
import { assertRecords, CREATED, timeOf } from '../testing/record.contract.ts'

export const SUB_BUFFER_BYTES = 4096
export const SUB_BUFFERS = 3
export const GEOMETRY = { subBufferBytes: SUB_BUFFER_BYTES, subBufferCount: SUB_BUFFERS, classCapacity: 4 }

/** The state after a record, and the record. */
export interface Written extends RingState {
  readonly attempt: number
  readonly size: number
}

const NONE: Written = {
  committed: 0,
  sequence: 0,
  physical: 0,
  end: 0,
  time: CREATED,
  lost: 0,
  attempt: 0,
  size: 0,
}

export class RingModel {
  /** From 1; in front, what a ring is before its first record. */
  readonly records: Written[]
  /** Where the writer is: it may have switched for a record that it took back. */
  at: Pick<Written, 'sequence' | 'physical' | 'end'>
  attempts: number
  /** By cause. */
  readonly losses: number[]

  constructor(from?: RingModel) {
    this.records = from === undefined ? [NONE] : [...from.records]
    this.at = this.last
    this.attempts = from?.attempts ?? 0
    this.losses = from === undefined ? LOSS_CAUSES.map(() => 0) : [...from.losses]
  }

  get last(): Written {
    return this.records.at(-1) as Written
  }

  get lost(): number {
    return this.losses.reduce((sum, count) => sum + count, 0)
  }

  /** What the next attempt comes to: a record, or the cause of its loss. */
  expect(size: number, released: number): Written | number {
    const { sequence, physical, end } = this.at
    if (size > SUB_BUFFER_BYTES) return LOSS_TOO_BIG
    const isSwitch = end + size > SUB_BUFFER_BYTES
    if (isSwitch && sequence + 1 - released >= SUB_BUFFERS) return LOSS_FULL
    const attempt = this.attempts + 1
    return {
      committed: this.last.committed + 1,
      sequence: isSwitch ? sequence + 1 : sequence,
      physical: isSwitch ? (physical + 1) % SUB_BUFFERS : physical,
      end: isSwitch ? size : end + size,
      time: timeOf(attempt),
      lost: this.lost,
      attempt,
      size,
    }
  }

  add(record: Written): void {
    this.records.push(record)
    this.at = record
  }

  lose(cause: number): void {
    this.losses[cause] = (this.losses[cause] as number) + 1
  }

  /** The records that a reader there has still to take. */
  after({ sequence, offset }: Pick<ReaderPosition, 'sequence' | 'offset'>): Written[] {
    return this.records.filter(
      record => record.sequence > sequence || (record.sequence === sequence && record.end > offset),
    )
  }
}

export function assertState(reader: RingReader, wanted: Written, what: string): void {
  const { committed, sequence, physical, end, time, lost } = reader.state()
  const isExact =
    committed === wanted.committed &&
    sequence === wanted.sequence &&
    physical === wanted.physical &&
    end === wanted.end &&
    time === wanted.time &&
    lost === wanted.lost
  if (isExact) return
  assert.fail(
    `${what}: ${JSON.stringify({ committed, sequence, physical, end, time, lost })}, ` +
      `wanted ${JSON.stringify(wanted)}`,
  )
}

/** `piece` holds these records, and says what the last of them says. */
export function assertTaken(piece: Piece, records: readonly Written[], isLast: boolean): void {
  const found = assertRecords(piece.bytes)
  const last = records.at(-1) as Written
  const isExact =
    found.length === records.length &&
    found.every(({ number, attempt, size }, i) => {
      const record = records[i] as Written
      return number === record.committed && attempt === record.attempt && size === record.size
    }) &&
    piece.sequence === last.sequence &&
    piece.end === last.end &&
    piece.isLast === isLast &&
    piece.time === last.time &&
    piece.lost === last.lost
  if (isExact) return
  const { sequence, end, time, lost } = piece
  assert.fail(
    `a piece of ${found.map(({ number }) => number)}, ${piece.isLast}, ` +
      JSON.stringify({ sequence, end, time, lost }) +
      `, wanted ${records.map(({ committed }) => committed)}, ${isLast}, ${JSON.stringify(last)}`,
  )
}

/** Takes all there is, and finds every record from the reader's position to the last one once, in order and whole. */
export function assertDrains(reader: RingReader, model: RingModel): void {
  assertState(reader, model.last, 'what is drained')
  const rest = model.after(reader.position)
  while (rest.length > 0) {
    const { sequence } = rest[0] as Written
    const inPiece = rest.filter(record => record.sequence === sequence)
    rest.splice(0, inPiece.length)
    const piece = reader.next('partial')
    if (piece === undefined) assert.fail(`sub-buffer ${sequence} is not there`)
    assertTaken(piece, inPiece, sequence !== model.last.sequence)
    reader.release(piece, reader.position.packets + 1, piece.lost)
  }
  assert.equal(reader.next('partial'), undefined, 'nothing is invented')
}

/** The headers of what the reader still needs, up to what is committed now. */
export function assertHeaders(buffer: ArrayBufferLike, model: RingModel): void {
  const words = new Int32Array(buffer, 0, HEADERS_WORD + SUB_BUFFERS * HEADER_WORDS)
  const doubles = new Float64Array(buffer, 0, HEADERS_DOUBLE + SUB_BUFFERS * HEADER_DOUBLES)
  const { sequence: current } = model.last
  const from = new RingReader(buffer).position.sequence
  for (let sequence = from; sequence <= current; sequence++) {
    const last = model.records.findLast(record => record.sequence === sequence)
    // A record that was taken back after a switch leaves a sub-buffer in which nothing begins.
    if (last === undefined) continue
    const word = HEADERS_WORD + last.physical * HEADER_WORDS
    const double = HEADERS_DOUBLE + last.physical * HEADER_DOUBLES
    const before = model.records.findLast(record => record.sequence < sequence) ?? NONE
    const begin = [
      words[word + HEADER_SEQUENCE],
      doubles[double + HEADER_FIRST_RECORD],
      doubles[double + HEADER_BEGIN_TIME],
    ]
    assert.deepEqual(begin, [sequence, before.committed, before.time], `header of ${sequence}`)
    if (sequence === current) continue
    const end = [
      words[word + HEADER_END],
      doubles[double + HEADER_END_TIME],
      doubles[double + HEADER_END_LOST],
    ]
    assert.deepEqual(end, [last.end, last.time, last.lost], `header of ${sequence}, which has ended`)
  }
}
