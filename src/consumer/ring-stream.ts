/**
 * One ring on its way into one stream file. The order of a packet is: ring state, event classes into the
 * metadata, packet, position record. A consumer may die between any two of them.
 */
import { KymoError } from '../base/index.ts'
import { LOSS_CAUSES, type LossCause, type Piece, RingReader } from '../ring/index.ts'
import type { StreamWriter } from '../store/index.ts'
import { writing } from './output-failure.ts'

/** Complete sub-buffers taken at once before other rings get their turn, in rounds of the ring. */
const MAX_ROUNDS = 2
/** A thread that was told to stop adds nothing, so one try takes all; one that goes on must not hold us. */
const FINISH_TRIES = 4

export interface RingStreamOptions {
  /** Opens the stream file, when the first packet is due. */
  readonly open: () => StreamWriter
  /** Writes the event classes that are known by now into the metadata. */
  readonly declareClasses: () => void
  /** True when a dead consumer's last packet may be in the stream already, without its position record. */
  readonly resumes: boolean
}

export class RingStream {
  readonly reader: RingReader
  readonly #options: RingStreamOptions
  #stream: StreamWriter | undefined
  #resumes: boolean
  #seen = 0
  #final: Record<LossCause, number> | undefined
  #recorded = 0

  constructor(buffer: ArrayBufferLike, options: RingStreamOptions) {
    this.reader = new RingReader(buffer)
    this.#options = options
    this.#resumes = options.resumes
  }

  /** Records committed since the last look. */
  look(): number {
    const committed = this.reader.committed()
    const news = (committed - this.#seen) >>> 0
    this.#seen = committed
    this.#recorded += news
    return news
  }

  /** Records committed as of the last look. */
  get recorded(): number {
    return this.#recorded
  }

  /** True when everything that was committed is in the stream. */
  isDrained(): boolean {
    const { sequence, offset } = this.reader.position
    const state = this.reader.state()
    return sequence === state.sequence && offset === state.end
  }

  /** Writes what is there; returns the number of complete sub-buffers among it. */
  take(depth: 'complete' | 'partial'): number {
    this.#skipWrittenPacket()
    const limit = MAX_ROUNDS * this.reader.geometry.subBufferCount
    for (let complete = 0; complete < limit; complete++) {
      const piece = this.reader.next(depth)
      if (piece === undefined) return complete
      this.#write(piece)
      if (!piece.isLast) return complete
    }
    return limit
  }

  /** Takes the rest and, when records were lost after the last one, says so in an empty packet that ends at `end`. */
  finish(end: bigint): void {
    this.#skipWrittenPacket()
    for (let i = 0; i < FINISH_TRIES && !this.isDrained(); i++) this.take('partial')
    // Said once: a program that lives on may lose a record that it began before it was told to stop.
    this.#final = this.reader.losses()
    const lost = this.lossCount()
    const { position } = this.reader
    if (lost <= position.lost) return
    if (position.packets === 0) this.#writeEmpty(this.#time(position.time), 0)
    const begin = this.#time(position.time)
    this.#writeEmpty(end > begin ? end : begin, lost)
  }

  close(): void {
    this.#stream?.close()
    this.#stream = undefined
  }

  /** By cause; after finish() those that the trace tells. */
  losses(): Record<LossCause, number> {
    return this.#final ?? this.reader.losses()
  }

  lossCount(): number {
    const losses = this.losses()
    return LOSS_CAUSES.reduce((sum, cause: LossCause) => sum + losses[cause], 0)
  }

  #write(piece: Piece): void {
    const { position } = this.reader
    if (position.packets === 0 && piece.lost > 0) this.#writeEmpty(this.#time(position.time), 0)
    const sequenceNumber = this.reader.position.packets
    const begin = this.#time(position.time)
    const end = this.#time(piece.time)
    this.#writePacket({ begin, end, discarded: piece.lost, sequenceNumber }, piece.bytes)
    this.reader.release(piece, sequenceNumber + 1, piece.lost)
  }

  /** A packet without records: readers tell losses from the difference between two packets. */
  #writeEmpty(end: bigint, discarded: number): void {
    const { packets, time } = this.reader.position
    const packet = { begin: this.#time(time), end, discarded, sequenceNumber: packets }
    this.#writePacket(packet, new Uint8Array(0))
    this.reader.release(undefined, packets + 1, discarded)
  }

  #writePacket(packet: Parameters<StreamWriter['write']>[0], records: Uint8Array): void {
    writing(() => {
      this.#options.declareClasses()
      this.#open().write(packet, [records])
    })
  }

  /**
   * The former consumer died between a packet and its position record: what that packet holds is released
   * here without being written again. The program may have gone on since, so the packet says how much it is.
   */
  #skipWrittenPacket(): void {
    if (!this.#resumes || (this.isDrained() && this.lossCount() <= this.reader.position.lost)) return
    const last = writing(() => this.#open()).lastPacket
    this.#resumes = false
    const { packets } = this.reader.position
    if (last === undefined || last.sequenceNumber !== packets) return
    if (last.recordBytes === 0) {
      this.reader.release(undefined, packets + 1, last.discarded)
      return
    }
    const piece = this.reader.next('partial')
    if (piece === undefined || piece.bytes.byteLength < last.recordBytes) {
      throw new KymoError(
        'KYMO_RING',
        `packet ${packets} of the stream has ${last.recordBytes} bytes of records: the ring has fewer`,
      )
    }
    const whole = piece.bytes.byteLength === last.recordBytes
    this.reader.release(
      {
        ...piece,
        end: piece.end - piece.bytes.byteLength + last.recordBytes,
        isLast: whole && piece.isLast,
        time: Number(last.end - this.reader.geometry.epoch),
        lost: last.discarded,
      },
      packets + 1,
      last.discarded,
    )
  }

  #open(): StreamWriter {
    this.#stream ??= this.#options.open()
    return this.#stream
  }

  /** CLOCK_MONOTONIC in nanoseconds. */
  #time(sinceEpoch: number): bigint {
    return this.reader.geometry.epoch + BigInt(Math.floor(sinceEpoch))
  }
}
