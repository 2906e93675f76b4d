/**
 * Probes that count instead of recording. Their values lie in mapped memory: `kymo list -u` shows them while the
 * program is stuck, and after it was killed.
 *
 *   orderPlaced.connect(counter('orders'))
 *   orderPlaced.connect(histogram('items', (id, customer, items) => items))
 */
import { BUCKETS, BUCKETS_CELL, COUNT_CELL, SUM_CELL } from '../control/index.ts'

/** Gives a thread's cells of a name, or private ones where nothing is mapped. */
export interface CellSource {
  cells(name: string, kind: 'counter' | 'histogram'): Float64Array
}

const PROBE = Symbol('kymograph.probe')

/** A probe that knows how to count; connect() takes it. */
export interface ProbeObject<A extends readonly unknown[]> {
  readonly [PROBE]: true
  attach(source: CellSource): (...args: A) => void
}

export function isProbeObject(value: unknown): value is ProbeObject<readonly unknown[]> {
  return typeof value === 'object' && value !== null && PROBE in value
}

/** Counts hits under a name; sites and threads that use one name are added. */
export function counter(name: string): ProbeObject<readonly unknown[]> {
  return {
    [PROBE]: true,
    attach(source) {
      const cells = source.cells(name, 'counter')
      return () => {
        cells[COUNT_CELL] = (cells[COUNT_CELL] as number) + 1
      }
    },
  }
}

/** Counts values by powers of two: bucket b holds 2^(b-1) <= value < 2^b, bucket 0 all below 1. */
export function histogram<A extends readonly unknown[]>(
  name: string,
  value: (...args: A) => number,
): ProbeObject<A> {
  return {
    [PROBE]: true,
    attach(source) {
      const cells = source.cells(name, 'histogram')
      return (...args: A) => {
        const amount = value(...args)
        const exponent = amount >= 1 ? Math.floor(Math.log2(amount)) + 1 : 0
        const bucket = BUCKETS_CELL + Math.min(exponent, BUCKETS - 1)
        cells[COUNT_CELL] = (cells[COUNT_CELL] as number) + 1
        cells[SUM_CELL] = (cells[SUM_CELL] as number) + amount
        cells[bucket] = (cells[bucket] as number) + 1
      }
    },
  }
}
