/** Append-only files of one JSON object a line. A line is written by one write, so lines never mix. */
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'
import { errorCode, KymoError } from '../base/index.ts'

/** 10 000 event classes of 1 KiB: beyond that the file is an accident or an attack. */
const MAX_BYTES = 16 << 20

/** The complete lines, as text; a missing file has none. */
export function readLines(path: string): string[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
  if (text.length > MAX_BYTES) {
    throw new KymoError('KYMO_CONTROL', `${path} has at most ${MAX_BYTES} bytes: got ${text.length}`, {
      path,
    })
  }
  return text.split('\n').slice(0, -1)
}

/** Appends JSON texts, a line each. */
export function appendLines(path: string, texts: readonly string[]): void {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW
  const fd = openSync(path, flags, 0o600)
  try {
    const lines = Buffer.from(`${texts.join('\n')}\n`)
    const written = writeSync(fd, lines)
    if (written < lines.length) {
      // The rest of a torn line ends here, so that the next one stands alone.
      writeSync(fd, '\n')
      throw new KymoError(
        'KYMO_ENOSPC',
        `${path} needs ${lines.length} bytes more: ${written} were written`,
        {
          path,
        },
      )
    }
  } finally {
    closeSync(fd)
  }
}

/** Parses one line, or `undefined` where it is no JSON object. */
export function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined // a line that another program wrote wrongly is as good as none
  }
}
