/** `sessions/<name>/<app>/<channel>/`: the form of a program's stream and its event classes by id. */
import { linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, KymoError } from '../base/index.ts'
import { appendLines, parseLine, readLines } from './json-lines.ts'
import type { ClockKind } from './session.ts'

/** Chosen when the channel's first ring is made; it never changes after that. */
export interface ChannelForm {
  readonly header: 'compact' | 'large' | 'sized'
  readonly contexts: readonly string[]
  readonly clock: ClockKind
}

/** An event class as it stands in the `classes` file; its id is the number of its line. */
export interface ClassLine {
  readonly id: number
  readonly name: string
  readonly logLevel: string
  /** A ctf StructureClass: not looked into here. */
  readonly payload: unknown
}

const FORM_FILE = 'channel.json'
const CLASSES_FILE = 'classes'

export function readChannelForm(directory: string): ChannelForm | undefined {
  try {
    const { header, contexts, clock } = parseLine(readFileSync(join(directory, FORM_FILE), 'utf8')) ?? {}
    if (header !== 'compact' && header !== 'large' && header !== 'sized') return undefined
    if (!Array.isArray(contexts) || !contexts.every(name => typeof name === 'string')) return undefined
    if (clock !== 'monotonic' && clock !== 'coarse' && clock !== 'global') return undefined
    return { header, contexts, clock }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Settles the form: the first of a program's threads that does wins, and all get what stands there. */
export function settleChannelForm(directory: string, form: ChannelForm, thread: number): ChannelForm {
  const path = join(directory, FORM_FILE)
  writeFileSync(`${path}.${thread}`, JSON.stringify(form), { mode: 0o600 })
  try {
    linkSync(`${path}.${thread}`, path)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  } finally {
    unlinkSync(`${path}.${thread}`)
  }
  return readChannelForm(directory) ?? form
}

/** The classes whose ids may occur in a record: of equal lines only the first counts. */
export function readClasses(directory: string): ClassLine[] {
  const seen = new Set<string>()
  const classes: ClassLine[] = []
  for (const [id, line] of readLines(join(directory, CLASSES_FILE)).entries()) {
    if (seen.has(line)) continue
    seen.add(line)
    const value = parseLine(line)
    if (value === undefined || typeof value.name !== 'string' || typeof value.logLevel !== 'string') {
      throw new KymoError('KYMO_CONTROL', `${join(directory, CLASSES_FILE)}:${id + 1} is no event class`, {
        directory,
        id,
      })
    }
    classes.push({ id, name: value.name, logLevel: value.logLevel, payload: value.payload })
  }
  return classes
}

/** The class's id in this channel of this program: that of the first equal line, appended when there is none. */
export function classId(
  directory: string,
  definition: { name: string; logLevel: string; payload: unknown },
): number {
  const path = join(directory, CLASSES_FILE)
  const line = JSON.stringify(definition)
  const found = readLines(path).indexOf(line)
  if (found >= 0) return found
  appendLines(path, [line])
  return readLines(path).indexOf(line)
}
