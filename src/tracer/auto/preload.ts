/**
 * What `kymo record` has Node load before a program, by --require or --import: all of it is synchronous, since
 * --import does not reach workers made of a string, and --require does. A program that has a kymograph of its own
 * gets that one's instruments: its tracepoints and ours then go through one copy.
 */
import { existsSync, realpathSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads'
import { isPackageManager } from './package-manager.ts'

/** What the main thread decided, for its workers: a file, or '' for nothing. */
const DECISION = 'kymograph.auto'

const own = fileURLToPath(import.meta.url)
const load = createRequire(own)

function decide(): string {
  const script = process.argv[1] === undefined ? process.cwd() : realPath(process.argv[1])
  if (isPackageManager(script)) return ''
  return installedFor(script) ?? installedFor(process.cwd()) ?? join(dirname(own), `index${extname(own)}`)
}

/** The instruments of the kymograph that a module at `path` would load, if that is another copy than this. */
function installedFor(path: string): string | undefined {
  if (!mayBeInstalledFor(path)) return undefined
  try {
    // a file that need not be there: `path` may be a folder (`node .`) or a script without its ending
    const { resolve } = createRequire(join(path, 'main.js'))
    const root = realPath(dirname(resolve('kymograph/package.json')))
    return root === realPath(join(dirname(own), '../../..')) ? undefined : resolve('kymograph/auto')
  } catch {
    return undefined
  }
}

/** Whether it is worth the millisecond that Node takes to say that there is none. */
function mayBeInstalledFor(path: string): boolean {
  if (process.env.NODE_PATH !== undefined || process.versions.pnp !== undefined) return true
  for (let folder = path; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'node_modules/kymograph'))) return true
    if (folder === dirname(folder)) return false
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function start(): void {
  try {
    const known = isMainThread ? undefined : getEnvironmentData(DECISION)
    const file = typeof known === 'string' ? known : decide()
    if (isMainThread) setEnvironmentData(DECISION, file)
    if (file !== '') load(file)
  } catch (error) {
    say(error)
  }
}

function say(error: unknown): void {
  try {
    const reason = String((error as Error | undefined)?.message ?? error).split('\n')[0]
    writeSync(2, `kymograph: ${basename(process.argv[1] ?? 'node')} runs without instruments: ${reason}\n`)
  } catch {
    // standard error is closed: nobody is listening
  }
}

start()
