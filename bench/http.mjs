/** What recording an unmodified HTTP server costs it: CPU per request, throughput, p99. */
import { existsSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { interleave } from './interleave.mjs'
import { delay, within } from './scratch.mjs'
import { median, pairedRatio } from './statistics.mjs'

const CONNECTIONS = 16
const TARGET_CPU_RATIO = 1.04
const LOAD_TIMEOUT_MS = 120_000

const here = name => fileURLToPath(new URL(name, import.meta.url))

const portOf = async (file, running) => {
  for (let tries = 0; !existsSync(file); tries++) {
    if (tries === 300 || running.child.exitCode !== null) throw new Error(`no server: ${running.describe()}`)
    await delay(50)
  }
  return Number(readFileSync(file, 'utf8'))
}

const quit = port =>
  new Promise(resolve =>
    get({ host: '127.0.0.1', port, path: '/quit', timeout: 5000 }, response => {
      response.resume().on('end', resolve)
    }).on('error', resolve),
  )

/** @returns a server, recorded or not, with `finish` giving the summary of the recorder */
const startServer = async ({ scratch, kymograph, node }, isRecorded) => {
  const directory = scratch.directory('http')
  const portFile = join(directory, 'port')
  const command = [here('http-server.mjs'), portFile]
  const recorder = isRecorded ? kymograph.record([], [node, ...command]) : undefined
  const running = recorder?.running ?? scratch.spawn(node, command)
  const port = await portOf(portFile, running).catch(async error => {
    await scratch.end(running)
    throw error
  })
  const load = async (requests, warmUp) =>
    JSON.parse(
      await scratch.run(
        process.execPath,
        [here('http-client.mjs'), port, requests, CONNECTIONS, warmUp].map(String),
        {
          timeoutMs: LOAD_TIMEOUT_MS,
        },
      ),
    )
  const finish = async () => {
    await quit(port)
    if (recorder) return recorder.finish()
    await within(10_000, running.exited, running.describe)
  }
  return { load, finish }
}

export const measureHttp = async context => {
  const { sizes, report } = context
  const { requests, processes, pairs } = sizes.http
  const rounds = { off: [], on: [] }
  const problems = []
  let recorded = 0
  let served = 0
  for (let process = 0; process < processes; process++) {
    const servers = [await startServer(context, false)]
    try {
      servers.push(await startServer(context, true))
      const warmUp = Math.ceil(requests / 4)
      for (const server of servers) await server.load(warmUp, 1)
      const [off, on] = await interleave(
        servers.map(server => () => server.load(requests, 200)),
        pairs,
        200,
      )
      rounds.off.push(...off)
      rounds.on.push(...on)
      served += warmUp + 1 + (requests + 200 + 2) * pairs
    } finally {
      for (const server of servers) {
        const result = await server.finish()
        if (!result) continue
        result.remove()
        const discarded = Object.values(result.discarded).reduce((sum, n) => sum + n, 0)
        recorded += result.recorded
        if (discarded !== 0)
          problems.push(`the server's trace lacks ${discarded} of ${recorded + discarded} events`)
        if (result.recorded === 0) problems.push('nothing was recorded of the server')
      }
    }
  }
  for (const [name, title, unit, target] of [
    ['cpuUs', 'HTTP: CPU per request', 'us', TARGET_CPU_RATIO],
    ['perSecond', 'HTTP: requests per second', '1/s'],
    ['p99Ms', 'HTTP: p99 latency', 'ms'],
  ]) {
    const [on, off] = ['on', 'off'].map(side => rounds[side].map(round => round[name]))
    const ratio = pairedRatio(on, off)
    report.add({
      section: 'http',
      name,
      title,
      unit,
      ours: { median: median(on), values: on },
      base: { median: median(off), values: off },
      ratio,
      target,
      met: target === undefined ? undefined : ratio <= target,
      problems: target ? problems : [],
      eventsPerRequest: recorded / served,
    })
  }
}
