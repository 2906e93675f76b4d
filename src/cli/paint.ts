import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
export type Paint = (style: Style, text: string) => string

/** Colours where a person looks at a terminal and has not asked for none (NO_COLOR, https://no-color.org). */
export function paintFor(stream: Partial<WriteStream>): Paint {
  const wanted = stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
  return wanted ? (style, text) => styleText(style, text) : (_style, text) => text
}
