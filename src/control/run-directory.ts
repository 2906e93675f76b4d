/**
 * The run directory: where programs and recorders of one user find each other. Its files are the control
 * interface; docs/life-of-an-event.md shows it with `ls`, `cat`, `echo` and `mv`.
 */
import { chmodSync, lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, KymoError } from '../base/index.ts'

export interface RunDirectory {
  readonly path: string
  readonly sessionsPath: string
  readonly appsPath: string
}

export function runDirectory(): string {
  return process.env.KYMO_RUNDIR || `/dev/shm/kymograph-${process.geteuid?.() ?? 0}`
}

/** Makes the directory when it is missing, and refuses one that another user could write into. */
export function openRunDirectory(path: string = runDirectory()): RunDirectory {
  const run = { path, sessionsPath: join(path, 'sessions'), appsPath: join(path, 'apps') }
  for (const directory of [run.path, run.sessionsPath, run.appsPath]) makePrivate(directory)
  return run
}

function makePrivate(directory: string): void {
  try {
    mkdirSync(directory, 0o700)
    chmodSync(directory, 0o700)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') {
      const advice = 'set KYMO_RUNDIR to a directory on a tmpfs that you may write'
      throw new KymoError('KYMO_RUNDIR', `cannot make ${directory}: ${errorCode(error)}; ${advice}`, {
        directory,
      })
    }
  }
  const stat = lstatSync(directory)
  const uid = process.geteuid?.() ?? stat.uid
  if (!stat.isDirectory() || stat.uid !== uid || (stat.mode & 0o077) !== 0) {
    const was = stat.isDirectory()
      ? `mode ${(stat.mode & 0o777).toString(8)}, owner ${stat.uid}`
      : 'no directory'
    throw new KymoError(
      'KYMO_RUNDIR',
      `${directory} must be a directory of user ${uid} with mode 700: it is ${was}; set KYMO_RUNDIR to another one`,
      { directory, uid: stat.uid, mode: stat.mode },
    )
  }
}
