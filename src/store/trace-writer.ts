/** A CTF trace directory while it is written: metadata that grows, stream files, indexes. */
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileNameDate, KymoError, parseUuid } from '../base/index.ts'
import { eventBlock, streamBlock, tracePreamble } from '../ctf/metadata/tsdl/index.ts'
import type { ClockClass, DataStreamClass, EventRecordClass, TraceClass } from '../ctf/model/index.ts'
import { appendWhole, fileCall } from './files.ts'
import { StreamWriter } from './stream-writer.ts'

/** Every fragment of the metadata ends so, and holds it nowhere else. */
const FRAGMENT_END = '};\n\n'

export class TraceWriter {
  readonly directory: string
  readonly #uuid: Uint8Array
  readonly #clock: ClockClass
  readonly #fd: number
  readonly #declared: Set<string>
  readonly #streams: StreamWriter[] = []
  #metadataSize: number

  /** Makes the folder and writes the first fragment. Refuses a folder that holds anything. */
  static create(directory: string, trace: TraceClass, clock: ClockClass): TraceWriter {
    fileCall('make', directory, () => mkdirSync(join(directory, 'index'), { recursive: true }))
    const present = fileCall('list', directory, () => readdirSync(directory)).filter(name => name !== 'index')
    if (present.length > 0) {
      throw new KymoError('KYMO_EXISTS', `${directory} must be an empty folder: it holds ${present[0]}`, {
        directory,
      })
    }
    const path = join(directory, 'metadata')
    const fd = fileCall('make', path, () => openSync(path, 'wx+', 0o600))
    const size = appendWhole(fd, path, 0, [Buffer.from(tracePreamble(trace, clock))])
    return new TraceWriter(directory, trace.uuid, clock, fd, size, [])
  }

  /** Goes on with what a killed recorder left: a fragment or packet that is not whole is cut off. */
  static adopt(directory: string): TraceWriter {
    const path = join(directory, 'metadata')
    const text = fileCall('read', path, () => readFileSync(path, 'latin1'))
    const size = text.lastIndexOf(FRAGMENT_END) + FRAGMENT_END.length
    const whole = size < FRAGMENT_END.length ? '' : text.slice(0, size)
    const uuid = /\buuid = "([0-9a-f-]{36})";/.exec(whole)?.[1]
    const clockName = /clock \{\s*name = "([^"]*)";/.exec(whole)?.[1]
    if (uuid === undefined || clockName === undefined) {
      throw new KymoError(
        'KYMO_METADATA',
        `${path} needs a trace and a clock block to go on from: it has none`,
        { path },
      )
    }
    const fd = fileCall('open', path, () => openSync(path, 'r+'))
    fileCall('cut', path, () => ftruncateSync(fd, size))
    fileCall('make', directory, () => mkdirSync(join(directory, 'index'), { recursive: true }))
    // Blocks to come only refer to the clock by its name.
    const clock = { name: clockName, uuid, description: '', frequency: 1_000_000_000n, offsetFromEpoch: 0n }
    return new TraceWriter(directory, uuid, clock, fd, size, whole.split(FRAGMENT_END))
  }

  private constructor(
    directory: string,
    uuid: string,
    clock: ClockClass,
    fd: number,
    metadataSize: number,
    fragments: readonly string[],
  ) {
    this.directory = directory
    this.#uuid = parseUuid(uuid)
    this.#clock = clock
    this.#fd = fd
    this.#metadataSize = metadataSize
    this.#declared = new Set(fragments.flatMap(fragment => declarationOf(fragment) ?? []))
  }

  /** Of metadata and stream files. */
  get bytesWritten(): number {
    return this.#streams.reduce((sum, stream) => sum + stream.size, this.#metadataSize)
  }

  /** Appends the block, unless the trace has one of this id. */
  addStreamClass(stream: DataStreamClass): void {
    this.#add(`stream ${stream.id}`, () => streamBlock(stream, this.#clock))
  }

  /** Appends the block, unless the stream class has one of this id. */
  addEventClass(streamId: number, id: number, event: EventRecordClass): void {
    this.#add(`event ${streamId} ${id}`, () => eventBlock(streamId, id, event))
  }

  /** Opens the stream file `name`, behind the whole packets that it holds already. */
  openStream(name: string, streamId: number, instanceId: number): StreamWriter {
    const stream = new StreamWriter(join(this.directory, name), { uuid: this.#uuid, streamId, instanceId })
    this.#streams.push(stream)
    return stream
  }

  close(): void {
    closeSync(this.#fd)
  }

  /** One write for a fragment, so that a reader finds it whole or not at all. */
  #add(key: string, text: () => string): void {
    if (this.#declared.has(key)) return
    const path = join(this.directory, 'metadata')
    const size = fstatSync(this.#fd).size
    this.#metadataSize = appendWhole(this.#fd, path, size, [Buffer.from(text())])
    this.#declared.add(key)
  }
}

/** What a fragment declares: `stream 0`, `event 0 17`. */
function declarationOf(fragment: string): string | undefined {
  const stream = /^\s*stream \{\s*id = (\d+);/.exec(fragment)
  if (stream !== null) return `stream ${stream[1]}`
  const event = /^\s*event \{\s*name = "(?:[^"\\]|\\.)*";\s*id = (\d+);\s*stream_id = (\d+);/.exec(fragment)
  return event === null ? undefined : `event ${event[2]} ${event[1]}`
}

/** Where the trace of one process goes, as LTTng's per-process buffering lays it out. */
export function tracePath(output: string, procname: string, pid: number, started: Date): string {
  const name = procname.replaceAll(/[^A-Za-z0-9_.+-]/g, '_').replace(/^\.+/, '') || 'program'
  return join(output, 'ust', 'pid', `${name}-${pid}-${fileNameDate(started)}`)
}
