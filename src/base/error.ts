/**
 * An operating error: one sentence that says what was needed and what was there. `code` is stable and
 * starts with `KYMO_`; the numbers of the message stand in `fields` too.
 */
export class KymoError extends Error {
  readonly code: string
  readonly fields: Readonly<Record<string, unknown>>

  constructor(code: string, message: string, fields: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.name = 'KymoError'
    this.code = code
    this.fields = fields
  }
}

/** The `code` of any thrown value, or an empty string: works across copies of this package. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : ''
}

/** The text of any thrown value, for a message that goes on after a colon. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
