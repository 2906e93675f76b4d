import { errorCode, errorText, KymoError } from '../base/index.ts'

/**
 * What the file system refused of a trace (no room, no right, input/output errors): worth another try. All else
 * that goes wrong is something wrong with what was to be written, and stays wrong.
 */
export class OutputFailure extends KymoError {
  constructor(error: unknown) {
    super('KYMO_OUTPUT', errorText(error), { cause: errorCode(error) })
  }
}

/** Runs what writes into a trace. */
export function writing<T>(write: () => T): T {
  try {
    return write()
  } catch (error) {
    const { errno } = error instanceof KymoError ? error.fields : (error as NodeJS.ErrnoException)
    throw typeof errno === 'number' ? new OutputFailure(error) : error
  }
}
