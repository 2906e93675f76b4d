/** One data stream file and its index. */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { appendWhole, fileCall } from './files.ts'
import { indexEntry, indexHeader } from './index-file.ts'
import { PACKET_PREFIX_BYTES, type PacketDescription, PacketPrefix, type StoredPacket } from './packet.ts'

export interface StreamIdentity {
  readonly uuid: Uint8Array
  readonly streamId: number
  readonly instanceId: number
}

export class StreamWriter {
  readonly #path: string
  readonly #indexPath: string
  readonly #identity: StreamIdentity
  readonly #prefix: PacketPrefix
  readonly #fd: number
  readonly #indexFd: number
  #size = 0
  #indexSize = 0
  #last: StoredPacket | undefined

  /** Goes on behind the last whole packet of a file that is there; the folder `index` beside it exists. */
  constructor(path: string, identity: StreamIdentity) {
    this.#path = path
    this.#indexPath = join(dirname(path), 'index', `${basename(path)}.idx`)
    this.#identity = identity
    this.#prefix = new PacketPrefix(identity.uuid, identity.streamId, identity.instanceId)
    this.#fd = fileCall('open', path, () => openForUpdate(path))
    try {
      this.#indexFd = fileCall('open', this.#indexPath, () => openForUpdate(this.#indexPath))
    } catch (error) {
      closeSync(this.#fd)
      throw error
    }
    const entries = this.#scan()
    fileCall('cut', path, () => ftruncateSync(this.#fd, this.#size))
    fileCall('cut', this.#indexPath, () => ftruncateSync(this.#indexFd, 0))
    this.#indexSize = appendWhole(this.#indexFd, this.#indexPath, 0, [indexHeader(), ...entries])
  }

  /** Of the file; `undefined` while it has none. */
  get lastPacket(): StoredPacket | undefined {
    return this.#last
  }

  get nextSequenceNumber(): number {
    return this.#last === undefined ? 0 : this.#last.sequenceNumber + 1
  }

  /** Bytes of the file. */
  get size(): number {
    return this.#size
  }

  /**
   * Writes one packet, then its index entry. When it throws (KYMO_ENOSPC and the like) the file ends with the packet
   * before, and the same packet may be tried again.
   */
  write(packet: PacketDescription, records: Uint8Array): void {
    const stored = { ...packet, recordBytes: records.byteLength }
    this.#prefix.describe(packet, records.byteLength)
    const offset = this.#size
    const end = appendWhole(this.#fd, this.#path, offset, [this.#prefix.bytes, records])
    const entry = indexEntry(offset, stored, this.#identity.streamId, this.#identity.instanceId)
    try {
      this.#indexSize = appendWhole(this.#indexFd, this.#indexPath, this.#indexSize, [entry])
    } catch (error) {
      fileCall('cut', this.#path, () => ftruncateSync(this.#fd, offset))
      throw error
    }
    this.#size = end
    this.#last = stored
  }

  close(): void {
    closeSync(this.#fd)
    closeSync(this.#indexFd)
  }

  /** Walks over the whole packets that are there and returns their index entries. */
  #scan(): Uint8Array[] {
    const available = fstatSync(this.#fd).size
    const bytes = new Uint8Array(PACKET_PREFIX_BYTES)
    const entries: Uint8Array[] = []
    for (;;) {
      const count = readSync(this.#fd, bytes, 0, bytes.length, this.#size)
      const packet = this.#prefix.read(bytes.subarray(0, count), available - this.#size)
      if (packet === undefined || packet.sequenceNumber !== entries.length) return entries
      entries.push(indexEntry(this.#size, packet, this.#identity.streamId, this.#identity.instanceId))
      this.#size += PACKET_PREFIX_BYTES + packet.recordBytes
      this.#last = packet
    }
  }
}

/** Without truncating, and without following a link. */
function openForUpdate(path: string): number {
  try {
    return openSync(path, 'wx+', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return openSync(path, 'r+')
  }
}
