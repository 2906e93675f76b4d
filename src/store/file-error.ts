import { errorCode, errorText, KymoError } from '../base/index.ts'

const NO_SPACE =
  'free space or choose another output; nothing of it was kept, so the same can be written again'
const NO_RIGHT = 'choose an output directory that this user may write to'
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: NO_SPACE,
  EDQUOT: NO_SPACE,
  EFBIG: NO_SPACE,
  EACCES: NO_RIGHT,
  EPERM: NO_RIGHT,
  EROFS: NO_RIGHT,
  ENOTDIR: 'choose an output whose parents are directories',
  EEXIST: 'choose an output directory that is new or empty',
  ENOTEMPTY: 'choose an output directory that is new or empty',
  ELOOP: 'choose an output without symbolic links in the place of trace files',
  EMFILE: 'raise the limit of open files (ulimit -n)',
}
const DEFAULT_REMEDY = 'look at the file system and try again'

/** What the system refused, as an error with the code `KYMO_<ERRNO>` and what to do about it. */
export function fileError(path: string, wanted: string, error: unknown): unknown {
  if (error instanceof KymoError) return error
  const code = errorCode(error)
  if (!/^E[A-Z0-9]+$/.test(code)) return error
  const { errno } = error as { errno?: number }
  return new KymoError(
    `KYMO_${code}`,
    `cannot ${wanted} in ${path}: ${errorText(error)}; ${REMEDIES[code] ?? DEFAULT_REMEDY}`,
    { path, wanted, errno, remedy: REMEDIES[code] ?? DEFAULT_REMEDY },
  )
}

/** Runs file system calls, and names what they were to do when one fails. */
export function onFile<T>(path: string, wanted: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw fileError(path, wanted, error)
  }
}
