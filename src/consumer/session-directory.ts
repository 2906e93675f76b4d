/** The recorder's side of `sessions/<name>/`: made before the first program may look, gone after a clean stop. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { errorCode, errorText, KymoError } from '../base/index.ts'
import {
  createMappedFile,
  isLocked,
  monotonicOffsetFromEpoch,
  type RunDirectory,
  readSession,
  type Session,
} from '../control/index.ts'
import { requireLibc } from '../native/index.ts'

/** In the trace's folder while it is being recorded: names the session's directory. */
const MARK_FILE = '.kymograph-session'
const WAKE_FILE = 'wake'
const LIFE_FILE = 'alive'
const CLOCK_FILE = 'clock'
const OFFSET_FILE = 'clock-offset'
const CLOCK_BYTES = 4096
/** Sessions of one base name at a time. */
const MAX_NAMES = 1000

export interface SessionDirectory {
  readonly path: string
  readonly name: string
  readonly wakePath: string
  /** What to add to CLOCK_MONOTONIC to get the time since the Unix epoch. */
  readonly offsetFromEpoch: bigint
  /** Ends the proof of life; `remove` takes the directory and the mark in the output away too. */
  close(remove: boolean): void
}

/** Makes the directory of a new session, under `name` or, when that is taken, under a name with a number. */
export function createSessionDirectory(run: RunDirectory, name: string, output: string): SessionDirectory {
  markOutput(output)
  const { path, name: unique } = makeUnique(run.sessionsPath, name)
  try {
    requireLibc().mkfifo(join(path, WAKE_FILE), 0o600)
    // Of the programs alone.
    requireLibc().unmap(createMappedFile(join(path, CLOCK_FILE), CLOCK_BYTES, () => {}))
    writeFileSync(join(path, OFFSET_FILE), String(monotonicOffsetFromEpoch()), { mode: 0o600 })
    const life = takeLife(path, openSync(join(path, LIFE_FILE), 'wx', 0o600))
    writeFileSync(join(output, MARK_FILE), `${path}\n`)
    return opened(path, unique, output, life)
  } catch (error) {
    rmSync(path, { recursive: true, force: true })
    rmSync(join(output, MARK_FILE), { force: true })
    throw error
  }
}

/** Takes over what a dead recorder left; refuses a session that is alive. */
export function adoptSessionDirectory(path: string, output: string, name: string): SessionDirectory {
  return opened(path, name, output, takeLife(path, openSync(join(path, LIFE_FILE), 'a', 0o600)))
}

/** The session's directory, given itself or the trace's folder. */
export function findSessionDirectory(path: string): string {
  if (existsSync(join(path, 'session.json'))) return resolve(path)
  const mark = readMark(path)
  if (mark === undefined) {
    const what = `${path} is neither a session's directory nor the folder of a trace that was cut short`
    throw new KymoError('KYMO_CRASH', `${what}: it has no session.json and no ${MARK_FILE}`, { path })
  }
  if (existsSync(join(mark, 'session.json'))) return mark
  throw new KymoError(
    'KYMO_CRASH',
    `nothing is left of the session of ${path}: ${mark} is gone (shared memory does not outlive a restart)`,
    { path, session: mark },
  )
}

export interface SessionEntry {
  readonly directory: string
  readonly session: Session
  /** False when its recorder died. */
  readonly alive: boolean
}

/** All sessions of the run directory; those whose file makes no sense are left out. */
export function listSessions(run: RunDirectory): SessionEntry[] {
  const entries: SessionEntry[] = []
  for (const name of readdirSync(run.sessionsPath)) {
    const directory = join(run.sessionsPath, name)
    try {
      const session = readSession(directory)
      entries.push({ directory, session, alive: isLocked(join(directory, LIFE_FILE)) })
    } catch (error) {
      // One that is being made or removed right now, or that another version wrote: not ours to judge.
      if (!['ENOENT', 'ENOTDIR', 'KYMO_SESSION', 'KYMO_LAYOUT'].includes(errorCode(error))) throw error
    }
  }
  return entries
}

/** Programs that still have rings in a session that is not `except`. */
export function isNeededElsewhere(run: RunDirectory, appId: string, except: string): boolean {
  return readdirSync(run.sessionsPath).some(name => {
    const directory = join(run.sessionsPath, name)
    return directory !== except && existsSync(join(directory, appId))
  })
}

function opened(path: string, name: string, output: string, life: number): SessionDirectory {
  return {
    path,
    name,
    wakePath: join(path, WAKE_FILE),
    offsetFromEpoch: readOffset(path),
    close(remove) {
      if (remove) {
        rmSync(path, { recursive: true, force: true })
        rmSync(join(output, MARK_FILE), { force: true })
      }
      closeSync(life)
    },
  }
}

/** Makes the folder, and says now what would go wrong later. */
function markOutput(output: string): void {
  try {
    mkdirSync(output, { recursive: true })
    writeFileSync(join(output, `${MARK_FILE}.new`), '')
    rmSync(join(output, `${MARK_FILE}.new`))
  } catch (error) {
    throw new KymoError('KYMO_OUTPUT', `cannot write into ${output}: ${errorText(error)}`, { output })
  }
  const mark = readMark(output)
  if (mark === undefined || !existsSync(join(mark, 'session.json'))) return
  const advice = isLocked(join(mark, LIFE_FILE))
    ? 'is being recorded into: choose another folder'
    : `holds a trace that was cut short: run \`kymo crash ${output}\` first, or choose another folder`
  throw new KymoError('KYMO_OUTPUT', `${output} ${advice}`, { output, session: mark })
}

function readMark(output: string): string | undefined {
  try {
    return readFileSync(join(output, MARK_FILE), 'utf8').trim()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return undefined
    throw error
  }
}

function makeUnique(parent: string, base: string): { path: string; name: string } {
  for (let i = 1; i <= MAX_NAMES; i++) {
    const name = i === 1 ? base : `${base}-${i}`
    try {
      mkdirSync(join(parent, name), { mode: 0o700 })
      return { path: join(parent, name), name }
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
    }
  }
  throw new KymoError(
    'KYMO_SESSION',
    `there are ${MAX_NAMES} sessions named ${base} already: choose another name`,
  )
}

/** The lock is the proof of life: its descriptor stays open as long as the recorder works. */
function takeLife(path: string, fd: number): number {
  if (requireLibc().tryLock(fd)) return fd
  closeSync(fd)
  throw new KymoError('KYMO_CRASH', `${path} is still being recorded: stop its recorder first`, { path })
}

function readOffset(path: string): bigint {
  const text = readFileSync(join(path, OFFSET_FILE), 'utf8')
  return /^-?\d{1,19}$/.test(text) ? BigInt(text) : monotonicOffsetFromEpoch()
}
