/**
 * Two processes: one writes as fast as it can, the other reads, samples, or kills it. Whatever the interleaving,
 * the reader's outcome is one of those named.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { longForm } from '../testing/index.ts'
import type { RingState } from './index.ts'
import { SLOT_SAFE_DISTANCE } from './layout.ts'
import { CheckedDrain, lossCount } from './testing/drain.contract.ts'
import { type By, timeOf } from './testing/record.contract.ts'
import { FREE_RECORD_BYTES, freeAttempts, WriterChild, type WriterPlan } from './testing/writer.contract.ts'

const RECORDS = longForm() ? 50_000_000 : 2_000_000
const TUPLES = longForm() ? 100_000_000 : 1_000_000
const KILLS = longForm() ? 200 : 20
/** Samples that differ from the one before: without them nothing was raced. */
const DIFFERENT = 1000
/** Looks between two turns of the event loop, in which a writer that failed is noticed. */
const BATCH = 5000
const LONGEST_LIFE_MS = 40

const BYS: readonly By[] = ['methods', 'text']
const COMMIT_STORES = ['plain', 'atomic'] as const

function plan(
  mode: WriterPlan['mode'],
  by: By,
  commitStore: WriterPlan['commitStore'],
  kib: number,
): WriterPlan {
  const geometry = { subBufferBytes: kib * 1024, subBufferCount: 4, classCapacity: 4 }
  return { mode, by, commitStore, geometry, rings: 1 }
}

for (const by of BYS) {
  for (const commitStore of COMMIT_STORES) {
    test(`every record read once, in order and whole (${commitStore} commits by ${by})`, async t => {
      //  writer  ──▶ ┌────┬────┬────┬────┐ ──▶ reader: each record n + 1 after n, its bytes those of n; a piece's
      //              │▓▓▓▓│▓▓w │    │r▓▓▓│     time that of its last record, and lost = attempt − n, exactly
      //              └────┴────┴────┴────┘
      const child = new WriterChild(t, plan('run', by, commitStore, 64))
      const drain = new CheckedDrain(child.reader)
      while (drain.last < RECORDS / 4) {
        for (let i = 0; i < 50; i++) drain.assertAll(i % 7 === 0 ? 'partial' : 'complete', 8)
        await child.turn()
      }
      await child.stop()
      drain.assertAll('partial')
      assert.equal(drain.last, child.reader.committed())
      assert.equal(child.produced, drain.last + lossCount(child.reader))
      assert.equal(child.reader.classCounts()[0], drain.last)
    })
  }
}

for (const by of BYS) {
  test(`V8 keeps plain stores in order: every sampled state is that of one record (by ${by})`, async t => {
    //  writer  slot, then commit word, both plain stores      sampled:  n  ─┐
    //          n−1 │ n │ n+1 │ …                                       slot ├─ all of record n, never of n−1 or n+1
    //                                                                   n' ─┘  accepted if n' − n ≤ 14
    const child = new WriterChild(t, plan('free', by, 'plain', 4))
    const { reader } = child
    await child.started()
    let accepted = 0
    let different = 0
    let before = -1
    while (accepted < TUPLES / 2 || different < DIFFERENT) {
      for (let i = 0; i < BATCH; i++) {
        const state = reader.state()
        if (state.committed === 0) continue
        accepted++
        assertFree(state)
        if (state.committed < before) assert.fail(`record ${state.committed} was seen after ${before}`)
        if (state.committed !== before) different++
        before = state.committed
      }
      await child.turn()
    }
    await child.stop()
    assert.equal(SLOT_SAFE_DISTANCE, 14)
    t.diagnostic(`${accepted} samples, ${different} different ones`)
  })
}

/** All legal outcomes: record n of `free` has one place, one time and one loss count. */
function assertFree({ committed: n, sequence, physical, end, time, lost }: RingState): void {
  const inSubBuffer = 4096 / FREE_RECORD_BYTES
  const wantedSequence = Math.floor((n - 1) / inSubBuffer)
  const attempt = freeAttempts(n)
  const isExact =
    sequence === wantedSequence &&
    physical === wantedSequence % 4 &&
    end === (((n - 1) % inSubBuffer) + 1) * FREE_RECORD_BYTES &&
    time === timeOf(attempt) &&
    lost === attempt - n
  if (isExact) return
  assert.fail(
    `record ${n}: sub-buffer ${sequence}, place ${physical}, end ${end}, time ${time}, lost ${lost}; ` +
      `wanted ${wantedSequence}, ${wantedSequence % 4}, time ${timeOf(attempt)}, lost ${attempt - n}`,
  )
}

test(`SIGKILL at ${KILLS} random moments: what was committed is there, all else is counted`, async t => {
  //          killed before the attempt counts, in it, or after:
  //  produced + 1 │ nested? full? │ begun │ record │ slot │ commit
  //  ─────────────┴───────────────┴───────┴────────┴──────┴───────
  //  outcomes: produced − (recorded + lost) is 0 between two attempts, 1 within one; never another number
  const underWay = [0, 0]
  for (let round = 0; round < KILLS; round++) {
    const by = BYS[round % 2] as By
    const child = new WriterChild(t, plan('run', by, COMMIT_STORES[(round >> 1) % 2] ?? 'plain', 64))
    const drain = new CheckedDrain(child.reader)
    await child.started()
    const endMs = performance.now() + Math.random() * LONGEST_LIFE_MS
    // Half of the rounds read while the writer lives; in the others the ring is full of unread records.
    while (performance.now() < endMs) if (round % 4 < 2) drain.assertAll('partial', 8)
    await child.kill()
    drain.assertAll('partial')
    const recorded = child.reader.committed()
    assert.equal(drain.last, recorded, `round ${round}: every committed record is read, and none besides`)
    const rest = child.produced - (recorded + lossCount(child.reader))
    assert(rest === 0 || rest === 1, `round ${round}: ${rest} attempts are neither recorded nor lost`)
    if (child.reader.isQuiet() === false)
      assert.equal(rest, 1, `round ${round}: a record under way was attempted`)
    underWay[rest] = (underWay[rest] ?? 0) + 1
  }
  t.diagnostic(`killed between attempts ${underWay[0]} times, within one ${underWay[1]} times`)
})
