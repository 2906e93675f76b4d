/** One channel of one program: its rings, and its event classes on their way into the trace's metadata. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, KymoError } from '../base/index.ts'
import { type ChannelForm, type ClassLine, readChannelForm, readClasses } from '../control/index.ts'
import { O_RDWR, requireLibc } from '../native/index.ts'
import { openMappedRing, punchMappedRing } from '../ring/memory/mapped.ts'
import { streamClassFor, type TraceWriter } from '../store/index.ts'
import type { Tally } from './result.ts'
import { RingStream } from './ring-stream.ts'

const RING_FILE = /^ring-(\d{1,9})$/

type EventClass = Parameters<TraceWriter['addEventClass']>[2]

export interface ProgramChannelOptions {
  readonly directory: string
  readonly name: string
  readonly streamId: number
  /** The program's trace, made when the first packet is due. */
  readonly trace: () => TraceWriter
  readonly resumes: boolean
}

export class ProgramChannel {
  readonly rings = new Map<string, RingStream>()
  readonly #options: ProgramChannelOptions
  readonly #ignored = new Set<string>()
  readonly #punched = new Map<string, number>()
  #form: ChannelForm | undefined
  #classes: readonly ClassLine[] = []
  #classesBytes = -1
  #declared = 0
  #isDeclared = false

  constructor(options: ProgramChannelOptions) {
    this.#options = options
  }

  /** Maps rings that are new. `refuse` is told of each that is none. */
  scan(refuse: (ring: string, error: unknown) => void): void {
    this.#form ??= readChannelForm(this.#options.directory)
    if (this.#form === undefined) return
    for (const name of readdirSync(this.#options.directory)) {
      if (!RING_FILE.test(name) || this.rings.has(name) || this.#ignored.has(name)) continue
      try {
        this.addRing(name, openMappedRing(join(this.#options.directory, name)))
      } catch (error) {
        this.#ignored.add(name)
        refuse(name, error)
      }
    }
  }

  /** Takes a ring up, in a mapped file or shared between threads. Throws when it is none, or another one. */
  addRing(name: string, buffer: ArrayBufferLike): void {
    const { directory, streamId, trace, resumes } = this.#options
    const number = Number(RING_FILE.exec(name)?.[1])
    const stream = new RingStream(buffer, {
      declareClasses: () => this.#declareClasses(),
      open: () => {
        this.#declareStream()
        return trace().openStream(`${this.#options.name}_${number}`, streamId, number)
      },
      resumes,
    })
    if (stream.reader.geometry.number !== number) {
      const path = join(directory, name)
      throw new KymoError(
        'KYMO_RING',
        `${path} must hold ring ${number}: it holds ${stream.reader.geometry.number}`,
      )
    }
    this.rings.set(name, stream)
  }

  /** Threads that wrote: a ring is lent to one after the other. */
  get threads(): number {
    let sum = 0
    for (const { reader } of this.rings.values()) if (reader.committed() !== 0) sum += reader.owners
    return sum
  }

  /** Leaves a damaged ring out from here on. */
  drop(ring: string): void {
    this.rings.get(ring)?.close()
    this.rings.delete(ring)
    this.#ignored.add(ring)
  }

  /** All event classes known by now; a file that grew is read anew. */
  classes(): readonly ClassLine[] {
    const bytes = fileBytes(join(this.#options.directory, 'classes'))
    if (bytes !== this.#classesBytes) {
      this.#classes = readClasses(this.#options.directory)
      this.#classesBytes = bytes
    }
    return this.#classes
  }

  addTo(tally: Tally): void {
    const names = new Map(this.classes().map(({ id, name }) => [id, name]))
    for (const ring of this.rings.values()) {
      const { reader } = ring
      const counts = reader.classCounts()
      const sum = counts.reduce((total, count) => total + count, 0)
      // A kill between the class's counter and the commit leaves the counter one ahead: the commit word rules.
      tally.recorded += sum - ((sum - reader.committed()) | 0)
      for (const [id, count] of counts.entries()) {
        const isRest = id === counts.length - 1 && names.size > counts.length
        tally.addEvents(isRest ? '(other events)' : (names.get(id) ?? `(event class ${id})`), count)
      }
      for (const [cause, count] of Object.entries(ring.losses())) tally.addLoss(cause, count)
    }
  }

  /** Gives the memory of drained rings back whose threads have ended. */
  freeIdleRings(): void {
    for (const [name, ring] of this.rings) {
      const committed = ring.reader.committed()
      if (this.#punched.get(name) === committed || !ring.isDrained()) continue
      if (this.#punchUnderLock(name, ring)) this.#punched.set(name, committed)
    }
  }

  /** Gives all memory back: nobody writes any more. */
  freeRings(): void {
    for (const [name, ring] of this.rings) {
      if (ring.reader.isQuiet() && ring.isDrained()) punch(join(this.#options.directory, name), ring)
    }
  }

  /** Closes the streams and lets go of the rings. */
  close(): void {
    for (const ring of this.rings.values()) ring.close()
    for (const { reader } of this.rings.values()) unmap(reader.buffer)
    this.rings.clear()
  }

  /** A thread takes a ring over by its lock, so while we hold it nobody can begin to write. */
  #punchUnderLock(name: string, ring: RingStream): boolean {
    const libc = requireLibc()
    const fd = libc.open(join(this.#options.directory, `${name}.lock`), O_RDWR)
    if (fd < 0) return false
    try {
      if (!libc.tryLock(fd) || !ring.isDrained()) return false
      punch(join(this.#options.directory, name), ring)
      return true
    } finally {
      libc.close(fd)
    }
  }

  #declareStream(): void {
    this.#form ??= readChannelForm(this.#options.directory)
    if (this.#isDeclared || this.#form === undefined) return
    this.#options.trace().addStreamClass(streamClassFor(this.#options.streamId, this.#form))
    this.#isDeclared = true
  }

  #declareClasses(): void {
    this.#declareStream()
    const classes = this.classes()
    while (this.#declared < classes.length) {
      const { id, name, logLevel, payload } = classes[this.#declared] as ClassLine
      const eventClass = { name, logLevel, payload } as EventClass
      this.#options.trace().addEventClass(this.#options.streamId, id, eventClass)
      this.#declared++
    }
  }
}

function punch(path: string, ring: RingStream): void {
  try {
    punchMappedRing(path, ring.reader.geometry)
  } catch (error) {
    // Not all file systems can do it, and a ring that somebody removed has nothing left to give back.
    if (!['ENOENT', 'KYMO_EOPNOTSUPP', 'KYMO_ENOTSUP'].includes(errorCode(error))) throw error
  }
}

function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/** A ring between threads is mapped by nobody. */
function unmap(buffer: ArrayBufferLike): void {
  if (!(buffer instanceof SharedArrayBuffer)) requireLibc().unmap(buffer)
}
