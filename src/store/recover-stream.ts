/**
 * What a killed recorder left of a stream: the file is cut behind its last complete packet, and the index made to
 * say the same. The index is believed up to its last entry whose packet is there; from there on, heads are read.
 */
import { fstatSync, ftruncateSync, readFileSync, readSync } from 'node:fs'
import { KymoError } from '../base/index.ts'
import { writeWholly } from './append.ts'
import { PACKET_HEAD_BYTES, packetUuid, parsePacketHead, type StoredPacket } from './packet.ts'
import {
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  indexedOffsets,
  indexHeader,
  writeIndexEntry,
} from './packet-index.ts'

/** Two open files and where they stand. */
export interface StreamFiles {
  readonly path: string
  readonly fd: number
  readonly indexPath: string
  readonly indexFd: number
}

export interface RecoveredStream {
  readonly streamBytes: number
  readonly indexBytes: number
  /** Absent in a stream without a packet. */
  readonly lastPacket?: StoredPacket
  /** What was added to the index. */
  readonly bytesWritten: number
}

export function recoverStream(files: StreamFiles, uuid: Uint8Array): RecoveredStream {
  const { path, fd, indexPath, indexFd } = files
  const fileBytes = fstatSync(fd).size
  refuseForeign(files, uuid)
  const index = readFileSync(indexFd)
  let { known, last } = lastIndexedPacket(files, index, uuid, fileBytes)

  const fresh: StoredPacket[] = []
  let end = last === undefined ? 0 : last.offset + last.sizeBytes
  for (;;) {
    const packet = readPacketHead(fd, uuid, end, fileBytes)
    if (packet === undefined || (last !== undefined && !sameStream(packet, last))) break
    fresh.push(packet)
    last = packet
    end += packet.sizeBytes
  }
  if (end < fileBytes) ftruncateSync(fd, end)

  const isIndex = index.length >= INDEX_HEADER_BYTES && indexHeader().every((byte, i) => byte === index[i])
  const keep = isIndex ? INDEX_HEADER_BYTES + known * INDEX_ENTRY_BYTES : 0
  if (keep < index.length) ftruncateSync(indexFd, keep)
  const added = isIndex ? [] : [indexHeader()]
  for (const packet of fresh) {
    const entry = new Uint8Array(INDEX_ENTRY_BYTES)
    writeIndexEntry(packet, entry)
    added.push(entry)
  }
  const bytesWritten = added.reduce((sum, { length }) => sum + length, 0)
  if (bytesWritten > 0)
    writeWholly(indexFd, added, keep, indexPath, `add ${bytesWritten} bytes of index for ${path}`)
  return {
    streamBytes: end,
    indexBytes: keep + bytesWritten,
    bytesWritten,
    ...(last === undefined ? {} : { lastPacket: last }),
  }
}

/** Cutting somebody else's file to nothing would be worse than not recording: that is no torn packet. */
function refuseForeign({ path, fd }: StreamFiles, uuid: Uint8Array): void {
  const head = readAt(fd, 0, PACKET_HEAD_BYTES)
  // Shorter than a head: a torn first packet. Zeros: blocks that never reached the disk.
  if (head.length < PACKET_HEAD_BYTES || head.every(byte => byte === 0)) return
  const found = packetUuid(head)
  if (found?.every((byte, i) => byte === uuid[i])) return
  const what = found === undefined ? 'no packet of Kymograph' : 'a packet of another trace'
  throw new KymoError(
    'KYMO_FOREIGN_STREAM',
    `${path} begins with ${what}: move it out of the trace directory`,
    { path },
  )
}

/** The last index entry whose packet is in the file, and the number of entries up to and with it. */
function lastIndexedPacket(
  { fd }: StreamFiles,
  index: Uint8Array,
  uuid: Uint8Array,
  fileBytes: number,
): { known: number; last: StoredPacket | undefined } {
  const offsets = indexedOffsets(index, fileBytes)
  const entry = new Uint8Array(INDEX_ENTRY_BYTES)
  for (let known = offsets.length; known > 0; known--) {
    const last = readPacketHead(fd, uuid, offsets[known - 1] as number, fileBytes)
    if (last === undefined) continue
    writeIndexEntry(last, entry)
    const at = INDEX_HEADER_BYTES + (known - 1) * INDEX_ENTRY_BYTES
    if (entry.every((byte, i) => byte === index[at + i])) return { known, last }
  }
  return { known: 0, last: undefined }
}

function sameStream(a: StoredPacket, b: StoredPacket): boolean {
  return a.streamId === b.streamId && a.instanceId === b.instanceId
}

function readPacketHead(
  fd: number,
  uuid: Uint8Array,
  offset: number,
  fileBytes: number,
): StoredPacket | undefined {
  return parsePacketHead(readAt(fd, offset, PACKET_HEAD_BYTES), uuid, offset, fileBytes)
}

export function readAt(fd: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  return bytes.subarray(0, readSync(fd, bytes, 0, length, offset))
}
