/**
 * The reader's end of a ring in overwrite mode:
 *
 *   const reader = new SnapshotReader(buffer)
 *   const snapshot = reader.take()
 *   for (const piece of snapshot.pieces) write(piece.bytes)     // at leisure
 *   snapshot.release()
 *
 * A snapshot is one unbroken run of records that ends with the last one committed when it was asked for. Complete
 * sub-buffers are pinned, newest first: exchanged for spare ones, so that the writer goes on in those, and put back
 * afterwards, so that the next snapshot finds them. Without spare ones they are copied at once. The newest first,
 * because the writer comes from the oldest end.
 *
 * One at a time; a reader may die at any step, and the next one finds its sub-buffers again.
 */
import { assert, KymoError } from '../base/index.ts'
import {
  dataOffset,
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
  PLACE_PHYSICAL,
  physicalCount,
  placesWord,
  placeWord,
} from './layout.ts'
import { RingReader, type RingState } from './read.ts'

/** A writer has to go once around the ring while the current sub-buffer is copied, again and again. */
const TAKE_TRIES = 1000
/** So often the request is made anew when the writer passed the oldest sub-buffer before it was pinned. */
const WHOLE_TRIES = 8

/** Whole records of one sub-buffer, all of it or, of the newest, up to the request. */
export interface SnapshotPiece {
  readonly bytes: Uint8Array
  readonly sequence: number
  /** Records of this ring before the first one here. */
  readonly firstRecord: number
  /** Nanoseconds since the ring's epoch: of the record before, and of the last one here. */
  readonly beginTime: number
  readonly endTime: number
  /** Records lost before the last one here. */
  readonly lost: number
}

export interface Snapshot {
  readonly request: RingState
  /** Oldest first. */
  readonly pieces: readonly SnapshotPiece[]
  /** Records that were written over before the first one here. */
  readonly overwritten: number
  /** Puts the sub-buffers back: the pieces' bytes are the writer's again. */
  release(): void
}

/** A sub-buffer that lies at its position no more. */
interface Pin {
  readonly position: number
  /** What the table held, and holds now. */
  readonly word: number
  readonly exchanged: number
}

export class SnapshotReader {
  readonly ring: RingReader
  readonly #words: Int32Array
  readonly #doubles: Float64Array
  readonly #buffer: ArrayBufferLike
  readonly #dataOffset: number
  readonly #places: number
  readonly #count: number
  /** Physical ids that nobody uses. */
  readonly #spares: number[]
  #isTaken = false

  constructor(buffer: ArrayBufferLike) {
    this.ring = new RingReader(buffer)
    const { geometry } = this.ring
    assert(geometry.mode === 'overwrite', 'snapshots are taken of a ring that is written over')
    this.#buffer = buffer
    this.#dataOffset = dataOffset(geometry)
    this.#words = new Int32Array(buffer, 0, this.#dataOffset / 4)
    this.#doubles = new Float64Array(buffer, 0, this.#dataOffset / 8)
    this.#places = placesWord(geometry)
    this.#count = geometry.subBufferCount
    this.#spares = this.#findSpares()
    this.#putBackOfPredecessor()
  }

