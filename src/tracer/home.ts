/**
 * Where this process stands in the run directory: made once, when the first of its threads loads Kymograph.
 * A thread that comes later finds what the first has made.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads'
import { errorText } from '../base/index.ts'
import {
  type AppAbout,
  CONTROL_BYTES,
  CONTROL_VERSION,
  ControlWords,
  createMappedFile,
  isLocked,
  openControlFile,
  openRunDirectory,
  PACKAGE_VERSION,
  type RunDirectory,
  readAbout,
} from '../control/index.ts'
import { type Libc, O_NONBLOCK, O_RDWR, requireLibc } from '../native/index.ts'
import { MappedRings } from './mapped-rings.ts'
import type { RingLender } from './ring-lender.ts'

/** What a thread needs to know of its process. */
export interface Home {
  readonly control: ControlWords
  /** Absent where nothing can be recorded; `reason` says why. */
  readonly app?: {
    readonly run: RunDirectory
    readonly id: string
    readonly directory: string
    readonly about: AppAbout
  }
  readonly rings?: RingLender
  readonly reason?: string
}

const ENVIRONMENT_KEY = 'kymograph.app'
/** Dead programs looked at by one registration: the rest is left to the next. */
const SWEEP_LIMIT = 8
/** How long a dead program's counters can still be read. */
const DEAD_KEPT_MS = 10 * 60_000

/** Never throws: what is missing stands in `reason`. */
export function openHome(): Home {
  try {
    const run = openRunDirectory()
    const native = requireLibc()
    const id = knownApp(run) ?? register(run, native)
    setEnvironmentData(ENVIRONMENT_KEY, id)
    const directory = join(run.appsPath, id)
    const about = readAbout(directory) as AppAbout
    const control = openControlFile(join(directory, 'control'))
    return { control, app: { run, id, directory, about }, rings: new MappedRings(native) }
  } catch (error) {
    return homeless(errorText(error))
  }
}

/** A process that nobody can find: its sites work, and are off. */
export function homeless(reason: string): Home {
  return { control: new ControlWords(new ArrayBuffer(CONTROL_BYTES)), reason }
}

/** A program that ends by itself leaves nothing behind, unless a consumer still needs it. */
export function removeAtExit({ app }: Home): void {
  if (app === undefined) return
  process.on('exit', () => {
    try {
      const sessions = readdirSync(app.run.sessionsPath)
      const isRecorded = sessions.some(name => existsSync(join(app.run.sessionsPath, name, app.id)))
      if (!isRecorded) rmSync(app.directory, { recursive: true, force: true })
    } catch {
      // the next program that registers sweeps it
    }
  })
}

/** The entry that another thread of this process has made. */
function knownApp(run: RunDirectory): string | undefined {
  const inherited = getEnvironmentData(ENVIRONMENT_KEY)
  if (typeof inherited === 'string' && isOurs(run, inherited)) return inherited
  if (isMainThread) return undefined
  return readdirSync(run.appsPath).find(id => id.startsWith(`${process.pid}-`) && isOurs(run, id))
}

function isOurs(run: RunDirectory, id: string): boolean {
  const directory = join(run.appsPath, id)
  return readAbout(directory)?.identity === processIdentity() && isLocked(join(directory, 'alive'))
}

/** PID, PID namespace and start time: a PID alone may mean another process elsewhere or later. */
function processIdentity(): string {
  const stat = readFileSync('/proc/self/stat', 'latin1')
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  return `${process.pid} ${readlinkSync('/proc/self/ns/pid')} ${started}`
}

export function newAppId(): string {
  // Not a secret, only a name of its own; Node's crypto would cost 2 ms of every program's start.
  const random = [Math.random(), Math.random()].map(part =>
    Math.floor(part * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  )
  return `${process.pid}-${random.join('')}`
}

export function aboutThisProcess(): AppAbout {
  return {
    version: CONTROL_VERSION,
    pid: process.pid,
    procname: basename(process.argv0),
    argv: [process.execPath, ...process.argv.slice(1)],
    started: new Date().toISOString(),
    node: process.version,
    kymograph: PACKAGE_VERSION,
    identity: processIdentity(),
  }
}

function register(run: RunDirectory, libc: Libc): string {
  sweep(run)
  const id = newAppId()
  const temporary = join(run.appsPath, `.${id}`)
  mkdirSync(temporary, { mode: 0o700 })
  try {
    writeFileSync(join(temporary, 'about.json'), JSON.stringify(aboutThisProcess()), { mode: 0o600 })
    writeFileSync(join(temporary, 'events'), '', { mode: 0o600 })
    createMappedFile(join(temporary, 'control'), CONTROL_BYTES, buffer => new ControlWords(buffer).format())
    libc.mkfifo(join(temporary, 'alive.fifo'), 0o600)
    writeFileSync(join(temporary, 'alive'), '', { mode: 0o600 })
    // Both stay open, without Node knowing, for as long as the process lives: a thread that ends takes nothing along.
    libc.open(join(temporary, 'alive.fifo'), O_RDWR | O_NONBLOCK)
    libc.tryLock(libc.open(join(temporary, 'alive'), O_RDWR))
    renameSync(temporary, join(run.appsPath, id))
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true })
    throw error
  }
  return id
}

/** Removes what killed programs left some time ago. */
function sweep(run: RunDirectory): void {
  for (const id of readdirSync(run.appsPath).slice(0, SWEEP_LIMIT)) {
    const directory = join(run.appsPath, id)
    try {
      if (id.startsWith('.') || isLocked(join(directory, 'alive'))) continue
      const age = Date.now() - statSync(join(directory, 'about.json')).mtimeMs
      const marker = join(directory, 'dead')
      const deadFor = statSync(marker, { throwIfNoEntry: false })?.mtimeMs
      if (deadFor === undefined) closeSync(openSync(marker, 'w', 0o600))
      else if (Date.now() - deadFor > DEAD_KEPT_MS && age > DEAD_KEPT_MS)
        rmSync(directory, { recursive: true, force: true })
    } catch {
      // another program sweeps the same entry
    }
  }
}
