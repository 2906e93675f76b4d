/** LTTng's packet index, version 1.1: `index/<stream>.idx`, all numbers big-endian. */
import { PACKET_PREFIX_BYTES, type StoredPacket } from './packet.ts'

const INDEX_MAGIC = 0xc1f1dcc1
const INDEX_MAJOR = 1
const INDEX_MINOR = 1
export const INDEX_HEADER_BYTES = 16
export const INDEX_ENTRY_BYTES = 72

export function indexHeader(): Uint8Array {
  const bytes = new Uint8Array(INDEX_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, INDEX_MAGIC)
  view.setUint32(4, INDEX_MAJOR)
  view.setUint32(8, INDEX_MINOR)
  view.setUint32(12, INDEX_ENTRY_BYTES)
  return bytes
}

/** The entry of a packet that begins at byte `offset` of its stream file. */
export function indexEntry(
  offset: number,
  packet: StoredPacket,
  streamId: number,
  instanceId: number,
): Uint8Array {
  const bytes = new Uint8Array(INDEX_ENTRY_BYTES)
  const view = new DataView(bytes.buffer)
  const bits = BigInt((PACKET_PREFIX_BYTES + packet.recordBytes) * 8)
  const words = [
    BigInt(offset),
    bits,
    bits,
    packet.begin,
    packet.end,
    BigInt(packet.discarded),
    BigInt(streamId),
    BigInt(instanceId),
    BigInt(packet.sequenceNumber),
  ]
  for (const [i, word] of words.entries()) view.setBigUint64(8 * i, word)
  return bytes
}
