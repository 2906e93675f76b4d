/**
 * Packet header and context, as LTTng has them without a `cpu_id`: a thread of a program has none to tell. This
 * file alone knows their offsets.
 *
 *   0 magic u32 | 4 uuid u8[16] | 20 stream_id u32 | 24 stream_instance_id u64
 *   32 timestamp_begin | 40 timestamp_end | 48 content_size (bits) | 56 packet_size (bits)
 *   64 packet_seq_num | 72 events_discarded, u64 each | 80 records
 */
import { assert } from '../base/index.ts'
import {
  CLOCK_ROLE,
  contextClass,
  type DataStreamClass,
  eventHeaderClass,
  type HeaderForm,
  type StructureClass,
  type UnsignedIntegerClass,
} from '../ctf/model/index.ts'

export const PACKET_MAGIC = 0xc1fc1fc1
export const PACKET_PREFIX_BYTES = 80

const UUID_AT = 4
const STREAM_ID_AT = 20
const INSTANCE_AT = 24
const BEGIN_AT = 32
const END_AT = 40
const CONTENT_SIZE_AT = 48
const PACKET_SIZE_AT = 56
const SEQUENCE_NUMBER_AT = 64
const DISCARDED_AT = 72

function unsigned(name: string, length: 32 | 64, role?: string): StructureClass['memberClasses'][number] {
  const fieldClass: UnsignedIntegerClass = {
    type: 'fixed-length-unsigned-integer',
    length,
    byteOrder: 'little-endian',
    alignment: 8,
    ...(role === undefined ? {} : { roles: [role] }),
  }
  return { name, fieldClass }
}

export const PACKET_HEADER: StructureClass = {
  type: 'structure',
  memberClasses: [
    unsigned('magic', 32, 'packet-magic-number'),
    { name: 'uuid', fieldClass: { type: 'static-length-blob', length: 16, roles: ['metadata-stream-uuid'] } },
    unsigned('stream_id', 32, 'data-stream-class-id'),
    unsigned('stream_instance_id', 64, 'data-stream-id'),
  ],
}

export const PACKET_CONTEXT: StructureClass = {
  type: 'structure',
  memberClasses: [
    unsigned('timestamp_begin', 64, CLOCK_ROLE),
    unsigned('timestamp_end', 64, `packet-end-${CLOCK_ROLE}`),
    unsigned('content_size', 64, 'packet-content-length'),
    unsigned('packet_size', 64, 'packet-total-length'),
    unsigned('packet_seq_num', 64, 'packet-sequence-number'),
    unsigned('events_discarded', 64, 'discarded-event-record-counter-snapshot'),
  ],
}

function bytesOf({ memberClasses }: StructureClass): number {
  return memberClasses.reduce(
    (sum, { fieldClass }) =>
      sum +
      ('length' in fieldClass ? fieldClass.length / (fieldClass.type === 'static-length-blob' ? 1 : 8) : 0),
    0,
  )
}

assert(bytesOf(PACKET_HEADER) === BEGIN_AT, 'the packet context follows the packet header')
assert(
  bytesOf(PACKET_HEADER) + bytesOf(PACKET_CONTEXT) === PACKET_PREFIX_BYTES,
  'records follow the packet context',
)

/** The stream class of a channel of this form. */
export function streamClassFor(
  id: number,
  form: { readonly header: HeaderForm; readonly contexts: readonly string[] },
): DataStreamClass {
  const context = contextClass(form.contexts)
  return {
    id,
    packetContext: PACKET_CONTEXT,
    eventRecordHeader: eventHeaderClass(form.header),
    ...(context.memberClasses.length === 0 ? {} : { eventRecordCommonContext: context }),
  }
}

/** What the consumer knows of a packet; times are cycles of the trace's clock. */
export interface PacketDescription {
  readonly begin: bigint
  readonly end: bigint
  /** Records lost in this stream before the packet's last one. */
  readonly discarded: number
  readonly sequenceNumber: number
}

/** A packet as it stands in a stream file. */
export interface StoredPacket extends PacketDescription {
  readonly recordBytes: number
}

/** Reused for every packet of a stream. */
export class PacketPrefix {
  readonly bytes = new Uint8Array(PACKET_PREFIX_BYTES)
  readonly #view = new DataView(this.bytes.buffer)

  constructor(uuid: Uint8Array, streamId: number, instanceId: number) {
    this.#view.setUint32(0, PACKET_MAGIC, true)
    this.bytes.set(uuid, UUID_AT)
    this.#view.setUint32(STREAM_ID_AT, streamId, true)
    this.#view.setBigUint64(INSTANCE_AT, BigInt(instanceId), true)
  }

  describe(packet: PacketDescription, recordBytes: number): void {
    const bits = BigInt((PACKET_PREFIX_BYTES + recordBytes) * 8)
    this.#view.setBigUint64(BEGIN_AT, packet.begin, true)
    this.#view.setBigUint64(END_AT, packet.end, true)
    this.#view.setBigUint64(CONTENT_SIZE_AT, bits, true)
    this.#view.setBigUint64(PACKET_SIZE_AT, bits, true)
    this.#view.setBigUint64(SEQUENCE_NUMBER_AT, BigInt(packet.sequenceNumber), true)
    this.#view.setBigUint64(DISCARDED_AT, BigInt(packet.discarded), true)
  }

  /** The packet that begins with `bytes`, if it belongs to this stream and could lie in `available` bytes. */
  read(bytes: Uint8Array, available: number): StoredPacket | undefined {
    if (bytes.length < PACKET_PREFIX_BYTES) return undefined
    for (let i = 0; i < BEGIN_AT; i++) if (bytes[i] !== this.bytes[i]) return undefined
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const bits = view.getBigUint64(PACKET_SIZE_AT, true)
    if (bits % 8n !== 0n || bits < BigInt(PACKET_PREFIX_BYTES * 8) || bits > BigInt(available) * 8n)
      return undefined
    return {
      begin: view.getBigUint64(BEGIN_AT, true),
      end: view.getBigUint64(END_AT, true),
      discarded: Number(view.getBigUint64(DISCARDED_AT, true)),
      sequenceNumber: Number(view.getBigUint64(SEQUENCE_NUMBER_AT, true)),
      recordBytes: Number(bits / 8n) - PACKET_PREFIX_BYTES,
    }
  }
}
