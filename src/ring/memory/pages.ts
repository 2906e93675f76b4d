/**
 * Rings in many small files of a tmpfs, mapped one behind the other: for where no file may be as large as a ring, or
 * memory comes in pieces (a limit on file sizes, several file systems). Writer and reader see one piece, so a record
 * may lie across the border of two chunks.
 */
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { KymoError } from '../../base/index.ts'
import { requireLibc } from '../../native/index.ts'
import { formatRing, PAGE_BYTES, type RingGeometry, type RingIdentity, ringBytes } from '../layout.ts'

export const DEFAULT_CHUNK_BYTES = 65536
const MAX_CHUNKS = 32768

/**
 * Makes the folder `path` with the chunks of a ring; `undefined` when there is no room for all of them, and nothing is
 * left behind then. `chunkBytes` is a multiple of the page size; the last chunk may be smaller.
 */
export function createPagedRing(
  path: string,
  geometry: RingGeometry,
  identity: RingIdentity,
  chunkBytes = DEFAULT_CHUNK_BYTES,
): ArrayBuffer | undefined {
  const whole = ringBytes(geometry)
  const count = Math.ceil(whole / chunkBytes)
  if (chunkBytes % PAGE_BYTES !== 0 || chunkBytes < PAGE_BYTES || count > MAX_CHUNKS) {
    throw new KymoError(
      'KYMO_RING',
      `a ring has up to ${MAX_CHUNKS} chunks of a multiple of ${PAGE_BYTES} bytes: got ${count} of ${chunkBytes}`,
    )
  }
  const temporary = `${path}.new`
  rmSync(temporary, { recursive: true, force: true }) // of a maker that was killed
  mkdirSync(temporary, { mode: 0o700 })
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const parts: Part[] = []
  try {
    for (let i = 0; i < count; i++) {
      const length = Math.min(chunkBytes, whole - i * chunkBytes)
      const fd = openSync(join(temporary, String(i)), flags, 0o600)
      parts.push({ fd, length })
      if (requireLibc().allocate(fd, length)) continue
      rmSync(temporary, { recursive: true, force: true })
      return undefined
    }
    const buffer = requireLibc().mapParts(parts)
    formatRing(buffer, geometry, identity)
    renameSync(temporary, path)
    return buffer
  } finally {
    for (const { fd } of parts) closeSync(fd)
  }
}

/** Maps a ring that createPagedRing() made: the caller checks it with readGeometry(). */
export function openPagedRing(path: string): ArrayBuffer {
  const names = readdirSync(path).sort((a, b) => Number(a) - Number(b))
  const parts: Part[] = []
  try {
    for (const name of names.slice(0, MAX_CHUNKS + 1)) {
      const fd = openSync(join(path, name), constants.O_RDWR | constants.O_NOFOLLOW)
      parts.push({ fd, length: 0 })
      const stat = fstatSync(fd)
      if (stat.isFile()) parts.splice(-1, 1, { fd, length: stat.size })
    }
    const isWhole = parts.every(
      ({ length }, i) => names[i] === String(i) && length > 0 && length % PAGE_BYTES === 0,
    )
    if (parts.length === 0 || parts.length > MAX_CHUNKS || !isWhole) {
      throw new KymoError('KYMO_RING', `${path} is no ring: ${names.length} files`, { path })
    }
    return requireLibc().mapParts(parts)
  } finally {
    for (const { fd } of parts) closeSync(fd)
  }
}

interface Part {
  readonly fd: number
  readonly length: number
}
