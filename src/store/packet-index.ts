/**
 * LTTng's packet index, version 1.1: all big-endian.
 *
 *   header  u32 magic 0xC1F1DCC1, u32 major 1, u32 minor 1, u32 bytes of an entry (72)
 *   entry   u64 × 9: offset (bytes), packet_size, content_size (bits), timestamp_begin, timestamp_end,
 *           events_discarded, stream_id, stream_instance_id, packet_seq_num
 */
import type { StoredPacket } from './packet.ts'

export const INDEX_HEADER_BYTES = 16
export const INDEX_ENTRY_BYTES = 72
const MAGIC = 0xc1f1dcc1

export function indexHeader(): Uint8Array {
  const bytes = new Uint8Array(INDEX_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC)
  view.setUint32(4, 1)
  view.setUint32(8, 1)
  view.setUint32(12, INDEX_ENTRY_BYTES)
  return bytes
}

export function writeIndexEntry(packet: StoredPacket, into: Uint8Array): void {
  const view = new DataView(into.buffer, into.byteOffset, INDEX_ENTRY_BYTES)
  const sizeBits = BigInt(packet.sizeBytes) * 8n
  view.setBigUint64(0, BigInt(packet.offset))
  view.setBigUint64(8, sizeBits)
  view.setBigUint64(16, sizeBits)
  view.setBigUint64(24, packet.begin)
  view.setBigUint64(32, packet.end)
  view.setBigUint64(40, BigInt(packet.discarded))
  view.setBigUint64(48, BigInt(packet.streamId))
  view.setBigUint64(56, packet.instanceId)
  view.setBigUint64(64, BigInt(packet.sequenceNumber))
}

/**
 * The file offset of each packet that the index knows, from the first on, as long as packets follow each other
 * without a gap and lie within `streamBytes`. Empty where this is no index of this version.
 */
export function indexedOffsets(index: Uint8Array, streamBytes: number): number[] {
  const offsets: number[] = []
  if (index.length < INDEX_HEADER_BYTES || !indexHeader().every((byte, i) => byte === index[i]))
    return offsets
  const view = new DataView(index.buffer, index.byteOffset, index.length)
  let next = 0
  for (let at = INDEX_HEADER_BYTES; at + INDEX_ENTRY_BYTES <= index.length; at += INDEX_ENTRY_BYTES) {
    const end = next + Number(view.getBigUint64(at + 8) / 8n)
    if (Number(view.getBigUint64(at)) !== next || end <= next || end > streamBytes) break
    offsets.push(next)
    next = end
  }
  return offsets
}
