/** Strings that fit into a sub-buffer of 4 KiB, and such that do not. */
import { i8, str, tracepoint } from '../../../tracer/index.ts'

const text = tracepoint('s:text', i8('n'), str('s'))
for (let round = 0; round < 2; round++) {
  for (const length of [0, 100, 3000, 4096, 65536]) {
    text(round, 'x'.repeat(length))
  }
}
