/** `apps/<pid>-<random>/`: a program that can be traced. */
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../base/index.ts'
import { requireLibc } from '../native/index.ts'
import { parseLine, readLines } from './json-lines.ts'
import type { RunDirectory } from './run-directory.ts'

export interface AppAbout {
  readonly version: number
  readonly pid: number
  readonly procname: string
  readonly argv: readonly string[]
  /** ISO 8601. */
  readonly started: string
  readonly node: string
  readonly kymograph: string
  /** Why rings do not outlive the process, when they do not. */
  readonly fallback?: string
  /** PID namespace and start time: they tell whether a thread belongs to the same process. */
  readonly identity: string
}

export interface AppEntry {
  readonly id: string
  readonly directory: string
  readonly about: AppAbout
  readonly alive: boolean
}

export interface EventDeclaration {
  readonly name: string
  readonly kind: 'tracepoint' | 'marker'
  readonly format?: string
  readonly logLevel: string
  readonly optIn?: boolean
  readonly fields: readonly { readonly name: string; readonly type: string }[]
}

/** All programs of the run directory, the dead ones too; entries that make no sense are left out. */
export function listApps(run: RunDirectory): AppEntry[] {
  const entries: AppEntry[] = []
  for (const id of readdirSync(run.appsPath)) {
    const directory = join(run.appsPath, id)
    const about = id.startsWith('.') ? undefined : readAbout(directory)
    if (about !== undefined) entries.push({ id, directory, about, alive: isAlive(directory, about) })
  }
  return entries
}

/** Where there is no lock to hold, a process with this id is the best sign there is. */
function isAlive(directory: string, about: AppAbout): boolean {
  return about.fallback === undefined ? isLocked(join(directory, 'alive')) : existsSync(`/proc/${about.pid}`)
}

export function readAbout(directory: string): AppAbout | undefined {
  let value: Record<string, unknown> | undefined
  try {
    value = parseLine(readFileSync(join(directory, 'about.json'), 'utf8'))
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined
    throw error
  }
  const { version, pid, procname, argv, started, node, kymograph, identity, fallback } = value ?? {}
  const texts = [procname, started, node, kymograph, identity]
  if (!texts.every(text => typeof text === 'string') || !Number.isSafeInteger(pid) || !Array.isArray(argv))
    return undefined
  return {
    version: Number(version),
    pid: pid as number,
    procname: procname as string,
    argv: argv.map(String),
    started: started as string,
    node: node as string,
    kymograph: kymograph as string,
    identity: identity as string,
    ...(typeof fallback === 'string' ? { fallback } : {}),
  }
}

/** The program's events, each once; those declared twice with different fields stay apart. */
export function readEvents(directory: string): EventDeclaration[] {
  const declarations: EventDeclaration[] = []
  for (const line of new Set(readLines(join(directory, 'events')))) {
    const value = parseLine(line)
    if (value === undefined || typeof value.name !== 'string' || !Array.isArray(value.fields)) continue
    declarations.push({
      name: value.name,
      kind: value.kind === 'marker' ? 'marker' : 'tracepoint',
      ...(typeof value.format === 'string' ? { format: value.format } : {}),
      logLevel: String(value.logLevel),
      ...(value.optIn === true ? { optIn: true } : {}),
      fields: value.fields.map(field => ({ name: String(field?.name), type: String(field?.type) })),
    })
  }
  return declarations
}

/** True while somebody holds the lock: an exclusive flock is the proof of life of programs, threads and recorders. */
export function isLocked(path: string): boolean {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
  try {
    return !requireLibc().tryLock(fd) // a lock that was free goes with the descriptor
  } finally {
    closeSync(fd)
  }
}
