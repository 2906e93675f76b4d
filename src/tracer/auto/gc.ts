/**
 * Garbage collections. V8 is asked for them only while the event is on; they arrive at the end of the turn in
 * which they happened, so `start` (CLOCK_MONOTONIC, ns) says when, not the event's time.
 */
import { PerformanceObserver, performance } from 'node:perf_hooks'
import { enumeration, tracepoint, u32, u64, whenEnabled } from '../index.ts'

/** V8's GCType, of which Node's constants name four. */
const KINDS = {
  other: 0,
  scavenge: 1,
  minor_mark_sweep: 2,
  mark_sweep_compact: 4,
  incremental: 8,
  weak_callbacks: 16,
} as const
type Kind = keyof typeof KINDS

const NAMES = new Map<unknown, Kind>(Object.entries(KINDS).map(([name, bit]) => [bit, name as Kind]))
const NS_PER_MS = 1e6

/** `flags` are V8's GCCallbackFlags; `duration` is in ns. */
export const gc = tracepoint('v8:gc', enumeration('kind', KINDS), u32('flags'), u64('start'), u64('duration'))

const hrtime = process.hrtime.bigint

class Collections {
  readonly #observer = new PerformanceObserver(list => this.#record(list.getEntries()))
  /** CLOCK_MONOTONIC at this thread's time origin. */
  readonly #origin = hrtime() - ns(performance.now())

  on(): void {
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  off(): void {
    this.#observer.disconnect()
  }

  #record(entries: readonly { startTime: number; duration: number; detail?: unknown }[]): void {
    for (const { startTime, duration, detail } of entries) {
      const { kind, flags } = detail as { kind: number; flags: number }
      gc(NAMES.get(kind) ?? 'other', flags, this.#origin + ns(startTime), ns(duration))
    }
  }
}

function ns(ms: number): bigint {
  return BigInt(Math.max(0, Math.round(ms * NS_PER_MS)))
}

const collections = new Collections()
whenEnabled(
  gc,
  () => collections.on(),
  () => collections.off(),
)
