/** File calls of the store: an error says which file, and what to do. */
import { ftruncateSync, writevSync } from 'node:fs'
import { errorCode, KymoError } from '../base/index.ts'

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'make room on that file system, or record elsewhere with -o',
  EDQUOT: 'make room in your quota, or record elsewhere with -o',
  EACCES: 'choose a folder that you may write with -o',
  EPERM: 'choose a folder that you may write with -o',
  EROFS: 'choose a folder that can be written with -o',
  ENOTDIR: 'choose a path whose parents are folders with -o',
}

/** Runs a file call; its error becomes a KymoError `KYMO_<ERRNO>` that names the path. */
export function fileCall<T>(what: string, path: string, call: () => T): T {
  try {
    return call()
  } catch (error) {
    const name = errorCode(error)
    const { errno } = error as NodeJS.ErrnoException
    if (errno === undefined) throw error
    const advice = ADVICE[name] === undefined ? '' : `; ${ADVICE[name]}`
    throw new KymoError(`KYMO_${name}`, `cannot ${what} ${path}: ${name}${advice}`, { path, errno })
  }
}

/** Writes all of the chunks at the end of a file of `size` bytes, or leaves it as it was. */
export function appendWhole(fd: number, path: string, size: number, chunks: readonly Uint8Array[]): number {
  let rest = chunks.filter(chunk => chunk.byteLength > 0)
  const total = rest.reduce((sum, chunk) => sum + chunk.byteLength, 0)
  let written = 0
  try {
    while (written < total) {
      const count = writevSync(fd, rest, size + written)
      written += count
      rest = without(rest, count)
    }
  } catch (error) {
    fileCall('cut', path, () => ftruncateSync(fd, size))
    return fileCall(`write ${total} bytes into`, path, () => {
      throw error
    })
  }
  return size + total
}

/** The chunks less their first `count` bytes. */
function without(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count
  return chunks.flatMap(chunk => {
    const from = Math.min(skip, chunk.byteLength)
    skip -= from
    return from === chunk.byteLength ? [] : [chunk.subarray(from)]
  })
}
