/**
 * A CTF 1.8 trace directory under recording. Files are written in an order that leaves a trace that readers take,
 * up to one torn packet or fragment, whenever the recorder dies; `adopt` removes that rest and goes on.
 */
import { closeSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { assert, errorCode, KymoError, parseUuid } from '../base/index.ts'
import { eventBlock, streamBlock, tracePreamble } from '../ctf/metadata/tsdl/index.ts'
import type {
  ByteOrder,
  ClockClass,
  DataStreamClass,
  EventRecordClass,
  TraceClass,
} from '../ctf/model/index.ts'
import { onFile } from './file-error.ts'
import { MetadataFile } from './metadata-file.ts'
import { PACKET_CONTEXT, PACKET_HEAD_BYTES, PACKET_HEADER, packetUuid } from './packet.ts'
import { readAt } from './recover-stream.ts'
import { repairStream, StreamWriter } from './stream-writer.ts'

const DIRECTORY_MODE = 0o700

export class TraceWriter {
  /** Of the trace, as in its metadata. */
  readonly uuid: string
  readonly #directory: string
  readonly #metadata: MetadataFile
  readonly #uuidBytes: Uint8Array
  readonly #byteOrder: ByteOrder
  readonly #clock: ClockClass
  readonly #open = new Map<string, StreamWriter>()
  #closedStreamBytes = 0

  private constructor(directory: string, trace: TraceClass, clock: ClockClass, metadata: MetadataFile) {
    this.uuid = metadata.uuid ?? trace.uuid
    this.#directory = directory
    this.#metadata = metadata
    this.#uuidBytes = parseUuid(this.uuid)
    this.#byteOrder = trace.byteOrder
    this.#clock = clock
  }

  /**
   * Makes the directory with its parents and writes the preamble. Throws a KymoError (`KYMO_ENOTEMPTY`, `KYMO_EACCES`
   * and so on). The packet header class is always `PACKET_HEADER`, since that is what will be written.
   */
  static create(directory: string, trace: TraceClass, clock: ClockClass): TraceWriter {
    const preamble = tracePreamble({ ...trace, packetHeader: PACKET_HEADER }, clock)
    makeDirectories(directory, 'create')
    const metadata = new MetadataFile(directory, 'create')
    try {
      metadata.append(preamble)
      return new TraceWriter(directory, trace, clock, metadata)
    } catch (error) {
      metadata.close()
      throw error
    }
  }

  /**
   * Goes on with what a killed recorder left: cuts torn ends off, completes the indexes, and keeps the trace's UUID
   * (that of `trace` counts only where there is none yet). A directory without a trace is one of which nothing is left.
   */
  static adopt(directory: string, trace: TraceClass, clock: ClockClass): TraceWriter {
    makeDirectories(directory, 'adopt')
    const metadata = new MetadataFile(directory, 'adopt')
    try {
      const names = onFile(directory, 'list streams', () => streamNames(directory))
      const uuid = metadata.uuid ?? streamUuid(directory, names) ?? trace.uuid
      const known = { ...trace, uuid, packetHeader: PACKET_HEADER }
      if (metadata.isEmpty) metadata.append(tracePreamble(known, clock))
      const writer = new TraceWriter(directory, known, clock, metadata)
      for (const name of names) writer.#closedStreamBytes += repairStream(directory, name, writer.#uuidBytes)
      return writer
    } catch (error) {
      metadata.close()
      throw error
    }
  }

  /** Bytes of metadata, packets and indexes, by this writer. */
  get bytesWritten(): number {
    let sum = this.#metadata.bytesWritten + this.#closedStreamBytes
    for (const stream of this.#open.values()) sum += stream.bytesWritten
    return sum
  }

  /** Appends the class to the metadata, unless its id is there. The packet context is always `PACKET_CONTEXT`. */
  addStreamClass(stream: DataStreamClass): void {
    if (this.#metadata.hasStream(stream.id)) return
    this.#metadata.append(
      streamBlock({ ...stream, packetContext: PACKET_CONTEXT }, this.#clock, this.#byteOrder),
    )
  }

  /** Appends the class to the metadata, unless its id is there. To be called before a packet has such a record. */
  addEventClass(streamId: number, id: number, event: EventRecordClass): void {
    if (this.#metadata.hasEvent(streamId, id)) return
    assert(this.#metadata.hasStream(streamId), `stream class ${streamId} is there before its event classes`)
    this.#metadata.append(eventBlock(streamId, id, event, this.#byteOrder))
  }

  /** Opens stream file `name`, a new one or one that was closed; it goes on behind its last complete packet. */
  openStream(name: string, streamId: number, instanceId: number): StreamWriter {
    assert(!this.#open.has(name), `stream ${name} is open once`)
    const stream: StreamWriter = new StreamWriter(
      this.#directory,
      name,
      { uuid: this.#uuidBytes, streamId, instanceId },
      () => {
        this.#closedStreamBytes += stream.bytesWritten
        this.#open.delete(name)
      },
    )
    this.#open.set(name, stream)
    return stream
  }

  /** Closes the streams that are still open, too. */
  close(): void {
    for (const stream of [...this.#open.values()]) stream.close()
    this.#metadata.close()
  }
}

function makeDirectories(directory: string, how: 'create' | 'adopt'): void {
  const wanted = `${how} a trace`
  onFile(directory, wanted, () => {
    makeDirectory(directory)
    const count = how === 'create' ? readdirSync(directory).length : 0
    if (count > 0) {
      throw Object.assign(new Error(`the directory has ${count} entries`), { code: 'ENOTEMPTY', errno: -39 })
    }
    makeDirectory(join(directory, 'index'))
  })
}

/** With parents. Not `recursive: true`: where no directory can be made, as in /proc, Node 20 tries for ever. */
function makeDirectory(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return
  if (dirname(directory) !== directory) makeDirectory(dirname(directory))
  try {
    mkdirSync(directory, { mode: DIRECTORY_MODE })
  } catch (error) {
    // Another recorder may have been faster.
    if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return
    if (errorCode(error) !== 'EEXIST') throw error
    // Node 20 has said so in statSync() already.
    throw Object.assign(new Error(`${directory} is no directory`), { code: 'ENOTDIR', errno: -20 })
  }
}

function streamNames(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name !== 'metadata' && !entry.name.startsWith('.'))
    .map(entry => entry.name)
    .sort()
}

/** Metadata may be lost where packets are not, after a power failure: the packets know whose they are. */
function streamUuid(directory: string, names: readonly string[]): string | undefined {
  for (const name of names) {
    const path = join(directory, name)
    const fd = onFile(path, 'read a stream', () => openSync(path, 'r'))
    try {
      const uuid = packetUuid(readAt(fd, 0, PACKET_HEAD_BYTES))
      if (uuid !== undefined) return uuidText(uuid)
    } finally {
      closeSync(fd)
    }
  }
  return undefined
}

function uuidText(bytes: Uint8Array): string {
  const digits = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
  const groups = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(digits)
  if (groups === null) throw new KymoError('KYMO_UUID', `a UUID has 16 bytes: got ${bytes.length}`)
  return groups.slice(1).join('-')
}
