/** Two processes pass a token through pipes; each records it, then passes it on. The second has the last. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { i32, tracepoint } from '../../../tracer/index.ts'

const LAST = 2001

const token = tracepoint('pong:token', i32('n'))
const isSecond = process.argv[2] === 'second'
const other = isSecond ? undefined : spawn(process.execPath, [fileURLToPath(import.meta.url), 'second'])
const input = other?.stdout ?? process.stdin
const output = other?.stdin ?? process.stdout

function pass(n: number): void {
  token(n)
  output.write(`${n}\n`)
  if (n >= LAST) input.destroy()
}

let rest = ''
input.setEncoding('utf8')
input.on('data', text => {
  const lines = (rest + text).split('\n')
  rest = lines.pop() ?? ''
  for (const line of lines) if (Number(line) < LAST) pass(Number(line) + 1)
})
if (other !== undefined) {
  other.stderr.pipe(process.stderr)
  pass(0)
}
