/**
 * Any number of threads and processes write into one ring, one at a time: the plainest way to share one, slow where
 * they meet, and what the others are checked against. Within the lock it is the single writer's protocol, which each
 * of them takes over where the last one left it; the reader is the same.
 *
 * A writer that dies within a record leaves the lock: what others record is lost until somebody who knows that it is
 * dead frees it.
 */
import { LOCK_WORD, LOSS_BASE_BIGINT, LOSS_NESTED } from './layout.ts'
import type { CommitStore, RecordParts, ReservationText, RingWriter } from './reserve.ts'
import { SingleWriter } from './single-writer.ts'

/** Some milliseconds: nobody who lives keeps the lock so long, but for a machine that stands still. */
const LOCK_TRIES = 1_000_000

export class LockedWriter implements RingWriter {
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly view: DataView
  readonly bytes: Uint8Array
  readonly own: Int32Array
  readonly ownDoubles: Float64Array
  readonly classCounters: number
  readonly classCapacity: number
  readonly created: number
  readonly epoch: bigint
  readonly text: ReservationText
  readonly #inner: SingleWriter
  /** What is lost without the lock. */
  readonly #bigints: BigInt64Array

  constructor(buffer: ArrayBufferLike, owner: number, commitStore: CommitStore, wake: () => void) {
    const inner = new SingleWriter(buffer, owner, commitStore, wake)
    this.#inner = inner
    this.#bigints = new BigInt64Array(buffer, 0, inner.doubles.length)
    this.words = inner.words
    this.doubles = inner.doubles
    this.view = inner.view
    this.bytes = inner.bytes
    this.own = inner.own
    this.ownDoubles = inner.ownDoubles
    this.classCounters = inner.classCounters
    this.classCapacity = inner.classCapacity
    this.created = inner.created
    this.epoch = inner.epoch
    this.text = {
      record: parts => recordText(inner, parts),
      isExact: false,
      functions: { lock: () => this.lock(), unlock: () => this.unlock() },
      recover: '',
      lose: cause => `lose(${cause});`,
    }
  }

  /** Takes the lock and goes on where the last writer was; false when somebody keeps it. */
  lock(): boolean {
    for (let tries = 0; tries < LOCK_TRIES; tries++) {
      if (Atomics.compareExchange(this.words, LOCK_WORD, 0, 1) === 0) {
        this.#inner.resume()
        this.#inner.abandon() // what a dead one had begun
        return true
      }
    }
    return false
  }

  unlock(): void {
    Atomics.store(this.words, LOCK_WORD, 0)
  }

  reserveSlow(size: number): number {
    return this.#inner.reserveSlow(size)
  }

  lose(cause: number): void {
    if (!this.lock()) this.#countWithoutLock(cause)
    else {
      this.#inner.lose(cause)
      this.unlock()
    }
  }

  discard(cause: number, words: Int32Array, word: number, seen: Int32Array): boolean {
    if (!this.lock()) {
      this.#countWithoutLock(cause)
      return true
    }
    const isCounted = this.#inner.discard(cause, words, word, seen)
    this.unlock()
    return isCounted
  }

  #countWithoutLock(cause: number): void {
    Atomics.add(this.#bigints, LOSS_BASE_BIGINT + cause, 1n)
  }

  /** Every record takes the lock, and looks at the reader's words within it. */
  arm(): void {}
}

/** What leaves the probe leaves the lock first, since it may come back to it. */
function recordText(inner: SingleWriter, parts: RecordParts): string {
  const text = inner.text.record({
    ...parts,
    again: 'isOutdated = true; break record;',
    discard: cause => `cause = ${cause}; break record;`,
  })
  return `
    let isOutdated = false, cause = -1;
    if (!lock()) cause = ${LOSS_NESTED};
    else {
      try {
        record: { ${text} }
      } catch (error) {
        ${inner.text.recover}
        throw error;
      } finally {
        unlock();
      }
    }
    if (isOutdated) { ${parts.again} }
    if (cause >= 0) { ${parts.discard('cause')} }`
}
