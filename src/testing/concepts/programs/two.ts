/** Hits `two:a` and `two:b` as often as it is told to. */
import { createInterface } from 'node:readline'
import { i32, tracepoint } from '../../../tracer/index.ts'

const a = tracepoint('two:a', i32('n'))
const b = tracepoint('two:b', i32('n'))
let n = 0

createInterface({ input: process.stdin }).on('line', line => {
  for (let i = 0; i < Number(line); i++, n++) {
    a(n)
    b(n)
  }
  process.stdout.write('done\n')
})
process.stdout.write('ready\n')
