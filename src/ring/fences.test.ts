/**
 * The reader pays for the fences: after memoryBarrier() it knows whether a thread saw what it had stored before,
 * or is in the middle of a record that begun before. The race, with what each side stores and then looks at:
 *
 *      writer                              reader
 *      begun = n + 1                       wait or pause word, generation + 1
 *      generation as before?               ── memory barrier ──
 *        yes: record, committed = n + 1    begun = committed = what was read?
 *        no:  begun = n, look again          yes: nothing is coming that has not seen the words
 *                                            no:  look again shortly
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { O_NONBLOCK, O_RDWR, requireLibc } from '../native/index.ts'
import { longForm, needsKernel } from '../testing/index.ts'
import { CheckedDrain, lossCount } from './testing/drain.contract.ts'
import { GENERATION, PAUSE, WriterChild, type WriterPlan } from './testing/writer.contract.ts'

const GEOMETRY = { subBufferBytes: 4096, subBufferCount: 4, classCapacity: 4 }
/** A barrier takes about 8 ms, so many rings share one. */
const RINGS = 64
const SLEEPS = longForm() ? 500_000 : 20_000
/** One of them at full speed, the others with pauses within records too. */
const STOPPED_WRITERS = 8
const STOPS = longForm() ? 20_000 : 2_000
/** Looks at the sleeping rings before the reader gets up by itself. */
const LOOKS = 20
const LOOK_MS = 0.1

const libc = requireLibc()
const NOTHING = new Int32Array(new SharedArrayBuffer(4))

test(`a reader never sleeps with a committed record unseen (${SLEEPS} times to sleep)`, async t => {
  //  outcomes of one sleep:  not yet quiet, or news at the last look → it does not sleep
  //                          asleep, and nothing comes               → the FIFO is empty
  //                          asleep, and a record is committed       → a byte was in the FIFO before it
  if (!needsKernel(t, 'membarrier(2)', libc.memoryBarrier())) return
  const plan: WriterPlan = {
    mode: 'sleepy',
    by: 'text',
    commitStore: 'plain',
    geometry: GEOMETRY,
    rings: RINGS,
  }
  const child = new WriterChild(t, plan)
  const fifos = child.readers.map((_, i) => libc.open(join(child.folder, `fifo-${i}`), O_RDWR | O_NONBLOCK))
  t.after(() => fifos.forEach(fd => void libc.close(fd)))
  const drains = child.readers.map(reader => new CheckedDrain(reader))
  const byte = new Uint8Array(4096)
  const counts = { asleep: 0, busy: 0, woken: 0 }
  await child.started()
  while (counts.asleep < SLEEPS) {
    for (const [i, drain] of drains.entries()) {
      while (libc.read(fifos[i] as number, byte) > 0);
      drain.assertAll('partial')
    }
    for (const reader of child.readers) reader.setWait(true)
    Atomics.add(child.words, GENERATION, 1)
    assert.equal(libc.memoryBarrier(), true)
    const asleep = new Set<number>()
    for (const [i, { reader, last }] of drains.entries()) {
      if (reader.isQuiet() && reader.committed() === last) asleep.add(i)
      else counts.busy++
    }
    counts.asleep += asleep.size
    for (let look = 0; look < LOOKS && asleep.size > 0; look++) {
      for (const i of asleep) {
        const { reader, last } = drains[i] as CheckedDrain
        if (reader.committed() === last) continue
        // The byte is written before the commit word is stored, so no waiting is needed to find it.
        if (libc.read(fifos[i] as number, byte) <= 0)
          assert.fail(`record ${last + 1} of ring ${i} woke nobody`)
        counts.woken++
        asleep.delete(i)
      }
      Atomics.wait(NOTHING, 0, 0, LOOK_MS)
    }
    for (const reader of child.readers) reader.setWait(false)
    await child.turn()
  }
  await child.stop()
  for (const drain of drains) drain.assertAll('partial')
  assert(counts.woken > 0 && counts.busy > 0, JSON.stringify(counts))
  const recorded = drains.reduce((sum, drain) => sum + drain.last, 0)
  const lost = child.readers.reduce((sum, reader) => sum + lossCount(reader), 0)
  assert.equal(child.produced, recorded + lost)
  t.diagnostic(JSON.stringify(counts))
})

test(`after a stop and a quiet ring nothing is committed any more (${STOPS} times)`, async t => {
  //  outcomes of one stop:  quiet at once, or after the record that was under way; then committed stands still
  if (!needsKernel(t, 'membarrier(2)', libc.memoryBarrier())) return
  const children = Array.from({ length: STOPPED_WRITERS }, (_, i) => {
    const by = i % 2 === 0 ? 'text' : 'methods'
    const mode = i === 0 ? 'run' : 'sleepy'
    return new WriterChild(t, { mode, by, commitStore: 'plain', geometry: GEOMETRY, rings: 1 })
  })
  const drains = children.map(child => new CheckedDrain(child.reader))
  await Promise.all(children.map(child => child.started()))
  let stops = 0
  let underWay = 0
  while (stops < STOPS) {
    for (const { words } of children) {
      Atomics.store(words, PAUSE, 1)
      Atomics.add(words, GENERATION, 1)
    }
    assert.equal(libc.memoryBarrier(), true)
    for (const child of children) {
      if (!child.reader.isQuiet()) underWay++
      while (!child.reader.isQuiet()) await child.pause()
    }
    const stopped = children.map(child => child.reader.state())
    for (const drain of drains) drain.assertAll('partial')
    for (const child of children) await child.turn()
    assert.deepEqual(
      children.map(child => child.reader.state()),
      stopped,
    )
    for (const [i, drain] of drains.entries()) assert.equal(drain.last, stopped[i]?.committed)
    stops += children.length
    for (const { words } of children) Atomics.store(words, PAUSE, 0)
    await Promise.all(children.map(child => resumed(child)))
  }
  await Promise.all(children.map(child => child.stop()))
  assert(underWay > 0, 'no record was under way')
  t.diagnostic(`${underWay} of ${stops} stops found a record under way`)
})

async function resumed(child: WriterChild): Promise<void> {
  const { produced } = child
  while (child.produced === produced) await child.pause()
}
