/**
 * Counts up in a tight loop: `count-up.js FILE int|text`. The mapped FILE holds [0] the number of the hit
 * that is under way or was the last, and [1], set by the test, that it is time to end.
 */
import { createMappedFile } from '../../control/index.ts'
import { i32, str, tracepoint, u32 } from '../../tracer/index.ts'
import { TEXTS, textIndex } from './texts.ts'

const [path, variant] = process.argv.slice(2) as [string, string]
const words = new Float64Array(createMappedFile(path, 4096, () => {}))
const number = tracepoint('kill:n', u32('n'))
const text = tracepoint('kill:text', i32('n'), str('text'))

if (variant === 'int') {
  for (let n = 1; words[1] === 0; n++) {
    words[0] = n
    number(n)
  }
} else {
  for (let n = 1; words[1] === 0; n++) {
    words[0] = n
    text(n, TEXTS[textIndex(n)] as string)
  }
}
process.stdout.write(`${words[0]}\n`)
