/** One lockless ring, step by step. A sub-buffer has 4096 bytes; records are of the size that is asked for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createThreadsRing, LocklessReader, LocklessWriter, type RingGeometry } from './index.ts'
import { COMMITTED_WORD, HEADERS_WORD, TAIL_WORD } from './layout.ts'
import { CREATED } from './testing/record.contract.ts'
import { numbersIn, TestClock, type WriteWhole, wholeRecords } from './testing/whole-record.contract.ts'

const EPOCH = 5n << 32n
const GEOMETRY: RingGeometry = {
  subBufferBytes: 4096,
  subBufferCount: 2,
  classCapacity: 4,
  reservation: 'lockless',
}
const NOTHING_LOST = { full: 0, 'too big': 0, nested: 0, 'bad value': 0 }

class Scene {
  readonly buffer = createThreadsRing(GEOMETRY, { number: 0, epoch: EPOCH, created: CREATED })
  readonly reader = new LocklessReader(this.buffer)
  clock = new TestClock()
  lost: number[] = []
  wakes = 0
  owner = 0
  inside: () => void = () => undefined
  readonly write = this.writer()

  writer(): WriteWhole {
    const writer = new LocklessWriter(this.buffer, ++this.owner, () => {
      this.wakes++
    })
    return wholeRecords(writer, this.clock, {
      inside: () => this.inside(),
      lost: cause => void this.lost.push(cause),
    })
  }

  /** Numbers of the records of the next sub-buffer. */
  take(): number[] | undefined {
    const piece = this.reader.next()
    if (piece === undefined) return undefined
    const numbers = numbersIn(piece.bytes)
    this.reader.release(piece, this.reader.position.packets + 1, piece.lost)
    return numbers
  }

  flush(): boolean {
    return this.reader.flush(() => EPOCH + BigInt(++this.clock.time))
  }

  assertQuiet(): void {
    assert.equal(this.reader.isQuiet(), true)
  }
}

test('nothing is read before its sub-buffer is complete', () => {
  const scene = new Scene()
  assert.equal(scene.take(), undefined)
  assert.equal(scene.flush(), false)
  scene.clock.time = CREATED
  for (let n = 1; n <= 3; n++) assert.equal(scene.write(n, 1000), true)
  assert.equal(scene.take(), undefined)
  scene.write(4, 2000)
  assert.equal(scene.reader.beginTime(), CREATED + 1)
  assert.deepEqual(scene.take(), [1, 2, 3])
  assert.equal(scene.reader.position.time, CREATED + 4)
  assert.equal(scene.take(), undefined)
  assert.equal(scene.flush(), true)
  assert.deepEqual([scene.reader.beginTime(), scene.take()], [CREATED + 4, [4]])
  assert.equal(scene.flush(), false)
  scene.assertQuiet()
})

test('a sub-buffer that is filled to its last byte needs nobody to leave it', () => {
  const scene = new Scene()
  for (let lap = 0; lap < 50; lap++) {
    for (let n = 0; n < 4; n++) assert.equal(scene.write(n, 1024), true)
    assert.deepEqual(scene.take(), [0, 1, 2, 3])
    assert.equal(scene.write(7, 4096), true)
    assert.deepEqual(scene.take(), [7])
    scene.assertQuiet()
  }
})

test('what does not fit is lost and counted, and the ring goes on', () => {
  const scene = new Scene()
  assert.equal(scene.write(1, 4097), false)
  for (let n = 1; n <= 5; n++) scene.write(n, 2000)
  // Each sub-buffer has two; the fifth finds both needed by the reader.
  assert.deepEqual(scene.lost, [1, 0])
  assert.deepEqual(scene.reader.losses(), { ...NOTHING_LOST, full: 1, 'too big': 1 })
  assert.deepEqual(scene.take(), [1, 2])
  assert.equal(scene.write(6, 2000), true)
  assert.deepEqual([scene.take(), scene.reader.position.lost], [[3, 4], 2])
})

test('a record is interrupted by others, between its room and its commit', () => {
  const scene = new Scene()
  const other = scene.writer()
  let n = 10
  scene.inside = () => {
    scene.inside = () => undefined
    // The sub-buffer is left by others while the first record is still being written.
    for (let i = 0; i < 3; i++) assert.equal(other(++n, 1500), true)
    assert.equal(scene.reader.isQuiet(), false)
    assert.equal(scene.take(), undefined)
  }
  scene.write(1, 1500)
  assert.deepEqual(scene.take(), [1, 11])
  scene.flush()
  assert.deepEqual(scene.take(), [12, 13])
  scene.assertQuiet()
})

