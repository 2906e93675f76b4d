/**
 * Rings in mapped files: they belong to the process and are lent to its threads. Each has a lock file that its
 * thread holds, so that the ring of a thread that ended in whatever way can be found and lent again.
 */
import { closeSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../base/index.ts'
import { type Channel, openMappedFile } from '../control/index.ts'
import { type Libc, O_NONBLOCK, O_WRONLY } from '../native/index.ts'
import { geometryProblem, readGeometry } from '../ring/index.ts'
import { createMappedRing, openMappedRing, refillMappedRing } from '../ring/memory/mapped.ts'
import { CLASS_CAPACITY, newIdentity, type RingLender } from './ring-lender.ts'

/** A ring that does not fit is tried at half its size, down to this. */
const LEAST_RING_BYTES = 65536
/** Threads of one program in one channel: beyond it something makes threads without end. */
const MAX_RINGS = 65536
const WAKE_BYTE = new Uint8Array([1])

export class MappedRings implements RingLender {
  readonly tid: number
  readonly #libc: Libc
  /** The lock files of the rings that are lent. */
  readonly #locks = new Map<ArrayBufferLike, number>()

  constructor(libc: Libc) {
    this.#libc = libc
    this.tid = libc.gettid()
  }

  /** The ring of a thread that has ended, or a new one; `undefined` when there is no memory for one. */
  lend(directory: string, channel: Channel): ArrayBuffer | undefined {
    const numbers = readdirSync(directory).flatMap(name => /^ring-(\d+)\.lock$/.exec(name)?.[1] ?? [])
    for (const number of numbers.map(Number).sort((a, b) => a - b)) {
      const fd = this.#lock(directory, number, 'r+')
      if (fd === undefined) continue
      const ring = this.#takeOver(directory, number, channel)
      if (ring !== undefined) return this.#lent(ring, fd)
      closeSync(fd)
    }
    for (let number = numbers.length; number < MAX_RINGS; number++) {
      const fd = this.#lock(directory, number, 'wx')
      if (fd === undefined) continue
      const ring = this.#create(directory, number, channel)
      if (ring !== undefined) return this.#lent(ring, fd)
      closeSync(fd)
      return undefined
    }
    return undefined
  }

  #lent(ring: ArrayBuffer, fd: number): ArrayBuffer {
    this.#locks.set(ring, fd)
    return ring
  }

  /** The mapping first: who finds the lock free may lend the ring to another thread. */
  giveBack(buffer: ArrayBufferLike): void {
    this.#libc.unmap(buffer)
    const fd = this.#locks.get(buffer)
    this.#locks.delete(buffer)
    if (fd !== undefined) closeSync(fd)
  }

  /** Node closes the descriptor, and the kernel drops the lock, when this thread ends in whatever way. */
  #lock(directory: string, number: number, flags: 'r+' | 'wx'): number | undefined {
    try {
      const fd = openSync(join(directory, `ring-${number}.lock`), flags, 0o600)
      if (this.#libc.tryLock(fd)) return fd
      closeSync(fd)
    } catch (error) {
      if (errorCode(error) !== 'EEXIST' && errorCode(error) !== 'ENOENT') throw error
    }
    return undefined
  }

  #takeOver(directory: string, number: number, channel: Channel): ArrayBuffer | undefined {
    const path = join(directory, `ring-${number}`)
    try {
      const buffer = openMappedRing(path)
      return refillMappedRing(path, readGeometry(buffer)) ? buffer : undefined
    } catch (error) {
      // Its thread ended before it had made it.
      if (errorCode(error) === 'ENOENT') return this.#create(directory, number, channel)
      throw error
    }
  }

  #create(directory: string, number: number, channel: Channel): ArrayBuffer | undefined {
    const identity = newIdentity(number)
    const { subBufferCount } = channel
    for (let { subBufferBytes } = channel; ; subBufferBytes /= 2) {
      const geometry = { subBufferBytes, subBufferCount, classCapacity: CLASS_CAPACITY }
      if (geometryProblem(geometry) !== undefined) return undefined
      const buffer = createMappedRing(join(directory, `ring-${number}`), geometry, identity)
      if (buffer !== undefined) return buffer
      if ((subBufferBytes / 2) * subBufferCount < LEAST_RING_BYTES) return undefined
    }
  }

  /** One byte for the consumer; nobody may be listening, or have been woken already. */
  wake(sessionDirectory: string): void {
    const fd = this.#libc.open(join(sessionDirectory, 'wake'), O_WRONLY | O_NONBLOCK)
    if (fd < 0) return
    this.#libc.write(fd, WAKE_BYTE)
    this.#libc.close(fd)
  }

  sharedClock(sessionDirectory: string): BigInt64Array {
    return new BigInt64Array(openMappedFile(join(sessionDirectory, 'clock'), 8))
  }
}
