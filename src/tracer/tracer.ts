/** The one tracer of a thread: made at import, handed to every site. */
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, threadId } from 'node:worker_threads'
import { errorText } from '../base/index.ts'
import type { Probe } from '../channel/index.ts'
import {
  appendLines,
  COUNTER_ENTRIES,
  COUNTER_NAMES_FILE,
  COUNTERS_BYTES,
  COUNTERS_FILE,
  createMappedFile,
  ENTRY_CELLS,
  entryCell,
  openMappedFile,
  PACKAGE_VERSION,
  readLines,
} from '../control/index.ts'
import { loadLibc } from '../native/index.ts'
import { type Home, homeless, openHome, removeAtExit } from './home.ts'
import type { CellSource } from './probe.ts'
import type { Site, SiteDescription } from './site.ts'
import { Thread } from './thread.ts'
import { openThreadsHome } from './threads-home.ts'

/** Probes of the program's own that may hit sites with probes, and so on, within one hit. */
const MAX_PROBE_DEPTH = 5

export class Tracer implements CellSource {
  readonly #home: Home
  readonly #thread: Thread
  readonly #declared = new Map<string, string>()
  /** Lines of the program's list of events, as far as this thread knows: a line that stands twice is read once. */
  #listed: Set<string> | undefined
  readonly #unlisted: string[] = []
  #probeDepth = 0
  #cells: Float64Array | undefined

  constructor(home: Home, tokens: readonly string[]) {
    this.#home = home
    this.#thread = new Thread(home, tokens, () => this.#list())
  }

  get home(): Home {
    return this.#home
  }

  site(description: SiteDescription): Site {
    return this.#thread.site(description)
  }

  /** Asks the rules for a site that has not said yet what it records. */
  adopt(site: Site): void {
    this.#thread.adopt(site)
  }

  /** Tells other processes of an event of this program, and asks the rules for it. */
  declareEvent(site: Site): void {
    const { name, kind, format, logLevel, optIn } = site.description
    const fields = site.recording?.listed ?? []
    const line = {
      name,
      kind,
      ...(format === undefined ? {} : { format }),
      logLevel,
      ...(optIn ? { optIn } : {}),
      fields,
    }
    const text = JSON.stringify(line)
    this.#warnOfSecond(name, text)
    if (this.#unlisted.push(text) === 1) queueMicrotask(() => this.#list())
    this.#thread.adopt(site)
  }

  /** Writes the events declared since the last time: with the end of a module, or before rules are read for a hit. */
  #list(): void {
    const { app } = this.#home
    const declared = this.#unlisted.splice(0)
    if (app === undefined || declared.length === 0) return
    try {
      const path = join(app.directory, 'events')
      this.#listed ??= new Set(readLines(path))
      const listed = this.#listed
      const fresh = declared.filter(text => !listed.has(text))
      if (fresh.length > 0) appendLines(path, fresh)
      for (const text of fresh) listed.add(text)
    } catch {
      // the run directory is gone or full: the events still work, and are not listed
    }
  }

  #warnOfSecond(name: string, text: string): void {
    const first = this.#declared.get(name)
    if (first !== undefined && first !== text) {
      process.emitWarning(
        `event ${name} is declared twice with different fields: both are recorded under this name`,
        {
          code: 'KYMO_REDECLARED',
        },
      )
    }
    this.#declared.set(name, text)
  }

  /** A probe of the program's own: what it throws is counted and goes no further. */
  guarded(probe: Probe): Probe {
    const { control } = this.#home
    return (...args) => {
      if (this.#probeDepth >= MAX_PROBE_DEPTH) {
        control.countNestedProbe()
        return
      }
      this.#probeDepth++
      try {
        probe(...args)
      } catch {
        control.countProbeError()
      } finally {
        this.#probeDepth--
      }
    }
  }

  cells(name: string, kind: 'counter' | 'histogram'): Float64Array {
    const entry = this.#counterEntry(name, kind)
    const cells = entry === undefined ? undefined : this.#cells
    if (entry === undefined || cells === undefined) return new Float64Array(ENTRY_CELLS)
    return cells.subarray(entryCell(entry), entryCell(entry) + ENTRY_CELLS)
  }

  /** This thread's entry for a name; `undefined` when the table is full or nothing is mapped. */
  #counterEntry(name: string, kind: string): number | undefined {
    const { app } = this.#home
    if (app === undefined) return undefined
    try {
      const text = JSON.stringify({ name, kind, thread: threadId })
      const names = join(app.directory, COUNTER_NAMES_FILE)
      this.#cells ??= new Float64Array(mapCounters(join(app.directory, COUNTERS_FILE)))
      if (!readLines(names).includes(text)) appendLines(names, [text])
      const entry = readLines(names).indexOf(text)
      return entry < COUNTER_ENTRIES ? entry : undefined
    } catch {
      return undefined
    }
  }
}

function mapCounters(path: string): ArrayBuffer {
  try {
    return createMappedFile(path, COUNTERS_BYTES, () => undefined)
  } catch {
    return openMappedFile(path, COUNTERS_BYTES) // another thread was first
  }
}

/** Mapped rings; rings between threads where koffi cannot load, or KYMO_MEMORY=threads asks for them. */
function chooseHome(isWanted: boolean): Home {
  const native = loadLibc()
  const wish = process.env.KYMO_MEMORY === 'threads' ? 'KYMO_MEMORY=threads' : undefined
  if (wish === undefined && 'libc' in native) {
    const home = openHome()
    if (isMainThread) removeAtExit(home)
    return home
  }
  const reason = wish ?? ('reason' in native ? native.reason : '')
  try {
    return openThreadsHome(reason, isWanted)
  } catch (error) {
    return homeless(`${reason}; ${errorText(error)}`)
  }
}

const COPY = Symbol.for('kymograph.copy')

/** Refuses to be the second copy in one thread: two would register twice and record everything twice. */
function startTracer(): Tracer {
  const tokens = (process.env.KYMO_SESSION ?? '').split(',').filter(token => token !== '')
  const global = globalThis as { [COPY]?: string }
  const first = global[COPY]
  const self = `${PACKAGE_VERSION} at ${new URL('../..', import.meta.url).pathname}`
  if (first !== undefined) {
    say(`a second copy of kymograph (${self}) is off: this program has loaded ${first}`)
    return new Tracer(homeless('a second copy of kymograph'), [])
  }
  global[COPY] = self
  const home = chooseHome(tokens.length > 0)
  if (home.reason !== undefined) say(`this program cannot be recorded: ${home.reason}`)
  return new Tracer(home, tokens)
}

function say(what: string): void {
  try {
    writeSync(2, `kymograph: ${what}\n`)
  } catch {
    // standard error is closed: nobody is listening
  }
}

export const tracer = startTracer()