test('a swap that fails is made again with a new time', () => {
  const scene = new Scene()
  const other = scene.writer()
  scene.write(1, 100)
  const { time } = scene.clock
  let isFirst = true
  // Between tail and swap lies the clock alone.
  Object.defineProperty(scene.clock, 'time', {
    get: () => {
      if (isFirst) {
        isFirst = false
        other(2, 100)
      }
      return ticks
    },
    set: value => {
      ticks = value
    },
  })
  let ticks = time
  scene.write(3, 100)
  scene.flush()
  assert.deepEqual(scene.take(), [1, 2, 3])
})

test('a writer that died within a record costs its sub-buffer, which is given up', () => {
  const scene = new Scene()
  scene.write(1, 1000)
  scene.inside = () => {
    throw new Error('killed')
  }
  assert.throws(() => scene.write(2, 1000), /killed/)
  scene.inside = () => undefined
  const other = scene.writer()
  const isAlive = (owner: number): boolean => owner !== 1
  assert.equal(scene.reader.skip(isAlive), false)
  other(3, 3000)
  other(4, 3000)
  assert.deepEqual(scene.lost, [0])
  assert.deepEqual([scene.take(), scene.reader.isQuiet()], [undefined, false])
  // As long as the one that is within a record may live, nothing is given up.
  assert.equal(
    scene.reader.skip(() => true),
    false,
  )
  assert.equal(scene.reader.skip(isAlive), true)
  assert.equal(scene.reader.skip(isAlive), false)
  for (let lap = 0; lap < 10; lap++) {
    assert.equal(other(5, 3000), true)
    assert.deepEqual(scene.take(), lap === 0 ? [3] : [5])
  }
  scene.flush()
  assert.deepEqual(scene.take(), [5])
  scene.assertQuiet()
})

test('a closed ring gives no room and counts nothing', () => {
  const scene = new Scene()
  scene.write(1, 1000)
  scene.write(2, 5000)
  scene.reader.close()
  const before = scene.reader.losses()
  assert.equal(scene.write(3, 1000), false)
  assert.equal(scene.write(4, 5000), false)
  assert.deepEqual(scene.reader.losses(), before)
  assert.equal(scene.flush(), true)
  assert.deepEqual(scene.take(), [1])
  scene.assertQuiet()
  assert.equal(new Int32Array(scene.buffer)[COMMITTED_WORD], 0)
})

test('a new reader goes on where the old one was', () => {
  const scene = new Scene()
  const all: number[] = []
  for (let n = 1; n <= 40; n++) {
    scene.write(n, 1300)
    const reader = new LocklessReader(scene.buffer)
    Object.assign(scene, { reader })
    all.push(...(scene.take() ?? []))
  }
  scene.flush()
  all.push(...(scene.take() ?? []))
  assert.deepEqual(
    all,
    Array.from({ length: 40 }, (_, i) => i + 1),
  )
})

test('a sleeping reader is woken by the next record', () => {
  const scene = new Scene()
  scene.write(1, 100)
  scene.write(2, 100)
  const { wakes } = scene
  scene.reader.setWait(true)
  scene.write(3, 100)
  assert.equal(scene.wakes, wakes + 1)
})

test('a sub-buffer is not given up while somebody alive is within it', () => {
  const scene = new Scene()
  const slow = scene.writer()
  scene.inside = () => {
    throw new Error('killed')
  }
  assert.throws(() => scene.write(1, 1000), /killed/)
  const isAlive = (owner: number): boolean => owner !== 1
  scene.inside = () => {
    scene.inside = () => undefined
    const third = scene.writer()
    third(3, 3000)
    assert.equal(scene.reader.skip(isAlive), false)
    third(4, 1000)
    assert.equal(scene.reader.skip(isAlive), false)
  }
  slow(2, 1000)
  assert.equal(scene.reader.skip(isAlive), true)
  scene.flush()
  assert.deepEqual(scene.take(), [3, 4])
})

test('64 writers have a place, and the places of the dead are given away', () => {
  const scene = new Scene()
  const writers = Array.from(
    { length: 63 },
    (_, i) => new LocklessWriter(scene.buffer, 100 + i, () => undefined),
  )
  assert.throws(() => new LocklessWriter(scene.buffer, 7, () => undefined), { code: 'KYMO_WRITERS' })
  writers[3]?.leave()
  new LocklessWriter(scene.buffer, 103, () => undefined)
  assert.throws(() => new LocklessWriter(scene.buffer, 7, () => undefined), { code: 'KYMO_WRITERS' })
  scene.reader.forget(owner => owner !== 110)
  new LocklessWriter(scene.buffer, 110, () => undefined)
  assert.throws(() => new LocklessWriter(scene.buffer, 7, () => undefined), { code: 'KYMO_WRITERS' })
})

test('a counter that cannot be is damage', () => {
  const scene = new Scene()
  scene.write(1, 100)
  new Int32Array(scene.buffer)[HEADERS_WORD + 2] = 5000
  assert.throws(() => scene.reader.next(), { code: 'KYMO_RING' })
  assert.ok((new Int32Array(scene.buffer)[TAIL_WORD] as number) > 0)
})
