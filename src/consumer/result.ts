/** What a session has recorded, in numbers: for the table at the end and for `--summary`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../base/index.ts'

export interface EventCount {
  readonly name: string
  readonly count: number
}

export interface ProgramSummary {
  readonly pid: number
  readonly procname: string
  /** Threads that wrote records. */
  readonly threads: number
  /** Where the recorder could know it: of its own child. */
  readonly exit?: number
}

export interface RuleSummary {
  readonly pattern: string
  readonly channel: string
  /** False while no known event has the rule's name: the rule waits. */
  readonly matched: boolean
}

export interface SessionResult {
  readonly name: string
  readonly output: string
  /** Most frequent first. */
  readonly events: readonly EventCount[]
  readonly recorded: number
  /** Lost records by cause; causes without a loss are left out. */
  readonly discarded: Readonly<Record<string, number>>
  readonly programs: readonly ProgramSummary[]
  readonly durationMs: number
  /** Of the stream files. */
  readonly bytes: number
  readonly rules: readonly RuleSummary[]
  /** What went wrong on the way, as it was said then: damaged rings, programs of another version. */
  readonly problems: readonly string[]
  /** Why the trace is not complete, when it could not be written. */
  readonly failure?: string
}

/** Sums up programs, one after the other as they end. */
export class Tally {
  readonly events = new Map<string, number>()
  readonly discarded = new Map<string, number>()
  readonly programs: ProgramSummary[] = []
  recorded = 0
  bytes = 0

  addEvents(name: string, count: number): void {
    if (count > 0) this.events.set(name, (this.events.get(name) ?? 0) + count)
  }

  addLoss(cause: string, count: number): void {
    if (count > 0) this.discarded.set(cause, (this.discarded.get(cause) ?? 0) + count)
  }

  eventCounts(): EventCount[] {
    const counts = [...this.events].map(([name, count]) => ({ name, count }))
    return counts.sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
  }
}

export function discardedTotal(discarded: Readonly<Record<string, number>>): number {
  return Object.values(discarded).reduce((sum, count) => sum + count, 0)
}

/** What the consumer inside a program without mapped memory leaves for the recorder. */
export const FALLBACK_RESULT_FILE = 'result.json'

export interface FallbackResult {
  readonly events: readonly EventCount[]
  readonly recorded: number
  readonly discarded: Readonly<Record<string, number>>
  readonly threads: number
  readonly bytes: number
  readonly problem?: string
}

/** `undefined` when the program ended without leaving one. */
export function readFallbackResult(directory: string): FallbackResult | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, FALLBACK_RESULT_FILE), 'utf8')) as FallbackResult
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
