/** Many writers in one ring: everything is accounted for, and each writer's records come in its order. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createMappedFile } from '../control/index.ts'
import { LocklessReader, type RingGeometry, RingReader } from '../ring/index.ts'
import { createMappedRing, openMappedRing } from '../ring/memory/mapped.ts'
import { longForm } from '../testing/index.ts'
import { Decoder, type Layout } from './decode.contract.ts'
import { COUNTS_BYTES, EVENT, TEXT_EVENT } from './shared-writers.contract.ts'

const GEOMETRY: RingGeometry = { subBufferBytes: 16384, subBufferCount: 8, classCapacity: 4 }
type Shared = 'lockless' | 'locked'
const LAYOUTS = new Map<number, Layout>([
  [EVENT, ['i32', 'i32']],
  [TEXT_EVENT, ['i32', 'i32', 'str']],
])
const ATTEMPTS = longForm() ? 5_000_000 : 150_000
const KILLS = longForm() ? 200 : 8
const PROGRAM = fileURLToPath(new URL('./shared-writers.contract.js', import.meta.url))
/** Time for the others to go on after a kill. */
const STUCK_MS = 100

class Scene {
  readonly reader: RingReader
  readonly produced: Float64Array
  recorded = 0
  skipped = 0
  readonly children: ChildProcess[] = []
  /** Of each writer: the last number read, and how many were. */
  readonly last = new Map<number, number>()
  readonly read = new Map<number, number>()
  readonly #folder: string
  readonly #decoder = new Decoder('compact', 0n, 0, LAYOUTS)
  #end = 0

