/**
 * The contract suite fails when any store of the protocol is left out or comes at another place. Every mutant of the
 * writer and of the reader is run through it, in a copy of the compiled ring.
 *
 *   dist/ring/single-writer.js ──▶ mutant 1 ──▶ suite.contract.js ──▶ fails, or takes too long: killed
 *                                  mutant 2 ──▶        …              passes: a hole in the contract
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { By } from '../testing/record.contract.ts'
import { type Mutant, mutantsOf } from './mutants.contract.ts'

const MUTATED = ['layout', 'single-writer', 'sub-buffer-order', 'read', 'snapshot']
/** What the ring and its tests import. */
const FOLDERS = ['base', 'native', 'ctf/codec', 'ctf/model', 'ring']
const DIST = fileURLToPath(new URL('../../', import.meta.url))
const AT_ONCE = 2
/** A mutant that runs in circles takes forever; one on a machine that is busy takes longer than the right ring. */
const LIMIT_FACTOR = 4
const LEAST_LIMIT_MS = 4000
/** For the right ring. */
const LONGEST_MS = 60_000
/** How a mutant that has no end is told from one that fails: both are killed. */
type Outcome = 'passed' | 'failed' | 'took too long'

/**
 * Mutants that nobody can tell from the right ring, and why. A name that is no mutant's any more fails the test.
 */
const EQUIVALENT: Readonly<Record<string, string>> = {}

/** A copy of the compiled ring in which one file at a time is another. */
class Laboratory {
  readonly folder = mkdtempSync(join(tmpdir(), 'kymo-mutation-'))
  readonly #child = new Set<ReturnType<typeof spawn>>()

  constructor() {
    for (const folder of FOLDERS) {
      cpSync(join(DIST, folder), join(this.folder, 'dist', folder), {
        recursive: true,
        filter: source => !/\.(?:d\.ts|test\.js|bench\.js)$/.test(source),
      })
    }
    writeFileSync(join(this.folder, 'package.json'), '{ "type": "module" }')
    symlinkSync(join(DIST, '../node_modules'), join(this.folder, 'node_modules'))
  }

  async run(file: string, text: string, by: By, limitMs = LONGEST_MS): Promise<Outcome> {
    const path = join(this.folder, 'dist/ring', `${file}.js`)
    const original = readFileSync(path)
    writeFileSync(path, text)
    try {
      return await this.#runSuite(by, limitMs)
    } finally {
      writeFileSync(path, original)
    }
  }

  /** Ends what still runs, and leaves nothing behind. */
  close(): void {
    for (const child of this.#child) child.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  #runSuite(by: By, limitMs: number): Promise<Outcome> {
    // Under a runner of tests, a file's own tests would report to that one.
    const { NODE_TEST_CONTEXT: _outer, ...env } = process.env
    const program = join(this.folder, 'dist/ring/mutation/suite.contract.js')
    const child = spawn(process.execPath, [program, by], { stdio: 'ignore', env })
    this.#child.add(child)
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => child.kill('SIGKILL'), limitMs)
      child.once('error', reject)
      child.once('close', (code, signal) => {
        clearTimeout(limit)
        this.#child.delete(child)
        resolve(signal === 'SIGKILL' ? 'took too long' : code === 0 ? 'passed' : 'failed')
      })
    })
  }
}

test('every mutant of the ring is killed by its contract', async t => {
  const queue = MUTATED.flatMap(file => {
    const text = readFileSync(join(DIST, 'ring', `${file}.js`), 'utf8')
    return mutantsOf(file, text).map(mutant => ({ file, mutant }))
  })
  const names = new Set(queue.map(({ mutant }) => mutant.name))
  assert.equal(names.size, queue.length, 'each mutant has its own name')
  for (const name of Object.keys(EQUIVALENT)) assert(names.has(name), `no mutant is called ${name}`)
  const counts: Record<string, number> = {}
  const survivors: string[] = []
  const started = performance.now()
  const note = ({ kind, name }: Mutant, outcome: Outcome): void => {
    const isEquivalent = Object.hasOwn(EQUIVALENT, name)
    // One that is told apart after all has no business in the table.
    if (outcome === 'took too long') t.diagnostic(`${name}: took too long`)
    if (isEquivalent !== (outcome === 'passed')) survivors.push(`${kind} ${name}: ${outcome}`)
    const key = `${kind} ${isEquivalent ? 'equivalent' : outcome}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  const work = async (): Promise<void> => {
    const laboratory = new Laboratory()
    t.after(() => laboratory.close())
    const { file } = queue[0] ?? { file: '' }
    const original = readFileSync(join(DIST, 'ring', `${file}.js`), 'utf8')
    const before = performance.now()
    assert.equal(await laboratory.run(file, original, 'methods'), 'passed', 'the right ring passes')
    const limitMs = Math.max(LEAST_LIMIT_MS, LIMIT_FACTOR * (performance.now() - before))
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { text, name } = next.mutant
      note(
        next.mutant,
        await laboratory.run(next.file, text, name.includes('text of') ? 'text' : 'methods', limitMs),
      )
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  t.diagnostic(`${JSON.stringify(counts)} in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  assert.deepEqual(survivors, [])
})
