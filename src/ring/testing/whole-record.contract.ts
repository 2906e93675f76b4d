/**
 * Records by the whole text of a reservation, which every kind of writer has: the first two words of a record are its
 * number and its size. Time goes on by one for each.
 */
import assert from 'node:assert/strict'
import { compileFunction } from '../../ctf/codec/compile.ts'
import type { RingWriter } from '../index.ts'
import { CREATED } from './record.contract.ts'

export interface Hooks {
  /** Within a record, between its reservation and its commit. */
  readonly inside?: () => void
  /** A record found no room. */
  readonly lost?: (cause: number) => void
}

/** The clock of a test's writers, in ns since the epoch of its ring. */
export class TestClock {
  time = CREATED
}

/** False when the record found no room; it is counted then. */
export type WriteWhole = (number: number, size: number) => boolean

export function wholeRecords(writer: RingWriter, clock: TestClock, hooks: Hooks = {}): WriteWhole {
  const halves = new Int32Array(2)
  const never = new Int32Array(1)
  const text = writer.text.record({
    eventId: 0,
    maxBytes: 'bytes',
    exactBytes: 'bytes',
    maxHeaderBytes: 0,
    isNear: 'true',
    nearHeaderBytes: 0,
    isStale: 'false',
    again: 'return false;',
    discard: cause => `lost(${cause}); return false;`,
    readClock: 'tick();',
    low: 'halves[0]',
    high: 'halves[1]',
    write: 'inside(); V.setInt32(p, number, true); V.setInt32(p + 4, bytes, true); const q = p + bytes;',
  })
  const body = `return function (number, bytes) { let isBegun = false; ${text}; return true; }`
  const write = compileFunction<WriteWhole>(body, {
    W: writer.words,
    F: writer.doubles,
    V: writer.view,
    U: writer.bytes,
    O: writer.own,
    T: writer.ownDoubles,
    C: writer.classCounters,
    halves,
    tick: () => {
      halves.set([++clock.time, Number(writer.epoch >> 32n)])
    },
    inside: () => hooks.inside?.(),
    lost: (cause: number) => {
      hooks.lost?.(cause)
      writer.discard(cause, never, 0, never)
    },
    lose: (cause: number) => writer.lose(cause),
    reserveSlow: (size: number) => writer.reserveSlow(size),
    ...writer.text.functions,
  })
  assert.ok(write !== undefined, 'tests may compile text')
  return write
}

/** Numbers of the records in `bytes`. */
export function numbersIn(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const numbers: number[] = []
  for (let at = 0; at < bytes.length; at += view.getInt32(at + 4, true)) {
    assert.ok(
      view.getInt32(at + 4, true) >= 8 && at + view.getInt32(at + 4, true) <= bytes.length,
      'a torn record',
    )
    numbers.push(view.getInt32(at, true))
  }
  return numbers
}
