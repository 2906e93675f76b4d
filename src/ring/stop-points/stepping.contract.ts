/**
 * The ring's own code with a call of `step()` behind every store that another thread can see. A test that looks
 * from there is the observer between two stores that no single thread could be: it meets what a reader on another
 * core meets, and what a kill leaves behind.
 *
 * The compiled text is changed, not a copy of the code: what is stepped through is what runs, in program order.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { RingReader, SingleWriter, SnapshotReader } from '../index.ts'

declare global {
  /** Compiled probes are made by `new Function`: a global is all that they and the ring have in common. */
  var kymographRingStep: () => void
  var kymographRingAtomics: typeof STEPPED_ATOMICS
}

const STEP = 'globalThis.kymographRingStep();'
/** Modules that store. */
const STEPPED = ['single-writer', 'sub-buffer-order', 'read', 'snapshot']

/** A line of a method, and statements within the program text of `reservationText`. */
const METHOD_STORE = /^(\s*)((?:this\.)?#?(?:words|doubles)\[[^\n;]*?\] = [^;]*;)/gm
const TEXT_STORE = /(?<=[`;\s])([WF]\[[^`;\n]*?\] = [^`;]*;)/g
const ATOMIC_STORE = /\bAtomics\.(?=(?:store|exchange|compareExchange|add|sub|and|or|xor)\()/g
/** Written on its own, so that a store which the two above do not know is noticed. */
const ANY_STORE = /\b(?:words|doubles|[WF])\[[^=;\n]*\] [-+*|&^]?= /g

const STEPPED_ATOMICS = {
  store: (words: Int32Array, index: number, value: number) => stepBehind(Atomics.store(words, index, value)),
  and: (words: Int32Array, index: number, value: number) => stepBehind(Atomics.and(words, index, value)),
  compareExchange: (words: Int32Array, index: number, from: number, to: number) =>
    stepBehind(Atomics.compareExchange(words, index, from, to)),
}
globalThis.kymographRingStep = () => undefined
globalThis.kymographRingAtomics = STEPPED_ATOMICS

function stepBehind(result: number): number {
  globalThis.kymographRingStep()
  return result
}

/** `text` with a step behind each store. */
function steppedText(text: string): string {
  const stores = text.match(ANY_STORE)?.length ?? 0
  const stepped = text.replace(METHOD_STORE, `$1{ $2 ${STEP} }`).replace(TEXT_STORE, `$1 ${STEP}`)
  assert.equal(stepped.split(STEP).length - 1, stores, 'a step behind every store')
  return stepped.replace(ATOMIC_STORE, 'globalThis.kymographRingAtomics.')
}

/** Where the stepped module is loaded from: a module has one address, so that it exists once. */
function addressOf(name: string): string {
  const file = new URL(`../${name}.js`, import.meta.url)
  const text = steppedText(readFileSync(file, 'utf8')).replace(/(?<=\bfrom ")\.{1,2}\/[^"]*/g, path => {
    const inner = /^\.\/(.*)\.js$/.exec(path)?.[1] ?? ''
    return STEPPED.includes(inner) ? addressOf(inner) : new URL(path, file).href
  })
  return `data:text/javascript,${encodeURIComponent(text)}`
}

interface RingModules {
  SingleWriter: typeof SingleWriter
  RingReader: typeof RingReader
  SnapshotReader: typeof SnapshotReader
}
const load = async (name: string): Promise<RingModules> => (await import(addressOf(name))) as RingModules

export const SteppedWriter = (await load('single-writer')).SingleWriter
export const SteppedReader = (await load('read')).RingReader
export const SteppedSnapshotReader = (await load('snapshot')).SnapshotReader

/** Calls `step` behind each store that `run` makes, and no longer. */
export function stepping<Result>(step: () => void, run: () => Result): Result {
  const outer = globalThis.kymographRingStep
  globalThis.kymographRingStep = step
  try {
    return run()
  } finally {
    globalThis.kymographRingStep = outer
  }
}

/** What a thread that died looks like to the test: its code goes no further. */
export class Died extends Error {}

/** Runs `run` up to its store number `k`, and not the next one; true when it died there. */
export function dyingAt(k: number, run: () => void): boolean {
  let steps = 0
  const step = (): void => {
    if (steps++ === k) throw new Died()
  }
  try {
    stepping(step, run)
    return false
  } catch (error) {
    if (error instanceof Died) return true
    throw error
  }
}
