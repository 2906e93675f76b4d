/** `session.json`: what a session records, and where. Replaced by rename only, so a reader sees all or nothing. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { globMatches, KymoError, LOG_LEVELS } from '../base/index.ts'
import { CONTEXT_NAMES } from './words.ts'

/** Of `session.json`, `about.json`, `classes`, `events` and the control file alike. */
export const CONTROL_VERSION = 1
/** A session file is a few hundred bytes; the rest is an accident. */
const MAX_SESSION_BYTES = 1 << 20

export type ClockKind = 'monotonic' | 'coarse' | 'global'
export type HeaderChoice = 'auto' | 'compact' | 'large' | 'sized'

export interface Channel {
  readonly name: string
  readonly subBufferBytes: number
  readonly subBufferCount: number
  readonly clock: ClockKind
  readonly header: HeaderChoice
  readonly contexts: readonly string[]
}

export interface Rule {
  readonly channel: string
  /** With `*` for any run of characters. */
  readonly pattern: string
  /** This level and the more severe ones … */
  readonly level?: string
  /** … or this one alone. */
  readonly levelOnly?: boolean
  /** A rule is on unless it says `false`. */
  readonly enabled?: boolean
}

export interface Session {
  readonly version: number
  readonly name: string
  /** Of the recorder. */
  readonly pid: number
  readonly active: boolean
  /** `children`: programs that have `token` in KYMO_SESSION. */
  readonly scope: 'all' | 'children'
  readonly token: string
  /** The trace's folder. */
  readonly output: string
  readonly channels: readonly Channel[]
  readonly rules: readonly Rule[]
}

export interface NamedEvent {
  readonly name: string
  readonly logLevel: string
  /** Recorded only by a rule that names its provider. */
  readonly optIn?: boolean
}

export function ruleMatches(rule: Rule, event: NamedEvent): boolean {
  if (rule.enabled === false || !globMatches(rule.pattern, event.name)) return false
  if (event.optIn === true && !namesProvider(rule.pattern, event.name)) return false
  if (rule.level === undefined) return true
  const wanted = severity(rule.level)
  const level = severity(event.logLevel)
  return rule.levelOnly === true ? level === wanted : level <= wanted
}

function namesProvider(pattern: string, name: string): boolean {
  return pattern.startsWith(name.slice(0, name.indexOf(':') + 1))
}

export function readSession(directory: string): Session {
  return parseSession(readFileSync(join(directory, 'session.json'), 'utf8'))
}

export function writeSession(directory: string, session: Session): void {
  const path = join(directory, 'session.json')
  writeFileSync(`${path}.new`, `${JSON.stringify(session, null, 1)}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

export function parseSession(text: string): Session {
  if (text.length > MAX_SESSION_BYTES) {
    throw new KymoError(
      'KYMO_SESSION',
      `session.json has at most ${MAX_SESSION_BYTES} bytes: got ${text.length}`,
    )
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new KymoError('KYMO_SESSION', `session.json is no JSON: ${(error as Error).message}`)
  }
  const at = new Checker(value, 'session.json')
  const version = at.number('version')
  if (version !== CONTROL_VERSION) {
    throw new KymoError(
      'KYMO_LAYOUT',
      `session layout ${CONTROL_VERSION} is needed: session.json has ${version}`,
      {
        version,
      },
    )
  }
  return {
    version,
    name: at.text('name'),
    pid: at.number('pid'),
    active: at.boolean('active'),
    scope: at.oneOf('scope', ['all', 'children']),
    token: at.text('token'),
    output: at.text('output'),
    channels: at.list('channels').map(channel => ({
      name: channel.fileName('name'),
      subBufferBytes: channel.number('subBufferBytes'),
      subBufferCount: channel.number('subBufferCount'),
      clock: channel.oneOf('clock', ['monotonic', 'coarse', 'global']),
      header: channel.oneOf('header', ['auto', 'compact', 'large', 'sized']),
      contexts: channel.texts('contexts', CONTEXT_NAMES),
    })),
    rules: at.list('rules').map(rule => ({
      channel: rule.text('channel'),
      pattern: rule.text('pattern'),
      ...(rule.has('level') ? { level: rule.oneOf('level', LOG_LEVELS) } : {}),
      ...(rule.has('levelOnly') ? { levelOnly: rule.boolean('levelOnly') } : {}),
      ...(rule.has('enabled') ? { enabled: rule.boolean('enabled') } : {}),
    })),
  }
}

/** Reads a JSON object member by member; an error names the member, what it should be and what it is. */
class Checker {
  readonly #members: Record<string, unknown>
  readonly #where: string

  constructor(value: unknown, where: string) {
    this.#where = where
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      this.#refuse('', 'an object', value)
    this.#members = value as Record<string, unknown>
  }

  has(name: string): boolean {
    return this.#members[name] !== undefined
  }

  text(name: string): string {
    const value = this.#members[name]
    return typeof value === 'string' ? value : this.#refuse(name, 'a string', value)
  }

  /** A name that can stand in a path as it is. */
  fileName(name: string): string {
    const value = this.text(name)
    return /^[A-Za-z0-9_.-]{1,64}$/.test(value) && !value.startsWith('.')
      ? value
      : this.#refuse(name, 'letters, digits, _, - and . (64 at most)', value)
  }

  number(name: string): number {
    const value = this.#members[name]
    return Number.isSafeInteger(value) && (value as number) >= 0
      ? (value as number)
      : this.#refuse(name, 'a whole number', value)
  }

  boolean(name: string): boolean {
    const value = this.#members[name]
    return typeof value === 'boolean' ? value : this.#refuse(name, 'true or false', value)
  }

  oneOf<const T extends string>(name: string, words: readonly T[]): T {
    const value = this.#members[name]
    return words.includes(value as T) ? (value as T) : this.#refuse(name, words.join(' | '), value)
  }

  texts(name: string, words: readonly string[]): string[] {
    return this.#array(name).map(value =>
      words.includes(value as string) ? (value as string) : this.#refuse(name, words.join(' | '), value),
    )
  }

  list(name: string): Checker[] {
    return this.#array(name).map((value, i) => new Checker(value, `${this.#where}: ${name}[${i}]`))
  }

  #array(name: string): unknown[] {
    const value = this.#members[name]
    return Array.isArray(value) ? value : this.#refuse(name, 'a list', value)
  }

  #refuse(name: string, wanted: string, value: unknown): never {
    const where = name === '' ? this.#where : `${this.#where}: ${name}`
    throw new KymoError(
      'KYMO_SESSION',
      `${where} must be ${wanted}: got ${JSON.stringify(value)?.slice(0, 80)}`,
    )
  }
}

/** 0 is the most severe; -1 is no level. */
function severity(level: string): number {
  return (LOG_LEVELS as readonly string[]).indexOf(level)
}
