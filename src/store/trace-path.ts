import { join } from 'node:path'
import { fileNameDate } from '../base/index.ts'

/** A file name has at most 255 bytes on Linux; pid and date take up to 27. */
const MAX_NAME_BYTES = 200

/** `OUTPUT/ust/pid/PROCNAME-PID-YYYYMMDD-HHMMSS`, as LTTng names the trace of one program (local time). */
export function tracePath(output: string, procname: string, pid: number, date: Date): string {
  return join(output, 'ust', 'pid', `${pathName(procname)}-${pid}-${fileNameDate(date)}`)
}

/** Programs name themselves, so the name could lead anywhere. */
function pathName(procname: string): string {
  const safe = procname.replace(/[/\x00-\x1f\x7f]/g, '_').replace(/^\.+/, dots => '_'.repeat(dots.length))
  let name = ''
  let bytes = 0
  for (const character of safe) {
    bytes += Buffer.byteLength(character)
    if (bytes > MAX_NAME_BYTES) break
    name += character
  }
  return name === '' ? '_' : name
}
