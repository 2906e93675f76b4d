/** A place in a program that can record: what it is called, what it is connected to, and the function it calls. */
import type { Probe, RecordedField } from '../channel/index.ts'
import { compileFunction } from '../ctf/codec/index.ts'
import type { LogLevel, StructureClass } from '../ctf/model/index.ts'
import type { ChannelRecorder } from './channel-recorder.ts'
import type { Thread } from './thread.ts'

/** What a rule or a connection makes a site call. */
export interface Connection {
  probe: Probe
  references: number
  /** There was no ring for it: worth another try when the rules change. */
  hasFailed?: boolean
}

export interface SiteDescription {
  readonly name: string
  readonly kind: 'tracepoint' | 'marker'
  readonly format?: string
  readonly logLevel: LogLevel
  readonly optIn: boolean
  readonly arity: number
}

/** What is recorded at a site: known at once, or when its recording probe is declared. */
export interface Recording {
  readonly payload: StructureClass
  readonly fields: readonly RecordedField[]
  /** Names and types as the program declared them, for those who list events. */
  readonly listed: readonly { readonly name: string; readonly type: string }[]
}

/** The one word that a hit looks at beside the generation: `null` while nothing is connected. */
interface Slot {
  probe: Probe | null
}

export class Site {
  readonly description: SiteDescription
  readonly hit: Probe
  recording: Recording | undefined
  /** By channel of a session, as the rules want it. */
  recorders: ReadonlyMap<ChannelRecorder, Connection> = new Map()
  readonly #slot: Slot = { probe: null }
  readonly #thread: Thread
  readonly #connections = new Map<unknown, Connection>()
  readonly #watchers: { on: () => void; off: () => void }[] = []

  constructor(thread: Thread, description: SiteDescription, number: number) {
    this.description = description
    this.#thread = thread
    this.hit = siteFunction(description.arity, number, {
      slot: this.#slot,
      words: thread.state.words,
      seen: thread.state.seen,
      generationWord: thread.state.generationWord,
      slow: (args: unknown[]) => this.#hitAfterChange(args),
    })
  }

  get isOn(): boolean {
    this.#thread.refreshIfStale()
    return this.#slot.probe !== null
  }

  /** Adds a probe, or a reference to one that is connected already. Returns what takes it away again. */
  connect(key: unknown, probe: Probe): () => void {
    const known = this.#connections.get(key)
    if (known === undefined) this.#connections.set(key, { probe, references: 1 })
    else known.references++
    this.relink()
    let isConnected = true
    return () => {
      if (!isConnected) return
      isConnected = false
      const connection = this.#connections.get(key)
      if (connection !== undefined && --connection.references === 0) this.#connections.delete(key)
      this.relink()
    }
  }

  watch(on: () => void, off: () => void): void {
    this.#watchers.push({ on, off })
    if (this.isOn) on()
  }

  /** Builds the new list of probes beside the old one and swaps them by one assignment. */
  relink(): void {
    const probes = [...this.recorders.values(), ...this.#connections.values()].map(
      connection => connection.probe,
    )
    const wasOn = this.#slot.probe !== null
    this.#slot.probe =
      probes.length === 0 ? null : probes.length === 1 ? (probes[0] as Probe) : fanOut(probes)
    const isOn = this.#slot.probe !== null
    if (wasOn !== isOn) for (const watcher of this.#watchers) isOn ? watcher.on() : watcher.off()
  }

  #hitAfterChange(args: unknown[]): void {
    if (this.#thread.refreshIfStale()) this.#slot.probe?.(...args)
  }
}

function fanOut(probes: readonly Probe[]): Probe {
  return (...args) => {
    for (const probe of probes) probe(...args)
  }
}

interface SiteConstants {
  readonly slot: Slot
  readonly words: Int32Array
  readonly seen: Int32Array
  readonly generationWord: number
  readonly slow: (args: unknown[]) => void
}

/**
 * Off: two loads and two branches. Each site has source text of its own, since V8 shares what it learns about a
 * function among all that were made of the same text.
 */
function siteFunction(arity: number, number: number, constants: SiteConstants): Probe {
  const args = Array.from({ length: arity }, (_, i) => `a${i}`).join(', ')
  const { slot, words, seen, generationWord, slow } = constants
  const compiled = compileFunction<Probe>(
    `return function site${number}(${args}) {
      if (words[${generationWord}] !== seen[0]) { slow([${args}]); return; }
      const probe = slot.probe;
      if (probe !== null) probe(${args});
    }`,
    { slot, words, seen, slow },
  )
  return compiled ?? plainSite(constants)
}

function plainSite({ slot, words, seen, generationWord, slow }: SiteConstants): Probe {
  return (...args) => {
    if (words[generationWord] !== seen[0]) slow(args)
    else slot.probe?.(...args)
  }
}
