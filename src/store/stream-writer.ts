import { closeSync, constants, ftruncateSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { assert, KymoError } from '../base/index.ts'
import { writeWholly } from './append.ts'
import { onFile } from './file-error.ts'
import { PACKET_HEAD_BYTES, type PacketDescription, PacketHead, type StoredPacket } from './packet.ts'
import { INDEX_ENTRY_BYTES, writeIndexEntry } from './packet-index.ts'
import { recoverStream, type StreamFiles } from './recover-stream.ts'

const FILE_MODE = 0o600

/** Of which stream a file is, and of which trace. */
export interface StreamIdentity {
  readonly uuid: Uint8Array
  readonly streamId: number
  readonly instanceId: number
}

/** What a packet of a stream says that was there when the stream was opened, or was written last. */
export interface LastPacket extends PacketDescription {
  readonly recordBytes: number
}

/** One stream file and its index. A packet is in both or in neither, however the write ends. */
export class StreamWriter {
  readonly #files: StreamFiles
  readonly #identity: StreamIdentity
  readonly #head: PacketHead
  readonly #entry = new Uint8Array(INDEX_ENTRY_BYTES)
  readonly #onClose: () => void
  #streamBytes: number
  #indexBytes: number
  #bytesWritten: number
  #last: StoredPacket | undefined
  #isOpen = true

  /** Opens or makes the stream `name`; use `TraceWriter.openStream`. */
  constructor(directory: string, name: string, identity: StreamIdentity, onClose: () => void) {
    const { uuid, streamId, instanceId } = identity
    const files = openStreamFiles(directory, name)
    try {
      const { streamBytes, indexBytes, bytesWritten, lastPacket } = onFile(files.path, 'open a stream', () =>
        recoverStream(files, uuid),
      )
      if (lastPacket !== undefined) requireSame(files.path, lastPacket, identity)
      this.#streamBytes = streamBytes
      this.#indexBytes = indexBytes
      this.#bytesWritten = bytesWritten
      this.#last = lastPacket
    } catch (error) {
      closeStreamFiles(files)
      throw error
    }
    this.#files = files
    this.#identity = identity
    this.#head = new PacketHead(uuid, streamId, instanceId)
    this.#onClose = onClose
  }

  /** 0 in a new stream, else one more than the last complete packet has. */
  get nextSequenceNumber(): number {
    return this.#last === undefined ? 0 : this.#last.sequenceNumber + 1
  }

  /** The last packet of the file, whoever wrote it. */
  get lastPacket(): LastPacket | undefined {
    if (this.#last === undefined) return undefined
    const { begin, end, discarded, sequenceNumber, sizeBytes } = this.#last
    return { begin, end, discarded, sequenceNumber, recordBytes: sizeBytes - PACKET_HEAD_BYTES }
  }

  /** Into stream and index, by this writer. */
  get bytesWritten(): number {
    return this.#bytesWritten
  }

  /**
   * Writes one packet by one `writev`, then its index entry. Throws a KymoError (`KYMO_ENOSPC` on a full disk) with
   * both files as they were: the same packet can be written again.
   */
  write(packet: PacketDescription, records: readonly Uint8Array[]): void {
    assert(this.#isOpen, 'a packet is written into an open stream')
    assert(packet.end >= packet.begin, `a packet ends (${packet.end}) after it begins (${packet.begin})`)
    const { path, fd, indexPath, indexFd } = this.#files
    let recordBytes = 0
    for (const chunk of records) recordBytes += chunk.length
    this.#head.fill(packet, recordBytes)
    const offset = this.#streamBytes
    const sizeBytes = PACKET_HEAD_BYTES + recordBytes
    const { streamId, instanceId } = this.#identity
    const stored = { ...packet, offset, sizeBytes, streamId, instanceId: BigInt(instanceId) }
    const wanted = `write a packet of ${sizeBytes} bytes at ${offset}`
    writeWholly(fd, [this.#head.bytes, ...records], offset, path, wanted)
    writeIndexEntry(stored, this.#entry)
    try {
      writeWholly(
        indexFd,
        [this.#entry],
        this.#indexBytes,
        indexPath,
        `write an index entry at ${this.#indexBytes}`,
      )
    } catch (error) {
      ftruncateSync(fd, offset)
      throw error
    }
    this.#streamBytes += sizeBytes
    this.#indexBytes += INDEX_ENTRY_BYTES
    this.#bytesWritten += sizeBytes + INDEX_ENTRY_BYTES
    this.#last = stored
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    closeStreamFiles(this.#files)
    this.#onClose()
  }
}

/** Brings a stream that nobody goes on with into order. Returns the bytes added to its index. */
export function repairStream(directory: string, name: string, uuid: Uint8Array): number {
  const files = openStreamFiles(directory, name)
  try {
    return onFile(files.path, 'repair a stream', () => recoverStream(files, uuid)).bytesWritten
  } finally {
    closeStreamFiles(files)
  }
}

/** A link in the place of a stream would have us write into any file of this user. */
const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW

function openStreamFiles(directory: string, name: string): StreamFiles {
  if (!/^[^./\0][^/\0]*$/.test(name) || name === 'metadata' || name === 'index') {
    throw new KymoError(
      'KYMO_STREAM_NAME',
      `a stream needs a file name of its own: got ${JSON.stringify(name)}`,
      { name },
    )
  }
  const path = join(directory, name)
  const indexPath = join(directory, 'index', `${name}.idx`)
  const fd = onFile(path, 'open a stream', () => openSync(path, OPEN_FLAGS, FILE_MODE))
  try {
    const indexFd = onFile(indexPath, 'open an index', () => openSync(indexPath, OPEN_FLAGS, FILE_MODE))
    return { path, fd, indexPath, indexFd }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function closeStreamFiles({ fd, indexFd }: StreamFiles): void {
  closeSync(fd)
  closeSync(indexFd)
}

function requireSame(path: string, last: StoredPacket, { streamId, instanceId }: StreamIdentity): void {
  if (last.streamId === streamId && last.instanceId === BigInt(instanceId)) return
  throw new KymoError(
    'KYMO_FOREIGN_STREAM',
    `${path} must hold stream ${streamId}, instance ${instanceId}: it holds ${last.streamId}, ${last.instanceId}`,
    { path, streamId, instanceId },
  )
}
