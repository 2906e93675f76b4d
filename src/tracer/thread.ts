/**
 * Everything Kymograph knows in one thread: its sites, the sessions as it read them last, its rings. The first
 * hit of any site after the generation word has changed comes here and brings all sites up to date.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../base/index.ts'
import { type Probe, Scratch, type ThreadState } from '../channel/index.ts'
import {
  GENERATION_WORD,
  RULES_GENERATION_WORD,
  readSession,
  ruleMatches,
  type Session,
} from '../control/index.ts'
import type { Utf8 } from '../ctf/codec/index.ts'
import { ChannelRecorder } from './channel-recorder.ts'
import type { Home } from './home.ts'
import { type Connection, type Recording, Site, type SiteDescription } from './site.ts'
import { ThreadClock } from './thread-clock.ts'

const utf8Write = Buffer.prototype.utf8Write as (this: Uint8Array, text: string, at: number) => number
const byteLength = Buffer.byteLength

const platformUtf8: Utf8 = {
  byteLength: text => byteLength(text),
  write: (text, bytes, at) => utf8Write.call(bytes, text, at),
}

/** Until a site says what it records: that it was hit. */
const NOTHING_RECORDED: Recording = {
  payload: { type: 'structure', memberClasses: [] },
  fields: [],
  listed: [],
}

/** No generation: the first hit finds a change. */
const NEVER = -1

export class Thread {
  readonly home: Home
  readonly state: ThreadState
  readonly sites: Site[] = []
  readonly #clock = new ThreadClock()
  readonly #tokens: ReadonlySet<string>
  readonly #beforeRules: () => void
  #channels: readonly ChannelRecorder[] = []
  /** Of sessions that are over. */
  readonly #ended: ChannelRecorder[] = []
  #rulesSeen = NEVER
  #isRefreshing = false

  /** `tokens` are those of KYMO_SESSION: sessions that ask for this program and its children alone. */
  constructor(home: Home, tokens: readonly string[], beforeRules: () => void) {
    this.home = home
    this.#beforeRules = beforeRules
    this.#tokens = new Set(tokens)
    this.state = {
      words: home.control.words,
      generationWord: GENERATION_WORD,
      seen: new Int32Array([NEVER]),
      scratch: new Scratch(),
      depth: new Int32Array(1),
      utf8: platformUtf8,
      refresh: recorder => this.refreshIfStale() && this.#isConnected(recorder),
    }
    if (home.app === undefined) this.state.seen[0] = this.state.words[GENERATION_WORD] as number
  }

  site(description: SiteDescription): Site {
    const site = new Site(this, description, this.sites.length)
    this.sites.push(site)
    // It may be hit before it has said what it records: then that it was hit is recorded.
    this.adopt(site)
    return site
  }

  /** Links a site that has learnt what it records: rules may have named it before it existed. */
  adopt(site: Site): void {
    if (this.#rulesSeen !== NEVER) this.#link(site)
  }

  /**
   * False while it runs already: a hit inside it is not recorded. False too where the sessions cannot be read, for
   * want of descriptors or of stack: then the next hit tries again.
   */
  refreshIfStale(): boolean {
    const { words, seen } = this.state
    if (words[GENERATION_WORD] === seen[0]) return true
    if (this.#isRefreshing) return false
    this.#isRefreshing = true
    try {
      const generation = Atomics.load(words, GENERATION_WORD)
      const rules = Atomics.load(words, RULES_GENERATION_WORD)
      if (rules !== this.#rulesSeen) {
        this.#readSessions()
        this.#beforeRules()
        this.#rulesSeen = rules
      }
      for (const channel of this.#channels) channel.arm()
      seen[0] = generation
      for (const site of this.sites) site.noteOff()
    } catch {
      return false
    } finally {
      this.#isRefreshing = false
    }
    return true
  }

  #readSessions(): void {
    const known = new Map(this.#channels.map(channel => [channel.key, channel]))
    const channels: ChannelRecorder[] = []
    for (const { session, directory } of this.#activeSessions()) {
      for (const channel of session.channels) {
        const recorder = new ChannelRecorder(this.home, session, directory, channel, this.#clock)
        channels.push(known.get(recorder.key)?.withRules(session) ?? recorder)
      }
    }
    this.#ended.push(...this.#channels.filter(channel => !channels.includes(channel)))
    this.#channels = channels
    for (const site of this.sites) this.#link(site)
    // Within the reading of a record's values that record may still go to a ring that it has in hand.
    if (this.state.depth[0] === 0) for (const channel of this.#ended.splice(0)) channel.close()
  }

  *#activeSessions(): Generator<{ session: Session; directory: string }> {
    const { app } = this.home
    if (app === undefined) return
    for (const name of sessionNames(app.run.sessionsPath)) {
      const directory = join(app.run.sessionsPath, name)
      try {
        const session = readSession(directory)
        if (session.active && (session.scope === 'all' || this.#tokens.has(session.token)))
          yield { session, directory }
      } catch {
        // half made, gone, or of another version: `kymo list` says so; a program does not
      }
    }
  }

  #link(site: Site): void {
    const { description } = site
    const recorders = new Map<ChannelRecorder, Connection>()
    for (const channel of this.#channels) {
      if (!channel.rules.some(rule => ruleMatches(rule, description))) continue
      const known = site.recorders.get(channel)
      recorders.set(channel, known === undefined || known.hasFailed ? this.#firstHit(site, channel) : known)
    }
    site.recorders = recorders
    site.relink()
  }

  /** Makes ring, id and code with the first hit, not for every event that a rule names. */
  #firstHit(site: Site, channel: ChannelRecorder): Connection {
    const connection: Connection = { probe: () => undefined, references: 1 }
    connection.probe = (...args) => {
      const probe = this.#recordingProbe(site, channel)
      connection.hasFailed = probe === undefined
      connection.probe = probe ?? (() => this.home.control.countNoRing())
      site.relink()
      connection.probe(...args)
    }
    return connection
  }

  #recordingProbe(site: Site, channel: ChannelRecorder): Probe | undefined {
    const { description } = site
    const recording = site.recording ?? NOTHING_RECORDED
    const matching = this.sites.filter(other =>
      channel.rules.some(rule => ruleMatches(rule, other.description)),
    )
    try {
      const event = { ...description, ...recording }
      return channel.recorder(event, this.state, new Set(matching.map(other => other.description.name)).size)
        ?.run
    } catch {
      return undefined // the class file cannot be written: as good as no ring
    }
  }

  #isConnected(recorder: object): boolean {
    const { run } = recorder as { run: Probe }
    return this.sites.some(site => [...site.recorders.values()].some(connection => connection.probe === run))
  }
}

function sessionNames(path: string): string[] {
  try {
    return readdirSync(path).filter(name => !name.startsWith('.'))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
}
