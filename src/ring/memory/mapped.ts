/** Rings in files of a tmpfs: shared with other processes, and alive after a SIGKILL. */
import { closeSync, constants, fstatSync, openSync, renameSync, rmSync, unlinkSync } from 'node:fs'
import { KymoError } from '../../base/index.ts'
import { requireLibc } from '../../native/index.ts'
import {
  dataOffset,
  formatRing,
  MAX_DATA_BYTES,
  type RingGeometry,
  type RingIdentity,
  ringBytes,
} from '../layout.ts'

/** Headers, counters and data of the largest ring: what a file may claim to be. */
const MAX_RING_FILE_BYTES = 2 * MAX_DATA_BYTES

/**
 * Makes a preallocated file under a temporary name, formats it and gives it its name. `undefined` when the
 * file system has no room for it; nothing is left behind then.
 */
export function createMappedRing(
  path: string,
  geometry: RingGeometry,
  identity: RingIdentity,
): ArrayBuffer | undefined {
  const libc = requireLibc()
  const temporary = `${path}.new`
  rmSync(temporary, { force: true }) // of a maker that was killed: the ring's lock is ours
  const fd = openSync(
    temporary,
    constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  )
  try {
    const length = ringBytes(geometry)
    if (!libc.allocate(fd, length)) {
      unlinkSync(temporary)
      return undefined
    }
    const buffer = libc.map(fd, length, 'read-write')
    formatRing(buffer, geometry, identity)
    renameSync(temporary, path)
    return buffer
  } finally {
    closeSync(fd)
  }
}

/** Maps a ring that somebody made: the caller checks it with readGeometry(). */
export function openMappedRing(path: string): ArrayBuffer {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW)
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size === 0 || stat.size > MAX_RING_FILE_BYTES) {
      throw new KymoError('KYMO_RING', `${path} is no ring: a file of ${stat.size} bytes`, {
        path,
        size: stat.size,
      })
    }
    return requireLibc().map(fd, stat.size, 'read-write')
  } finally {
    closeSync(fd)
  }
}

/** Gives the sub-buffers' pages back to the system; they read as zeros until refillMappedRing(). */
export function punchMappedRing(path: string, geometry: RingGeometry): void {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW)
  try {
    const start = dataOffset(geometry)
    requireLibc().punchHole(fd, start, ringBytes(geometry) - start)
  } finally {
    closeSync(fd)
  }
}

/** Takes pages for the whole ring again; false when there is no room: then the ring must not be written. */
export function refillMappedRing(path: string, geometry: RingGeometry): boolean {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW)
  try {
    return requireLibc().allocate(fd, ringBytes(geometry))
  } finally {
    closeSync(fd)
  }
}
