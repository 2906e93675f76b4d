// `npm start`: records an unmodified HTTP server under load and shows what is in the trace.
import { spawn, spawnSync } from 'node:child_process'
import { Agent, get } from 'node:http'
import { fileURLToPath } from 'node:url'

const REQUESTS = 2000
const IN_FLIGHT = 16
const PATHS = ['/', '/?name=Ada', '/slow', '/missing']

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const server = fileURLToPath(new URL('http-server.mjs', import.meta.url))
const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
const output = `kymo-traces/start-${stamp}`

console.log(`$ kymo record -o ${output} -- node examples/http-server.mjs`)
const recorder = spawn(process.execPath, [main, 'record', '-o', output, '--', process.execPath, server], {
  stdio: ['ignore', 'pipe', 'inherit'],
})

const url = await new Promise((resolve, reject) => {
  recorder.once('exit', code => reject(new Error(`the recorder ended with ${code}`)))
  recorder.stdout.on('data', chunk => {
    const found = /http:\S+/.exec(String(chunk))
    if (found !== null) resolve(found[0])
  })
})
console.log(`${url} is up; sending ${REQUESTS} requests …`)

const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT })
let sent = 0
async function client() {
  while (sent < REQUESTS) {
    const path = PATHS[sent++ % PATHS.length]
    await new Promise((resolve, reject) => {
      get(url + path, { agent }, response => response.resume().on('end', resolve)).on('error', reject)
    })
  }
}
await Promise.all(Array.from({ length: IN_FLIGHT }, client))
agent.destroy()

recorder.removeAllListeners('exit')
const ended = new Promise(resolve => recorder.once('exit', resolve))
recorder.kill('SIGINT')
process.exitCode = (await ended) ?? 1

const reader = spawnSync('babeltrace2', [output], { encoding: 'utf8', maxBuffer: 2 ** 30 })
if (reader.error === undefined && reader.status === 0) {
  console.log(`\n$ babeltrace2 ${output} | head -8`)
  console.log(reader.stdout.split('\n').slice(0, 8).join('\n'))
} else {
  console.log(`\nThe trace is in ${output}; babeltrace2 or Trace Compass shows it.`)
}
