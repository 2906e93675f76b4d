/**
 * The head of every packet that Kymograph stores, as LTTng-UST lays it out: all little-endian, nothing padded.
 *
 *      0  u32  magic 0xC1FC1FC1 ┐
 *      4  u8   uuid[16]         │ packet header (CTF 1.8 §5.1)
 *     20  u32  stream_id        │
 *     24  u64  stream_instance_id
 *     32  u64  timestamp_begin  ┐
 *     40  u64  timestamp_end    │
 *     48  u64  content_size     │ packet context (CTF 1.8 §5.2); sizes in bits
 *     56  u64  packet_size      │
 *     64  u64  packet_seq_num   │
 *     72  u64  events_discarded ┘
 *     80  records
 *
 * No other file knows these offsets.
 */
import { assert } from '../base/index.ts'
import type { FieldClass, StructureClass, UnsignedIntegerClass } from '../ctf/model/index.ts'

export const PACKET_HEAD_BYTES = 80
const MAGIC = 0xc1fc1fc1
const UUID_BYTES = 16
const AT = {
  magic: 0,
  uuid: 4,
  stream_id: 20,
  stream_instance_id: 24,
  timestamp_begin: 32,
  timestamp_end: 40,
  content_size: 48,
  packet_size: 56,
  packet_seq_num: 64,
  events_discarded: 72,
} as const

export const PACKET_HEADER: StructureClass = structure({
  magic: { ...unsigned(32, 'packet-magic-number'), preferredDisplayBase: 16 },
  uuid: { type: 'static-length-blob', length: UUID_BYTES, roles: ['metadata-stream-uuid'] },
  stream_id: unsigned(32, 'data-stream-class-id'),
  stream_instance_id: unsigned(64, 'data-stream-id'),
})

export const PACKET_CONTEXT: StructureClass = structure({
  timestamp_begin: unsigned(64, 'default-clock-timestamp'),
  timestamp_end: unsigned(64, 'packet-end-default-clock-timestamp'),
  content_size: unsigned(64, 'packet-content-length'),
  packet_size: unsigned(64, 'packet-total-length'),
  packet_seq_num: unsigned(64, 'packet-sequence-number'),
  events_discarded: unsigned(64, 'discarded-event-record-counter-snapshot'),
})

assertLayout()

export interface PacketDescription {
  /** Clock cycles. */
  readonly begin: bigint
  /** Clock cycles, not below `begin`. */
  readonly end: bigint
  /** Records lost in this stream from its beginning to the last record of this packet. */
  readonly discarded: number
  /** Counts from 0 without a gap. */
  readonly sequenceNumber: number
}

/** A packet in a stream file, as its head tells. */
export interface StoredPacket extends PacketDescription {
  /** In the stream file, in bytes. */
  readonly offset: number
  /** Head and records, in bytes. */
  readonly sizeBytes: number
  readonly streamId: number
  readonly instanceId: bigint
}

/** One stream's packet head: what never changes is written once, and `fill` allocates no buffer. */
export class PacketHead {
  readonly bytes = new Uint8Array(PACKET_HEAD_BYTES)
  readonly #view = new DataView(this.bytes.buffer)

  constructor(uuid: Uint8Array, streamId: number, instanceId: number) {
    this.#view.setUint32(AT.magic, MAGIC, true)
    this.bytes.set(uuid, AT.uuid)
    this.#view.setUint32(AT.stream_id, streamId, true)
    this.#view.setBigUint64(AT.stream_instance_id, BigInt(instanceId), true)
  }

  fill(packet: PacketDescription, recordBytes: number): void {
    const sizeBits = BigInt(PACKET_HEAD_BYTES + recordBytes) * 8n
    this.#view.setBigUint64(AT.timestamp_begin, packet.begin, true)
    this.#view.setBigUint64(AT.timestamp_end, packet.end, true)
    this.#view.setBigUint64(AT.content_size, sizeBits, true)
    this.#view.setBigUint64(AT.packet_size, sizeBits, true)
    this.#view.setBigUint64(AT.packet_seq_num, BigInt(packet.sequenceNumber), true)
    this.#view.setBigUint64(AT.events_discarded, BigInt(packet.discarded), true)
  }
}

/** The packet whose head is `head`, or undefined where there is none, or one that ends beyond `fileBytes`. */
export function parsePacketHead(
  head: Uint8Array,
  uuid: Uint8Array,
  offset: number,
  fileBytes: number,
): StoredPacket | undefined {
  const found = packetUuid(head)
  if (head.length < PACKET_HEAD_BYTES || found === undefined || !found.every((byte, i) => byte === uuid[i])) {
    return undefined
  }
  const view = new DataView(head.buffer, head.byteOffset, PACKET_HEAD_BYTES)
  const sizeBits = view.getBigUint64(AT.packet_size, true)
  const fits =
    sizeBits >= PACKET_HEAD_BYTES * 8 && sizeBits % 8n === 0n && sizeBits <= (fileBytes - offset) * 8
  const begin = view.getBigUint64(AT.timestamp_begin, true)
  const end = view.getBigUint64(AT.timestamp_end, true)
  // This writer pads nothing.
  if (!fits || view.getBigUint64(AT.content_size, true) !== sizeBits || end < begin) return undefined
  return {
    offset,
    sizeBytes: Number(sizeBits / 8n),
    begin,
    end,
    discarded: Number(view.getBigUint64(AT.events_discarded, true)),
    sequenceNumber: Number(view.getBigUint64(AT.packet_seq_num, true)),
    streamId: view.getUint32(AT.stream_id, true),
    instanceId: view.getBigUint64(AT.stream_instance_id, true),
  }
}

/** The trace UUID in a packet's first bytes; undefined where they are not a packet's. */
export function packetUuid(head: Uint8Array): Uint8Array | undefined {
  if (head.length < AT.stream_id) return undefined
  const magic = new DataView(head.buffer, head.byteOffset).getUint32(AT.magic, true)
  return magic === MAGIC ? head.slice(AT.uuid, AT.uuid + UUID_BYTES) : undefined
}

function unsigned(length: number, role: string): UnsignedIntegerClass {
  return {
    type: 'fixed-length-unsigned-integer',
    length,
    byteOrder: 'little-endian',
    alignment: 8,
    roles: [role],
  }
}

function structure(members: Readonly<Record<string, FieldClass>>): StructureClass {
  const memberClasses = Object.entries(members).map(([name, fieldClass]) => ({ name, fieldClass }))
  return { type: 'structure', memberClasses }
}

/** The offsets written here and the classes that the metadata tells readers must be the same. */
function assertLayout(): void {
  let offset = 0
  for (const { name, fieldClass } of [...PACKET_HEADER.memberClasses, ...PACKET_CONTEXT.memberClasses]) {
    assert(AT[name as keyof typeof AT] === offset, `packet head member ${name} stands at byte ${offset}`)
    if (fieldClass.type === 'fixed-length-unsigned-integer') offset += fieldClass.length / 8
    else offset += UUID_BYTES
  }
  assert(
    offset === PACKET_HEAD_BYTES,
    `a packet head has ${PACKET_HEAD_BYTES} bytes: its members have ${offset}`,
  )
}
