/** What a program threw, as short text: it may be anything, with getters that throw again. */

/** Enough for a message; a stack or a document put into one is cut. */
const MAX_CHARACTERS = 1024

export interface Thrown {
  readonly name: string
  readonly code: string
  readonly message: string
}

export function describeThrown(value: unknown): Thrown {
  try {
    if (typeof value !== 'object' || value === null) {
      return { name: value === null ? 'null' : typeof value, code: '', message: cut(value) }
    }
    const { name, code, message } = value as Partial<Thrown>
    return { name: cut(name), code: cut(code), message: cut(message) }
  } catch {
    return { name: 'unreadable', code: '', message: '' }
  }
}

function cut(value: unknown): string {
  return value === undefined ? '' : String(value).slice(0, MAX_CHARACTERS)
}
