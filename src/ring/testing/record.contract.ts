/**
 * The records of the ring's tests. Every byte follows from three numbers, so that a reader can tell a record
 * that was torn, invented or read twice from a good one, and knows how many were lost before it.
 *
 *   byte  0        4         8      12               size − 4
 *         ┌────────┬─────────┬──────┬────── … ───────┬────────┐
 *         │ number │ attempt │ size │ low byte of n  │ ~n     │     number n = what the commit word becomes
 *         └────────┴─────────┴──────┴────── … ───────┴────────┘
 *
 * The writer may try and lose, so attempt − number is the number of losses; time is a function of the attempt.
 */
import assert from 'node:assert/strict'
import { compileFunction } from '../../ctf/codec/compile.ts'
import type { StepWriter } from '../index.ts'

export const LEAST_RECORD_BYTES = 16
export const CREATED = 1000
export const OWNER = 4711

export const LOST = 0
export const COMMITTED = 1
/** Taken back, because the generation word had changed. */
export const STALE = 2
export type Outcome = typeof LOST | typeof COMMITTED | typeof STALE

/** How a record gets into the ring: by calls, or by the same steps as compiled text. */
export type By = 'methods' | 'text'
export type WriteRecord = (attempt: number, size: number) => Outcome

export interface ProbeOptions {
  readonly eventId?: number
  /** Called while the record is under way. */
  readonly inside?: () => void
  /** Looked at after begin(): a word that differs from `seen[0]` takes the record back. */
  readonly generation?: { readonly words: Int32Array; readonly word: number; readonly seen: Int32Array }
}

export function timeOf(attempt: number): number {
  return CREATED + attempt * 3
}

export function makeProbe(writer: StepWriter, by: By, options: ProbeOptions = {}): WriteRecord {
  return by === 'methods' ? probeByMethods(writer, options) : probeByText(writer, options)
}

function probeByMethods(writer: StepWriter, { eventId = 0, inside, generation }: ProbeOptions): WriteRecord {
  const { view, bytes } = writer
  return (attempt, size) => {
    if (writer.isNested()) return LOST
    const start = writer.reserve(size)
    if (start < 0) {
      writer.lose(~start)
      return LOST
    }
    writer.begin()
    if (generation !== undefined && generation.words[generation.word] !== generation.seen[0]) {
      writer.abandon()
      return STALE
    }
    const number = ((writer.own[2] as number) + 1) | 0
    view.setInt32(start, number, true)
    view.setInt32(start + 4, attempt, true)
    view.setInt32(start + 8, size, true)
    const tail = start + size - 4
    for (let i = start + 12; i < tail; i++) bytes[i] = number
    view.setInt32(tail, ~number, true)
    inside?.()
    writer.commit(start + size, eventId, timeOf(attempt), Number(writer.epoch >> 32n))
    return COMMITTED
  }
}

function probeByText(writer: StepWriter, { eventId = 0, inside, generation }: ProbeOptions): WriteRecord {
  const { text } = writer
  const counter = writer.classCounters + Math.min(eventId, writer.classCapacity - 1)
  const look =
    generation === undefined ? '' : `if (G[${generation.word}] !== S[0]) { ${text.abandon} return ${STALE}; }`
  const body = `const C = ${counter - eventId};
    return function write(attempt, size) {
      ${text.reserve('size', 'size', cause => `lose(${cause}); return;`)}
      ${text.begin}
      ${look}
      const low = ${CREATED} + attempt * 3, high = ${writer.epoch >> 32n}, q = p + size;
      V.setInt32(p, m, true);
      V.setInt32(p + 4, attempt, true);
      V.setInt32(p + 8, size, true);
      for (let i = p + 12; i < q - 4; i++) U[i] = m;
      V.setInt32(q - 4, ~m, true);
      ${inside === undefined ? '' : 'inside();'}
      ${text.commit(eventId)}
      return ${COMMITTED};
    }`
  const write = compileFunction<(attempt: number, size: number) => Outcome | undefined>(body, {
    W: writer.words,
    F: writer.doubles,
    V: writer.view,
    U: writer.bytes,
    O: writer.own,
    T: writer.ownDoubles,
    G: generation?.words,
    S: generation?.seen,
    inside,
    lose: (cause: number) => writer.lose(cause),
    reserveSlow: (size: number) => writer.reserveSlow(size),
  })
  assert(write !== undefined, 'tests may compile text')
  return (attempt, size) => write(attempt, size) ?? LOST
}

export interface ReadRecord {
  readonly number: number
  readonly attempt: number
  readonly size: number
}

/** Takes the bytes of whole records apart; fails where a byte is not what its record's number says. */
export function assertRecords(bytes: Uint8Array): ReadRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const records: ReadRecord[] = []
  for (let at = 0; at < bytes.length; ) {
    const number = view.getInt32(at, true)
    const attempt = view.getInt32(at + 4, true)
    const size = view.getInt32(at + 8, true)
    const tail = at + size - 4
    if (size < LEAST_RECORD_BYTES || at + size > bytes.length || view.getInt32(tail, true) !== ~number)
      assert.fail(`a torn record at ${at} of ${bytes.length}: number ${number}, size ${size}`)
    for (let i = at + 12; i < tail; i++) {
      if (bytes[i] !== (number & 255)) assert.fail(`record ${number} has byte ${bytes[i]} at ${i - at}`)
    }
    records.push({ number, attempt, size })
    at += size
  }
  return records
}
