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

/** What a site calls: `null` while nothing is connected. */
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
  readonly #setOff: (generation: number) => void
  readonly #thread: Thread
  readonly #connections = new Map<unknown, Connection>()
  readonly #watchers: { on: () => void; off: () => void }[] = []

  constructor(thread: Thread, description: SiteDescription, number: number) {
    this.description = description
    this.#thread = thread
    const { words, seen, generationWord } = thread.state
    const { hit, setOff } = siteFunction(description.arity, number, {
      slot: this.#slot,
      generation: words.subarray(generationWord, generationWord + 1),
      seen,
      slow: (args: unknown[]) => this.#hitAfterChange(args),
    })
    this.hit = hit
    this.#setOff = setOff
    this.noteOff()
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
    this.noteOff()
    const isOn = this.#slot.probe !== null
    if (wasOn !== isOn) for (const watcher of this.#watchers) isOn ? watcher.on() : watcher.off()
  }

  /** What the site is, it is in the generation that its thread has seen. */
  noteOff(): void {
    const seen = this.#thread.state.seen[0] as number
    this.#setOff(this.#slot.probe === null ? seen : seen - 1)
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
  /** The program's generation word alone. */
  readonly generation: Int32Array
  readonly seen: Int32Array
  readonly slow: (args: unknown[]) => void
}

interface SiteFunction {
  readonly hit: Probe
  /** Sets the generation in which the site is known to be off. */
  readonly setOff: (generation: number) => void
}

/**
 * Off: two loads and a branch, in a function of less than 28 bytes of bytecode, so that V8 inlines it however many
 * there are. Each site has source text of its own, since V8 shares what it learns about a function among all that
 * were made of the same text.
 */
function siteFunction(arity: number, number: number, constants: SiteConstants): SiteFunction {
  const args = Array.from({ length: arity }, (_, i) => `a${i}`).join(', ')
  const compiled = compileFunction<SiteFunction>(
    `var off = 0;
    function site${number}(${args}) { if (generation[0] !== off) on(${args}); }
    function on(${args}) {
      if (generation[0] !== seen[0]) { slow([${args}]); return; }
      const probe = slot.probe;
      if (probe !== null) probe(${args});
    }
    return { hit: site${number}, setOff(value) { off = value; } };`,
    { ...constants },
  )
  return compiled ?? plainSite(constants)
}

function plainSite({ slot, generation, seen, slow }: SiteConstants): SiteFunction {
  let off = 0
  return {
    hit: (...args) => {
      if (generation[0] === off) return
      if (generation[0] !== seen[0]) slow(args)
      else slot.probe?.(...args)
    },
    setOff: value => {
      off = value
    },
  }
}
