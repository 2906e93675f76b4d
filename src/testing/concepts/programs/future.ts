/**
 * `import`: loads a module with events that did not exist; `classes 40`: declares so many more and hits each.
 * With the argument `blocked` it only hits sites from then on, and its event loop never turns again.
 */
import { createInterface } from 'node:readline'
import { i32, tracepoint } from '../../../tracer/index.ts'

const SPIN = 20_000

const first = tracepoint('shop:first', i32('n'))
let declared = 0

async function answer(line: string): Promise<string> {
  const [command, count] = line.split(' ')
  if (command === 'first') first(0)
  if (command === 'import') (await import('./late.ts')).hit()
  if (command === 'classes') {
    const sites = Array.from({ length: Number(count) }, () =>
      tracepoint(`many:event_${++declared}`, i32('value')),
    )
    for (const [i, site] of sites.entries()) site(i * 1000)
  }
  return 'done'
}

function blocked(): never {
  const a = tracepoint('loop:a', i32('n'))
  const b = tracepoint('loop:b', i32('n'))
  process.stdout.write('ready\n')
  for (let n = 0, spun = 0; ; n = (n + 1) | 0) {
    a(n)
    b(n)
    for (let i = 0; i < SPIN; i++) spun = (spun + i) | 0
  }
}

if (process.argv[2] === 'blocked') blocked()
createInterface({ input: process.stdin }).on('line', async line => {
  process.stdout.write(`${await answer(line)}\n`)
})
process.stdout.write('ready\n')
