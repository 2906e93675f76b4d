import { ftruncateSync, writeSync, writevSync } from 'node:fs'
import { fileError } from './file-error.ts'

/**
 * Writes all of `chunks` at `position`, as one `writev` where the kernel takes them whole, or nothing: a file
 * that cannot take the rest (full disk, quota) gets back the size it had.
 */
export function writeWholly(
  fd: number,
  chunks: readonly Uint8Array[],
  position: number,
  path: string,
  wanted: string,
): void {
  let left = chunks
  let at = position
  try {
    for (;;) {
      const written = writevSync(fd, left, at)
      at += written
      left = without(left, written)
      if (left.length === 0) return
      if (written === 0)
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC', errno: -28 })
    }
  } catch (error) {
    ftruncateSync(fd, position)
    throw fileError(path, wanted, error)
  }
}

/** `chunks` without their first `count` bytes; empty chunks go too. */
function without(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let skip = count
  let i = 0
  for (; i < chunks.length; i++) {
    const { length } = chunks[i] as Uint8Array
    if (skip < length) break
    skip -= length
  }
  const rest = chunks.slice(i)
  if (skip > 0) rest[0] = (rest[0] as Uint8Array).subarray(skip)
  return rest
}

/** Appends `bytes` to a file opened with O_APPEND by one `write`; the file keeps its size where that fails. */
export function appendWholly(
  fd: number,
  bytes: Uint8Array,
  size: number,
  path: string,
  wanted: string,
): void {
  try {
    const written = writeSync(fd, bytes)
    if (written < bytes.length) {
      throw Object.assign(new Error(`only ${written} of ${bytes.length} bytes fit`), {
        code: 'ENOSPC',
        errno: -28,
      })
    }
  } catch (error) {
    ftruncateSync(fd, size)
    throw fileError(path, wanted, error)
  }
}