  /** Everything that the ring holds now. Release it before the next one is taken. */
  take(): Snapshot {
    assert(!this.#isTaken, 'the last snapshot is released')
    for (let tries = 0; tries < TAKE_TRIES; tries++) {
      const request = this.ring.state()
      const pins: Pin[] = []
      const older = this.#takeOlder(request, pins)
      const isWhole = older.length === this.#depth(request) || tries >= WHOLE_TRIES
      const current = isWhole ? this.#copyCurrent(request) : undefined
      if (current === undefined) {
        this.#putBack(pins)
        continue
      }
      const pieces = [...older, current].filter(({ bytes }) => bytes.length > 0)
      this.#isTaken = true
      return {
        request,
        pieces,
        overwritten: pieces[0]?.firstRecord ?? 0,
        release: () => {
          if (this.#isTaken) this.#putBack(pins)
          this.#isTaken = false
        },
      }
    }
    throw this.#damage(`the writer was everywhere in ${TAKE_TRIES} tries`)
  }

  /** Complete sub-buffers before that of the request, oldest first. */
  #takeOlder(request: RingState, pins: Pin[]): SnapshotPiece[] {
    const pieces: SnapshotPiece[] = []
    for (let back = 1; back <= this.#depth(request); back++) {
      const sequence = (request.sequence - back) | 0
      const piece = this.#spares.length > 0 ? this.#pin(sequence, pins) : this.#copy(sequence)
      if (piece === undefined) break
      pieces.unshift(piece)
    }
    return pieces
  }

  /** Sub-buffers that were complete before that of the request. */
  #depth({ sequence }: RingState): number {
    return Math.min(this.#count - 1, sequence >>> 0)
  }

  #pin(sequence: number, pins: Pin[]): SnapshotPiece | undefined {
    const position = this.#position(sequence)
    const word = Atomics.load(this.#words, position)
    const physical = word & PLACE_PHYSICAL
    if (word !== placeWord(physical, sequence, this.#count)) return undefined
    const exchanged = placeWord(this.#spares[this.#spares.length - 1] as number, sequence, this.#count)
    if (Atomics.compareExchange(this.#words, position, word, exchanged) !== word) return undefined
    this.#spares.pop()
    const pin = { position, word, exchanged }
    // Lies a spare one of a reader that died: then nobody knows where the data is.
    if (this.#sequenceOf(physical) !== sequence) {
      this.#putBack([pin])
      return undefined
    }
    pins.push(pin)
    return this.#complete(physical, sequence)
  }

  #copy(sequence: number): SnapshotPiece | undefined {
    const physical = Atomics.load(this.#words, this.#position(sequence)) & PLACE_PHYSICAL
    if (physical >= physicalCount(this.ring.geometry) || this.#sequenceOf(physical) !== sequence)
      return undefined
    const piece = this.#complete(physical, sequence)
    const copied = { ...piece, bytes: piece.bytes.slice() }
    return this.#sequenceOf(physical) === sequence ? copied : undefined
  }

  /** The sub-buffer of the request up to it; `undefined` when the writer came round meanwhile. */
  #copyCurrent({ physical, sequence, end, time, lost }: RingState): SnapshotPiece | undefined {
    const { firstRecord, beginTime } = this.#complete(physical, sequence, end)
    const bytes = this.#data(physical, end).slice()
    if (this.#sequenceOf(physical) !== sequence) return undefined
    return { bytes, sequence, firstRecord, beginTime, endTime: time, lost }
  }

  #complete(physical: number, sequence: number, end = this.#endOf(physical)): SnapshotPiece {
    const double = HEADERS_DOUBLE + physical * HEADER_DOUBLES
    return {
      bytes: this.#data(physical, end),
      sequence,
      firstRecord: this.#doubles[double + HEADER_FIRST_RECORD] as number,
      beginTime: this.#doubles[double + HEADER_BEGIN_TIME] as number,
      endTime: this.#doubles[double + HEADER_END_TIME] as number,
      lost: this.#doubles[double + HEADER_END_LOST] as number,
    }
  }

  #data(physical: number, end: number): Uint8Array {
    const { subBufferBytes } = this.ring.geometry
    if (end < 0 || end > subBufferBytes) {
      throw this.#damage(`a sub-buffer of ${subBufferBytes} bytes ends at ${end}`)
    }
    return new Uint8Array(this.#buffer, this.#dataOffset + physical * subBufferBytes, end)
  }

  /** Back to its position, unless the writer has come round: then it is the spare one. */
  #putBack(pins: Pin[]): void {
    for (const { position, word, exchanged } of pins.splice(0)) {
      const isBack = Atomics.compareExchange(this.#words, position, exchanged, word) === exchanged
      this.#spares.push((isBack ? exchanged : word) & PLACE_PHYSICAL)
    }
  }

  #findSpares(): number[] {
    const physicals = new Set(Array.from({ length: physicalCount(this.ring.geometry) }, (_, i) => i))
    for (let i = 0; i < this.#count; i++) {
      const physical = Atomics.load(this.#words, this.#places + i) & PLACE_PHYSICAL
      if (!physicals.delete(physical)) throw this.#damage(`sub-buffer ${physical} lies at two positions`)
    }
    return [...physicals]
  }

  /** A reader died with sub-buffers pinned: what the writer has not passed yet goes back to where it was. */
  #putBackOfPredecessor(): void {
    const { sequence: current } = this.ring.state()
    for (let back = 1; back < this.#count && back <= current >>> 0; back++) {
      const sequence = (current - back) | 0
      const index = this.#spares.findIndex(physical => this.#sequenceOf(physical) === sequence)
      if (index < 0) continue
      const position = this.#position(sequence)
      const found = Atomics.load(this.#words, position)
      const lying = found & PLACE_PHYSICAL
      if (found !== placeWord(lying, sequence, this.#count) || this.#sequenceOf(lying) === sequence) continue
      const word = placeWord(this.#spares[index] as number, sequence, this.#count)
      if (Atomics.compareExchange(this.#words, position, found, word) === found) this.#spares[index] = lying
    }
  }

  #position(sequence: number): number {
    return this.#places + (sequence & (this.#count - 1))
  }

  #sequenceOf(physical: number): number {
    return Atomics.load(this.#words, HEADERS_WORD + physical * HEADER_WORDS + HEADER_SEQUENCE)
  }

  #endOf(physical: number): number {
    return this.#words[HEADERS_WORD + physical * HEADER_WORDS + HEADER_END] as number
  }

  #damage(what: string): KymoError {
    return new KymoError('KYMO_RING', `ring ${this.ring.geometry.number} is damaged: ${what}`)
  }
}
