import { KymoError } from '../../../base/index.ts'

/** Words no name may be, of CTF 1.8 §C and of Trace Compass (`NaN`). */
const KEYWORDS = new Set(
  (
    'align callsite char clock const double enum env event float floating_point int integer long short signed ' +
    'stream string struct trace typealias typedef unsigned variant void NaN _Bool _Complex _Imaginary'
  ).split(' '),
)

/** An error of this code means that the class cannot be said in CTF 1.8 metadata text. */
export const TSDL_ERROR = 'KYMO_TSDL'

/**
 * `plain`: packet header, packet context and event record header, whose names readers look for.
 * `user`: contexts and payloads, whose names get one leading underscore, which readers take off.
 */
export type NameScope = 'plain' | 'user'

/**
 * A member or option name as it stands in the text. Different names give different identifiers.
 *
 * `\uXXXX` would be the specification's way to write other characters, but babeltrace2 2.0.4 shows it
 * undecoded and Trace Compass refuses it. So each UTF-16 unit outside `[A-Za-z0-9_]` is written `_uXXXX`,
 * and an underscore that would look like the start of such an escape is escaped itself.
 */
export function identifier(name: string, scope: NameScope): string {
  const safe = name.replace(/_(?=u[0-9a-f]{4})|[^A-Za-z0-9_]/g, escapeUnit)
  if (scope === 'plain') {
    return /^([0-9_]|$)/.test(safe) || KEYWORDS.has(safe) ? `_${safe}` : safe
  }
  // `Bool` would become the keyword `_Bool`.
  return KEYWORDS.has(`_${safe}`) ? `_${escapeUnit(safe[0] as string)}${safe.slice(1)}` : `_${safe}`
}

function escapeUnit(unit: string): string {
  return `_u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** A name that no reader unescapes and that has to be what it is: of a clock or an environment entry. */
export function exactIdentifier(name: string, what: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || KEYWORDS.has(name)) {
    throw new KymoError(
      TSDL_ERROR,
      `the name of ${what} must be an identifier: got ${JSON.stringify(name)}`,
      { name },
    )
  }
  return name
}

/** A string literal. A NUL would end it in readers written in C, so that is refused. */
export function quoted(text: string, what: string): string {
  const nul = text.indexOf('\0')
  if (nul >= 0) {
    throw new KymoError(
      TSDL_ERROR,
      `${what} has a NUL character at index ${nul}, which metadata text cannot hold`,
      {
        text,
        index: nul,
      },
    )
  }
  return `"${text.replace(/["\\]/g, '\\$&').replace(/[\x01-\x1f\x7f]/g, controlEscape)}"`
}

function controlEscape(control: string): string {
  if (control === '\n') return '\\n'
  if (control === '\t') return '\\t'
  return `\\${control.charCodeAt(0).toString(8).padStart(3, '0')}`
}

/** Decimal text of a number that goes into the metadata; classes come from other processes as JSON. */
export function natural(value: number, lowest: number, highest: number, what: string): string {
  if (!Number.isSafeInteger(value) || value < lowest || value > highest) {
    throw new KymoError(TSDL_ERROR, `${what} must be an integer from ${lowest} to ${highest}: got ${value}`, {
      value,
      lowest,
      highest,
    })
  }
  return String(value)
}
