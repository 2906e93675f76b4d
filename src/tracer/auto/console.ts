/**
 * What a program prints: how much by default, the text only for a rule that names `console:`. Node 22 has
 * channels for every Console; for Node 20 the five methods of the global one are wrapped.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { format } from 'node:util'
import { enumeration, str, tracepoint, u32 } from '../index.ts'
import { listen } from './listen.ts'

const LEVELS = { debug: 0, log: 1, info: 2, warn: 3, error: 4 } as const
type Level = keyof typeof LEVELS

/** Longer texts are cut: what dumps whole documents must not push all else out of a flight recorder. */
const MAX_TEXT_CHARACTERS = 4096

/** `arguments` counts them; `length` is the UTF-16 units of those that are strings. */
const size = [u32('arguments'), u32('length')] as const

export const sites = {
  debug: tracepoint('console:debug', { logLevel: 'DEBUG' }, ...size),
  log: tracepoint('console:log', { logLevel: 'INFO' }, ...size),
  info: tracepoint('console:info', { logLevel: 'INFO' }, ...size),
  warn: tracepoint('console:warn', { logLevel: 'WARNING' }, ...size),
  error: tracepoint('console:error', { logLevel: 'ERR' }, ...size),
}

/** Formats what Node formats anyway, once more: objects with an inspection of their own notice it. */
export const text = tracepoint('console:text', { optIn: true }, enumeration('level', LEVELS), str('text'))

function record(level: Level, args: readonly unknown[]): void {
  const site = sites[level]
  if (site.enabled) {
    let length = 0
    for (const arg of args) if (typeof arg === 'string') length += arg.length
    site(args.length, length)
  }
  if (text.enabled) text(level, format(...args).slice(0, MAX_TEXT_CHARACTERS))
}

function wrap(level: Level): void {
  const original = console[level]
  const wrapped = {
    [level](...args: unknown[]): void {
      try {
        record(level, args)
      } catch {
        // an argument's own inspection threw: the original's will throw where the program expects it
      }
      Reflect.apply(original, this, args)
    },
  }[level] as typeof original
  console[level] = wrapped
}

/** Asks a method that cannot print, since it belongs to no console. */
function hasChannels(): boolean {
  const { debug } = console.Console.prototype
  const heard: unknown[] = []
  const hear = (message: unknown): void => void heard.push(message)
  subscribe('console.debug', hear)
  try {
    Reflect.apply(debug, {}, [])
  } catch {
    // it has said so by now, or never will
  }
  unsubscribe('console.debug', hear)
  return heard.length > 0
}

const isHeard = hasChannels()
for (const level of Object.keys(LEVELS) as Level[]) {
  if (isHeard) listen<readonly unknown[]>(`console.${level}`, args => record(level, args))
  else wrap(level)
}
