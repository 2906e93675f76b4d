/** Hits its sites as it is told: `order 3`, `switch 2`; `enabled` says which of them are on. */
import { createInterface } from 'node:readline'
import { i32, marker, str, tracepoint } from '../../../tracer/index.ts'

const order = tracepoint('shop:order', i32('n'), str('customer'))
const taskSwitch = marker('sched:switch', 'prev_pid %d next_pid %d')
let n = 0

function answer(line: string): string {
  const [command, count] = line.split(' ')
  if (command === 'enabled') return `order ${order.enabled} switch ${taskSwitch.enabled}`
  for (let i = 0; i < Number(count); i++) {
    n++
    if (command === 'order') order(n, 'Ada')
    else taskSwitch(n, n + 1)
  }
  return `hit ${n}`
}

createInterface({ input: process.stdin }).on('line', line => process.stdout.write(`${answer(line)}\n`))
process.stdout.write('ready\n')
