/** One channel of one session, as one thread records into it: its ring, its clock, the ids of its events. */
import { closeSync, mkdirSync, openSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { errorCode } from '../base/index.ts'
import {
  type ClockSource,
  contextBytes,
  makeRecorder,
  type RecordedField,
  type Recorder,
  type ThreadState,
} from '../channel/index.ts'
import {
  type Channel,
  type ChannelForm,
  classId,
  openMappedFile,
  type Rule,
  readChannelForm,
  type Session,
  settleChannelForm,
} from '../control/index.ts'
import type { StructureClass } from '../ctf/model/index.ts'
import { EAGAIN, O_NONBLOCK, O_WRONLY } from '../native/index.ts'
import { type CommitStore, geometryProblem, readGeometry, type RingWriter, SingleWriter } from '../ring/index.ts'
import { createMappedRing, openMappedRing, refillMappedRing } from '../ring/memory/mapped.ts'
import type { Home } from './home.ts'
import { monotonicNs, type ThreadClock } from './thread-clock.ts'

/** Classes that are counted one by one in the table of `kymo record`. */
const CLASS_CAPACITY = 512
/** A ring that does not fit is tried at half its size, down to this. */
const LEAST_RING_BYTES = 65536
const LEAST_SUB_BUFFER_BYTES = 4096
const MAX_COMPACT_CLASSES = 31
/** Threads of one program in one channel: beyond it something makes threads without end. */
const MAX_RINGS = 65536

/** x64 keeps stores in order, and consumers there have membarrier(2). */
const COMMIT_STORE: CommitStore = process.arch === 'x64' ? 'plain' : 'atomic'

export interface RecordedEvent {
  readonly name: string
  readonly logLevel: string
  readonly payload: StructureClass
  readonly fields: readonly RecordedField[]
  readonly arity: number
}

interface OpenRing {
  readonly writer: RingWriter
  readonly clock: ClockSource
  readonly form: ChannelForm
  readonly context: Uint8Array
}

export class ChannelRecorder {
  readonly channel: Channel
  rules: readonly Rule[]
  readonly #session: Session
  readonly #sessionDirectory: string
  readonly #directory: string
  readonly #home: Home
  readonly #clock: ThreadClock
  #open: OpenRing | 'failed' | undefined

  constructor(home: Home, session: Session, sessionDirectory: string, channel: Channel, clock: ThreadClock) {
    this.channel = channel
    this.rules = rulesOf(session, channel)
    this.#session = session
    this.#sessionDirectory = sessionDirectory
    this.#directory = join(sessionDirectory, home.app?.id ?? '', channel.name)
    this.#home = home
    this.#clock = clock
  }

  /** The same channel after its session's rules have changed. */
  withRules(session: Session): this {
    this.rules = rulesOf(session, this.channel)
    if (this.#open === 'failed') this.#open = undefined
    return this
  }

  /** Sends this thread's next record the slow way if the consumer sleeps. */
  arm(): void {
    if (typeof this.#open === 'object') this.#open.writer.arm()
  }

  /** A recorder for the event, or `undefined` when there is no ring. `known` counts the events that match now. */
  recorder(event: RecordedEvent, thread: ThreadState, known: number): Recorder | undefined {
    this.#open ??= this.#tryOpen(thread, known)
    if (this.#open === 'failed') return undefined
    const { writer, clock, form, context } = this.#open
    const { name, logLevel, payload, fields, arity } = event
    const eventId = classId(this.#directory, { name, logLevel, payload })
    return makeRecorder({ form: form.header, eventId, context, fields, arity }, writer, clock, thread)
  }

  #tryOpen(thread: ThreadState, known: number): OpenRing | 'failed' {
    const { app, libc } = this.#home
    if (app === undefined || libc === undefined) return 'failed'
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
      writeFileSync(join(this.#directory, '..', 'about.json'), JSON.stringify(app.about), { mode: 0o600 })
      const form = readChannelForm(this.#directory) ?? this.#settleForm(known, libc.gettid())
      const buffer = this.#ring()
      if (buffer === undefined) return 'failed'
      const tid = libc.gettid()
      const writer = new SingleWriter(buffer, tid, COMMIT_STORE, () => this.#wake())
      const shared = (): BigInt64Array => new BigInt64Array(openMappedFile(join(this.#sessionDirectory, 'clock'), 8))
      const clock = this.#clock.source(form.clock, writer.epoch, shared)
      const identity = { vpid: process.pid, vtid: tid, procname: app.about.procname, thread_name: threadName() }
      this.#wake()
      return { writer, clock, form, context: contextBytes(form.contexts, identity, thread.utf8) }
    } catch {
      return 'failed' // counted as "no ring" with each record, and not tried again before the rules change
    }
  }

  #settleForm(known: number, tid: number): ChannelForm {
    const { header, contexts, clock } = this.channel
    const chosen = header !== 'auto' ? header : known > MAX_COMPACT_CLASSES ? 'large' : 'compact'
    return settleChannelForm(this.#directory, { header: chosen, contexts, clock }, tid)
  }

  /** The ring of a thread that has ended, or a new one; `undefined` when there is no memory for one. */
  #ring(): ArrayBuffer | undefined {
    const numbers = readdirSync(this.#directory).flatMap(name => /^ring-(\d+)\.lock$/.exec(name)?.[1] ?? [])
    for (const number of numbers.map(Number).sort((a, b) => a - b)) {
      if (!this.#lock(number, 'r+')) continue
      const ring = this.#takeOver(number)
      if (ring !== undefined) return ring
    }
    for (let number = numbers.length; number < MAX_RINGS; number++) {
      if (this.#lock(number, 'wx')) return this.#create(number)
    }
    return undefined
  }

  /** Node closes the descriptor, and the kernel drops the lock, when this thread ends in whatever way. */
  #lock(number: number, flags: 'r+' | 'wx'): boolean {
    try {
      const fd = openSync(join(this.#directory, `ring-${number}.lock`), flags, 0o600)
      if (this.#home.libc?.tryLock(fd)) return true
      closeSync(fd)
    } catch (error) {
      if (errorCode(error) !== 'EEXIST' && errorCode(error) !== 'ENOENT') throw error
    }
    return false
  }

  #takeOver(number: number): ArrayBuffer | undefined {
    const path = join(this.#directory, `ring-${number}`)
    try {
      const buffer = openMappedRing(path)
      return refillMappedRing(path, readGeometry(buffer)) ? buffer : undefined
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return this.#create(number) // its thread ended before it had made it
      throw error
    }
  }

  #create(number: number): ArrayBuffer | undefined {
    const now = monotonicNs()
    const epoch = (now >> 32n) << 32n
    const identity = { number, epoch, created: Number(now - epoch) }
    const { subBufferCount } = this.channel
    for (let { subBufferBytes } = this.channel; ; subBufferBytes /= 2) {
      const geometry = { subBufferBytes, subBufferCount, classCapacity: CLASS_CAPACITY }
      if (geometryProblem(geometry) !== undefined) return undefined
      const buffer = createMappedRing(join(this.#directory, `ring-${number}`), geometry, identity)
      if (buffer !== undefined) return buffer
      const half = subBufferBytes / 2
      if (half < LEAST_SUB_BUFFER_BYTES || half * subBufferCount < LEAST_RING_BYTES) return undefined
    }
  }

  /** One byte for the consumer; nobody may be listening, or have been woken already. */
  #wake(): void {
    const { libc } = this.#home
    const fd = libc?.open(join(this.#sessionDirectory, 'wake'), O_WRONLY | O_NONBLOCK) ?? -EAGAIN
    if (fd < 0) return
    libc?.write(fd, WAKE_BYTE)
    libc?.close(fd)
  }

  /** Stays the same while the session does. */
  get key(): string {
    return `${this.#session.token} ${this.channel.name}`
  }
}

function rulesOf(session: Session, channel: Channel): readonly Rule[] {
  return session.rules.filter(rule => rule.channel === channel.name)
}

const WAKE_BYTE = new Uint8Array([1])

function threadName(): string {
  return threadId === 0 ? 'main' : `worker-${threadId}`
}
