/** A consumer as the recorder's is, with a list for a stream file: packet, position record, space; steps between. */
import assert from 'node:assert/strict'
import type { Piece, RingReader } from '../index.ts'
import { assertRecords, CREATED, timeOf } from '../testing/record.contract.ts'
import { SteppedReader } from './stepping.contract.ts'

export interface Packet {
  readonly number: number
  readonly begin: number
  readonly end: number
  readonly lost: number
  readonly bytes: Uint8Array
}

/** What outlives the consumer. */
export interface Stream {
  readonly packets: readonly Packet[]
  write(packet: Packet): void
}

export class MemoryStream implements Stream {
  readonly packets: Packet[] = []

  write(packet: Packet): void {
    this.packets.push(packet)
  }
}

export class Consumer {
  readonly reader: RingReader
  readonly #stream: Stream

  constructor(buffer: ArrayBufferLike, stream: Stream) {
    this.reader = new SteppedReader(buffer)
    this.#stream = stream
    this.#skipWrittenPacket()
  }

  /** Takes one piece, if there is one. */
  take(depth: 'complete' | 'partial'): boolean {
    const piece = this.reader.next(depth)
    if (piece === undefined) return false
    // Readers of a trace show differences between packets: what was lost first needs one in front.
    if (this.reader.position.packets === 0 && piece.lost > 0) this.takeLosses(0)
    this.#write(piece.bytes, piece.time, piece.lost)
    this.reader.release(piece, this.reader.position.packets + 1, piece.lost)
    return true
  }

  takeAll(): void {
    while (this.take('partial'));
  }

  /** An empty packet. */
  takeLosses(lost: number): void {
    const { packets, time } = this.reader.position
    this.#write(new Uint8Array(0), time, lost)
    this.reader.release(undefined, packets + 1, lost)
  }

  #write(bytes: Uint8Array, end: number, lost: number): void {
    const { packets: number, time: begin } = this.reader.position
    this.#stream.write({ number, begin, end, lost, bytes: bytes.slice() })
    globalThis.kymographRingStep()
  }

  /** The former consumer died between its packet and its position record. */
  #skipWrittenPacket(): void {
    const { packets } = this.reader.position
    const last = this.#stream.packets.at(-1)
    if (last === undefined || last.number !== packets) return
    if (last.bytes.length === 0) {
      this.reader.release(undefined, packets + 1, last.lost)
      return
    }
    const piece = this.reader.next('partial')
    assert(piece !== undefined && piece.bytes.length >= last.bytes.length, 'what was written is still there')
    assert.deepEqual(piece.bytes.slice(0, last.bytes.length), last.bytes)
    this.reader.release(cutTo(piece, last), packets + 1, last.lost)
  }
}

/** The program may have gone on since. */
function cutTo(piece: Piece, packet: Packet): Piece {
  const more = piece.bytes.length - packet.bytes.length
  return {
    ...piece,
    end: piece.end - more,
    isLast: piece.isLast && more === 0,
    time: packet.end,
    lost: packet.lost,
  }
}

/** Every record once, in order and whole; nothing lost is reported twice, and no packet is missing. */
export function assertStream({ packets }: Stream, records: number, lost: number): void {
  let number = 0
  let attempt = 0
  let before: Pick<Packet, 'end' | 'lost'> = { end: CREATED, lost: 0 }
  for (const [i, packet] of packets.entries()) {
    assert.equal(packet.number, i)
    assert.equal(packet.begin, before.end, `packet ${i} begins where the one before it ended`)
    assert(packet.lost >= before.lost, `packet ${i}: ${packet.lost} lost after ${before.lost}`)
    for (const record of assertRecords(packet.bytes)) {
      assert.equal(record.number, ++number)
      assert(record.attempt > attempt, `attempt ${record.attempt} after ${attempt}`)
      attempt = record.attempt
    }
    if (packet.bytes.length > 0) assert.equal(packet.end, timeOf(attempt), `end of packet ${i}`)
    before = packet
  }
  assert.equal(number, records, 'all that was committed is read')
  assert.equal(before.lost, lost, 'all that was lost is reported')
}
