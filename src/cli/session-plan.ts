/** The options of `record` → what to record, and where. */
import { randomBytes } from 'node:crypto'
import { basename, resolve } from 'node:path'
import { fileNameDate, KymoError, LOG_LEVELS, parseSize, splitPatterns } from '../base/index.ts'
import type { SessionPlan } from '../consumer/index.ts'
import { CONTEXT_NAMES } from '../control/index.ts'
import { geometryProblem } from '../ring/index.ts'

const CHANNEL = 'channel0'
const MAX_NAME = 48
const TOKEN_BYTES = 12

export interface RecordOptions {
  readonly output?: string
  readonly event?: readonly string[]
  readonly context?: readonly string[]
  readonly clock: string
  readonly header: string
  readonly subbufSize: string
  readonly numSubbuf: string
  readonly loglevel?: string
  readonly name?: string
  readonly summary?: string
}

export function sessionPlan(command: readonly string[], options: RecordOptions, now: Date): SessionPlan {
  const name = options.name ?? nameOf(command)
  if (!/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,47}$/.test(name)) {
    throw usage(`--name needs letters, digits, _, - and . (${MAX_NAME} at most): got '${name}'`)
  }
  const patterns = (options.event ?? ['*']).flatMap(splitPatterns)
  if (patterns.length === 0) throw usage('--event needs a pattern')
  const level = options.loglevel === undefined ? {} : { level: logLevel(options.loglevel) }
  return {
    name,
    scope: command.length > 0 ? 'children' : 'all',
    token: randomBytes(TOKEN_BYTES).toString('hex'),
    output: resolve(options.output ?? `kymo-traces/${name}-${fileNameDate(now)}`),
    channels: [
      {
        name: CHANNEL,
        ...ringSizes(options),
        clock: oneOf('--clock', options.clock, ['monotonic', 'coarse', 'global']),
        header: oneOf('--header', options.header, ['auto', 'compact', 'large', 'sized']),
        contexts: contexts(options.context),
      },
    ],
    rules: patterns.map(pattern => ({ channel: CHANNEL, pattern, ...level })),
  }
}

function nameOf(command: readonly string[]): string {
  const name = basename(command[0] ?? 'attach').replaceAll(/[^A-Za-z0-9_.-]/g, '_')
  return name.replace(/^\.+/, '').slice(0, MAX_NAME) || 'command'
}

function ringSizes({ subbufSize, numSubbuf }: RecordOptions): {
  subBufferBytes: number
  subBufferCount: number
} {
  const subBufferBytes = parseSize(subbufSize)
  if (subBufferBytes === undefined)
    throw usage(`--subbuf-size needs a size such as 64k or 1M: got '${subbufSize}'`)
  const subBufferCount = Number(numSubbuf)
  const problem = geometryProblem({ subBufferBytes, subBufferCount, classCapacity: 1 })
  if (problem !== undefined) throw usage(`--subbuf-size ${subbufSize}, --num-subbuf ${numSubbuf}: ${problem}`)
  return { subBufferBytes, subBufferCount }
}

function contexts(lists: readonly string[] = ['vtid']): string[] {
  const names = lists.flatMap(splitPatterns).filter(name => name !== 'none')
  for (const name of names) oneOf('--context', name, CONTEXT_NAMES)
  return CONTEXT_NAMES.filter(name => names.includes(name))
}

function logLevel(text: string): string {
  const name = text.toUpperCase().replace(/^TRACE_/, '')
  return oneOf('--loglevel', name, LOG_LEVELS)
}

function oneOf<T extends string>(option: string, value: string, words: readonly T[]): T {
  const found = words.find(word => word === value)
  if (found === undefined) throw usage(`${option} needs one of ${words.join(', ')}: got '${value}'`)
  return found
}

function usage(message: string): KymoError {
  return new KymoError('KYMO_USAGE', message)
}
