/** One channel of one session, as one thread records into it: its ring, its clock, the ids of its events. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
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
  type Rule,
  readChannelForm,
  type Session,
  settleChannelForm,
} from '../control/index.ts'
import type { StructureClass } from '../ctf/model/index.ts'
import { type CommitStore, type RingWriter, SingleWriter } from '../ring/index.ts'
import type { Home } from './home.ts'
import type { ThreadClock } from './thread-clock.ts'

const MAX_COMPACT_CLASSES = 31

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
  /** Ring, and the word of a global clock. */
  readonly lent: ArrayBufferLike[]
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

  /** Gives the ring back: the session is over, and no record of it is under way in this thread. */
  close(): void {
    const open = this.#open
    this.#open = 'failed'
    if (typeof open === 'object') for (const buffer of open.lent) this.#home.rings?.giveBack(buffer)
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
    const { app, rings } = this.#home
    if (app === undefined || rings === undefined) return 'failed'
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
      writeFileSync(join(this.#directory, '..', 'about.json'), JSON.stringify(app.about), { mode: 0o600 })
      const form = readChannelForm(this.#directory) ?? this.#settleForm(known)
      const buffer = rings.lend(this.#directory, this.channel)
      if (buffer === undefined) return 'failed'
      const { tid } = rings
      const writer = new SingleWriter(buffer, tid, COMMIT_STORE, () => rings.wake(this.#sessionDirectory))
      const lent = [buffer]
      const shared = (): BigInt64Array => {
        const word = rings.sharedClock(this.#sessionDirectory)
        lent.push(word.buffer)
        return word
      }
      const clock = this.#clock.source(form.clock, shared)
      const identity = {
        vpid: process.pid,
        vtid: tid,
        procname: app.about.procname,
        thread_name: threadName(),
      }
      rings.wake(this.#sessionDirectory)
      return { writer, clock, form, context: contextBytes(form.contexts, identity, thread.utf8), lent }
    } catch {
      return 'failed' // counted as "no ring" with each record, and not tried again before the rules change
    }
  }

  #settleForm(known: number): ChannelForm {
    const { header, contexts, clock } = this.channel
    const chosen = header !== 'auto' ? header : known > MAX_COMPACT_CLASSES ? 'large' : 'compact'
    return settleChannelForm(this.#directory, { header: chosen, contexts, clock }, threadId)
  }

  /** Stays the same while the session does. */
  get key(): string {
    return `${this.#session.token} ${this.channel.name}`
  }
}

function rulesOf(session: Session, channel: Channel): readonly Rule[] {
  return session.rules.filter(rule => rule.channel === channel.name)
}

function threadName(): string {
  return threadId === 0 ? 'main' : `worker-${threadId}`
}
