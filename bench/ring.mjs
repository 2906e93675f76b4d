/**
 * One event, 1 × i32, by each kind of ring, without a recorder: rings of the default size, emptied between the timed
 * rounds where they can be full. `during snapshots` has another thread take the whole ring again and again.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { interleave } from './interleave.mjs'
import { generate } from './loops.mjs'
import { median, minimum, pairedRatio } from './statistics.mjs'

const built = path => import(new URL(`../dist/${path}`, import.meta.url))

const GEOMETRY = { subBufferBytes: 262_144, subBufferCount: 8, classCapacity: 512 }
/** Less than the ring holds. */
const EVENTS = 150_000
const WARM_UP_ROUNDS = 20

export const RINGS = [
  { name: 'discard', title: 'discard' },
  { name: 'overwrite', title: 'overwrite', mode: 'overwrite', target: 1.05 },
  { name: 'snapshots', title: 'overwrite, during snapshots', mode: 'overwrite', spareCount: 8, target: 1.2 },
  { name: 'lockless', title: 'lockless, one writer', reservation: 'lockless', target: 1.5 },
  { name: 'locked', title: 'locked, one writer', reservation: 'locked' },
]

const threadState = Scratch => ({
  words: new Int32Array(16),
  generationWord: 2,
  seen: new Int32Array(1),
  scratch: new Scratch(),
  depth: new Int32Array(1),
  utf8: { byteLength: Buffer.byteLength, write: () => 0 },
  refresh: () => true,
})

/** @returns a loop over `n` events, and what empties the ring */
const makeSide = async (item, path) => {
  const { createMappedRing } = await built('ring/memory/mapped.js')
  const ring = await built('ring/index.js')
  const { makeRecorder, monotonicClock, Scratch } = await built('channel/index.js')
  const { planOf } = await built('ctf/codec/index.js')
  const { i32 } = await built('tracer/field.js')
  const now = process.hrtime.bigint()
  const epoch = (now >> 32n) << 32n
  const { mode, spareCount, reservation } = item
  const geometry = { ...GEOMETRY, ...(mode && { mode }), ...(spareCount && { spareCount }), reservation }
  const buffer = createMappedRing(path, geometry, { number: 0, epoch, created: Number(now - epoch) })
  if (!buffer) throw new Error(`no room for ${path}`)
  const wake = () => {}
  const writer =
    reservation === 'lockless'
      ? new ring.LocklessWriter(buffer, 1, wake)
      : reservation === 'locked'
        ? new ring.LockedWriter(buffer, 1, 'plain', wake)
        : new ring.SingleWriter(buffer, 1, 'plain', wake)
  const spec = {
    form: 'compact',
    eventId: 1,
    context: new Uint8Array(0),
    fields: [{ plan: planOf(i32('a').type.fieldClass) }],
    arity: 1,
  }
  const { run } = makeRecorder(spec, writer, monotonicClock(process.hrtime.bigint), threadState(Scratch))
  const loop = generate(`ring_${item.name}`, 1, 'run(i)', { run })
  const reader = reservation === 'lockless' ? new ring.LocklessReader(buffer) : new ring.RingReader(buffer)
  const empty = () => {
    if (mode === 'overwrite') return
    reader.flush?.(process.hrtime.bigint)
    for (;;) {
      const piece = reader.next('partial')
      if (!piece) return
      reader.release(piece, reader.position.packets + 1, piece.lost)
    }
  }
  const losses = () => Object.values(reader.losses()).reduce((sum, n) => sum + n, 0)
  return { loop, empty, losses }
}

export const measureRing = async ({ scratch, sizes, report }) => {
  const wanted = RINGS.filter(({ name }) => report.wants('ring', name))
  if (wanted.length === 0) return
  // The first is what the others are compared with.
  const items = wanted.includes(RINGS[0]) ? wanted : [RINGS[0], ...wanted]
  const directory = scratch.directory('ring')
  const sides = []
  for (const item of items) sides.push(await makeSide(item, join(directory, item.name)))
  const snapshots = new Int32Array(new SharedArrayBuffer(8))
  const index = items.findIndex(({ name }) => name === 'snapshots')
  const worker =
    index < 0
      ? undefined
      : new Worker(fileURLToPath(import.meta.url), {
          workerData: { path: join(directory, 'snapshots'), words: snapshots },
        })
  const rounds = sides.map(({ loop, empty }, i) => async () => {
    if (i === index) {
      const before = Atomics.load(snapshots, 1)
      Atomics.store(snapshots, 0, 1)
      Atomics.notify(snapshots, 0)
      while (Atomics.load(snapshots, 1) === before) await new Promise(resolve => setTimeout(resolve, 1))
    }
    const begin = process.hrtime.bigint()
    loop(EVENTS)
    const ns = Number(process.hrtime.bigint() - begin) / EVENTS
    if (i === index) Atomics.store(snapshots, 0, 0)
    empty()
    return ns
  })
  await interleave(rounds, WARM_UP_ROUNDS, 0)
  const values = await interleave(rounds, sizes.ringRounds, 0)
  if (worker) {
    Atomics.store(snapshots, 0, 2)
    Atomics.notify(snapshots, 0)
    await new Promise(resolve => worker.once('exit', resolve))
  }
  for (const [i, { name, title, target }] of items.entries()) {
    const lost = sides[i].losses()
    const ratio = i === 0 ? undefined : pairedRatio(values[i], values[0])
    report.add({
      section: 'ring',
      name,
      title,
      unit: 'ns',
      ours: { median: median(values[i]), min: minimum(values[i]), values: values[i] },
      ratio,
      target,
      met: target === undefined ? undefined : ratio <= target,
      problems: lost === 0 ? [] : [`${title} lost ${lost} events`],
    })
  }
}

/** words[0]: 0 wait, 1 take snapshots, 2 end; words[1]: snapshots taken. */
const takeSnapshots = async ({ path, words }) => {
  const { SnapshotReader } = await built('ring/index.js')
  const { openMappedRing } = await built('ring/memory/mapped.js')
  const reader = new SnapshotReader(openMappedRing(path))
  for (;;) {
    Atomics.wait(words, 0, 0)
    if (Atomics.load(words, 0) === 2) return
    const snapshot = reader.take()
    for (const { bytes } of snapshot.pieces) bytes.slice()
    snapshot.release()
    Atomics.add(words, 1, 1)
  }
}

if (!isMainThread && workerData?.words) await takeSnapshots(workerData)