  constructor(t: TestContext, reservation: Shared) {
    this.#folder = mkdtempSync('/dev/shm/kymo-test-')
    t.after(() => {
      for (const child of this.children) child.kill('SIGKILL')
      rmSync(this.#folder, { recursive: true, force: true })
    })
    const now = process.hrtime.bigint()
    const epoch = (now >> 32n) << 32n
    const identity = { number: 0, epoch, created: Number(now - epoch) }
    assert.notEqual(
      createMappedRing(join(this.#folder, 'ring'), { ...GEOMETRY, reservation }, identity),
      undefined,
    )
    const buffer = openMappedRing(join(this.#folder, 'ring'))
    this.reader = reservation === 'lockless' ? new LocklessReader(buffer) : new RingReader(buffer)
    this.produced = new Float64Array(
      createMappedFile(join(this.#folder, 'counts'), COUNTS_BYTES, () => undefined),
    )
  }

  start(first: number, threads: number, attempts: number): ChildProcess {
    const args = [PROGRAM, join(this.#folder, 'ring'), join(this.#folder, 'counts'), first, threads, attempts]
    const child = spawn(process.execPath, args.map(String), { stdio: ['ignore', 'inherit', 'inherit'] })
    this.children.push(child)
    return child
  }

  /** Reads what is complete; false when there was nothing. */
  drain(): boolean {
    const { reader } = this
    let isAny = false
    for (;;) {
      const piece = reader.next('partial')
      if (piece === undefined) return isAny
      isAny = true
      const beginTime = reader instanceof LocklessReader ? reader.beginTime() : reader.position.time
      assert.ok(beginTime >= this.#end, 'sub-buffers follow each other in time')
      this.#decoder.time = reader.geometry.epoch + BigInt(beginTime)
      let before = this.#decoder.time
      for (const { values, time } of this.#decoder.decode(piece.bytes)) {
        assert.ok(time >= before, 'times grow with offsets')
        before = time
        this.#check(values as [number, number, string?])
      }
      assert.ok(
        before <= reader.geometry.epoch + BigInt(piece.time),
        'no record is later than its sub-buffer',
      )
      this.#end = piece.time
      reader.release(piece, reader.position.packets + 1, piece.lost)
    }
  }

  #check([id, n, text]: [number, number, string?]): void {
    assert.ok(n > (this.last.get(id) ?? 0), `writer ${id}: ${n} after ${this.last.get(id)}`)
    assert.equal(text, n % 3 === 0 ? 'x'.repeat(n % 50) : undefined)
    this.last.set(id, n)
    this.read.set(id, (this.read.get(id) ?? 0) + 1)
    this.recorded++
  }

  async drainUntil(ended: Promise<unknown>): Promise<void> {
    let isOver = false
    void ended.then(() => {
      isOver = true
    })
    while (!isOver) {
      this.drain()
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  finish(): void {
    this.drain()
    if (this.reader instanceof LocklessReader) this.reader.flush(process.hrtime.bigint)
    this.drain()
    assert.equal(this.reader.isQuiet(), true)
  }

  get attempts(): number {
    return this.produced.reduce((sum, count) => sum + count)
  }

  get lost(): number {
    return Object.values(this.reader.losses()).reduce((sum, count) => sum + count)
  }
}

for (const [reservation, processes, threads] of [
  ['lockless', 1, 8],
  ['lockless', 4, 1],
  ['lockless', 2, 3],
  ['locked', 1, 8],
  ['locked', 4, 1],
] as const) {
  test(`${processes} processes of ${threads} threads into one ${reservation} ring`, async t => {
    const scene = new Scene(t, reservation)
    const children = Array.from({ length: processes }, (_, i) => scene.start(i * threads, threads, ATTEMPTS))
    await scene.drainUntil(Promise.all(children.map(child => once(child, 'exit'))))
    scene.finish()
    assert.equal(scene.attempts, processes * threads * ATTEMPTS)
    assert.equal(scene.recorded + scene.lost, scene.attempts)
    t.diagnostic(
      `${scene.attempts} attempts: ${scene.recorded} recorded, ${JSON.stringify(scene.reader.losses())}`,
    )
  })
}

test('what is closed takes no more, and counts no more', async t => {
  const scene = new Scene(t, 'lockless')
  const reader = scene.reader as LocklessReader
  const child = scene.start(0, 4, 1_000_000_000)
  while (scene.recorded < 100_000) {
    scene.drain()
    await new Promise(resolve => setImmediate(resolve))
  }
  reader.close()
  while (!scene.reader.isQuiet()) scene.drain()
  scene.finish()
  const { recorded, lost } = scene
  await delay(50)
  assert.equal(scene.drain(), false)
  assert.deepEqual([scene.recorded, scene.lost], [recorded, lost])
  child.kill('SIGKILL')
  await once(child, 'exit')
})

test(`${KILLS} writers killed among others cost at most their sub-buffer, and nobody waits`, async t => {
  const scene = new Scene(t, 'lockless')
  const reader = scene.reader as LocklessReader
  scene.start(0, 1, 1_000_000_000)
  scene.start(1, 1, 1_000_000_000)
  let holes = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const id = 2 + kill
    const victim = scene.start(id, 1, 1_000_000_000)
    while ((scene.produced[id] as number) < 20_000) {
      scene.drain()
      await new Promise(resolve => setImmediate(resolve))
    }
    const until = performance.now() + Math.random() * 20
    while (performance.now() < until) scene.drain()
    victim.kill('SIGKILL')
    await scene.drainUntil(once(victim, 'exit'))
    const isAlive = (owner: number): boolean => owner !== id + 1
    const patience = performance.now() + STUCK_MS
    // Several sub-buffers cannot be incomplete for it: it died within one record at most.
    while (performance.now() < patience) {
      if (reader.skip(isAlive)) holes++
      scene.drain()
      await new Promise(resolve => setImmediate(resolve))
    }
    reader.forget(isAlive)
    const { recorded } = scene
    const deadline = performance.now() + 10_000
    while (scene.recorded < recorded + 1000 && performance.now() < deadline) {
      scene.drain()
      await new Promise(resolve => setImmediate(resolve))
    }
    assert.ok(scene.recorded >= recorded + 1000, 'the others go on')
  }
  reader.close()
  for (const child of scene.children) child.kill('SIGKILL')
  t.diagnostic(
    `${KILLS} kills, ${holes} sub-buffers given up, ${scene.recorded} recorded, ${scene.lost} lost`,
  )
})
