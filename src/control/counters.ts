/**
 * `counters`: counting and histogram probes of a program, in mapped memory, so that anybody may read them while
 * the program is stuck and after it was killed.
 *
 *   cell 0            number of entries
 *   entry e at 1 + 72 e:  kind (1 counter, 2 histogram), count, sum, 64 buckets (bucket b: values below 2^b)
 *
 * Cells are f64. Entry e is described by line e of `counters.names`: {"name","kind","thread"}. Each thread counts in
 * entries of its own, so that nobody needs an atomic; a reader adds those of one name.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../base/index.ts'
import { parseLine, readLines } from './json-lines.ts'

export const COUNTERS_FILE = 'counters'
export const COUNTER_NAMES_FILE = 'counters.names'
export const COUNTER_ENTRIES = 224
export const ENTRY_CELLS = 72
export const COUNT_CELL = 1
export const SUM_CELL = 2
export const BUCKETS_CELL = 8
export const BUCKETS = 64
export const COUNTERS_BYTES = 131072

export interface CounterValue {
  readonly name: string
  readonly kind: 'counter' | 'histogram'
  readonly count: number
  /** Of the values; 0 for a counter. */
  readonly sum: number
  /** Bucket b holds the values v with 2^(b-1) <= v < 2^b, bucket 0 those below 1. Empty for a counter. */
  readonly buckets: readonly number[]
}

/** Index of the first cell of an entry. */
export function entryCell(entry: number): number {
  return 1 + entry * ENTRY_CELLS
}

export function readCounters(appDirectory: string): CounterValue[] {
  let bytes: Buffer
  try {
    bytes = readFileSync(join(appDirectory, COUNTERS_FILE))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
  if (bytes.byteLength < COUNTERS_BYTES) return []
  const cells = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + COUNTERS_BYTES))
  const values = new Map<string, CounterValue>()
  for (const [entry, line] of readLines(join(appDirectory, COUNTER_NAMES_FILE))
    .slice(0, COUNTER_ENTRIES)
    .entries()) {
    const { name, kind } = parseLine(line) ?? {}
    if (typeof name !== 'string' || (kind !== 'counter' && kind !== 'histogram')) continue
    const key = `${kind} ${name}`
    values.set(key, added(values.get(key), { name, kind, ...entryValues(cells, entry, kind) }))
  }
  return [...values.values()]
}

function entryValues(cells: Float64Array, entry: number, kind: string): Omit<CounterValue, 'name' | 'kind'> {
  const at = entryCell(entry)
  return {
    count: cells[at + COUNT_CELL] as number,
    sum: cells[at + SUM_CELL] as number,
    buckets: kind === 'histogram' ? [...cells.subarray(at + BUCKETS_CELL, at + BUCKETS_CELL + BUCKETS)] : [],
  }
}

function added(total: CounterValue | undefined, value: CounterValue): CounterValue {
  if (total === undefined) return value
  const buckets = total.buckets.map((count, bucket) => count + (value.buckets[bucket] ?? 0))
  return { ...total, count: total.count + value.count, sum: total.sum + value.sum, buckets }
}
