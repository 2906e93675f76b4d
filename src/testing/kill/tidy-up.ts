/**
 * Hits a tracepoint in a tight loop: `tidy-up.js FILE`. The mapped FILE holds [0] the number of hits, [1] set by the
 * test: it is time to end; [2] set by the test: collect the garbage, and say so by 0; [3] what is left of the heap.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createMappedFile } from '../../control/index.ts'
import { tracepoint, u32 } from '../../tracer/index.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
const words = new Float64Array(createMappedFile(process.argv[2] as string, 4096, () => {}))
const number = tracepoint('kill:n', u32('n'))

for (let n = 1; words[1] === 0; n++) {
  words[0] = n
  number(n % 2 ** 32)
  if (words[2] !== 0) {
    collectGarbage()
    words[3] = process.memoryUsage().heapUsed
    words[2] = 0
  }
}
