/** What recording an unmodified HTTP server costs it: CPU per request, throughput, p99. */
import { existsSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { interleave } from './interleave.mjs'
import { delay, within } from './scratch.mjs'
import { median, pairedRatio } from './statistics.mjs'

const CONNECTIONS = 16
const TARGET_CPU_RATIO = 1.04
const ROUND_TIMEOUT_MS = 60_000

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
const startServer = async ({ scratch, kymograph, node, recordOptions = [] }, isRecorded) => {
  const directory = scratch.directory('http')
  const portFile = join(directory, 'port')
  const command = [here('http-server.mjs'), portFile]
  const recorder = isRecorded ? kymograph.record(recordOptions, [node, ...command]) : undefined
  const running = recorder?.running ?? scratch.spawn(node, command)
  const port = await portOf(portFile, running).catch(async error => {
    await scratch.end(running)
    throw error
  })
  const finish = async () => {
    await quit(port)
    if (recorder) return recorder.finish()
    await within(10_000, running.exited, running.describe)
  }
  return { port, finish }
}

/** One client for all servers. @returns `load(index, requests)` and `finish` */
const startClient = ({ scratch }, ports) => {
  const running = scratch.spawn(
    process.execPath,
    [here('http-client.mjs'), CONNECTIONS, ...ports].map(String),
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  const lines = createInterface({ input: running.child.stdout })[Symbol.asyncIterator]()
  const load = async (index, requests) => {
    running.child.stdin.write(`${index} ${requests}\n`)
    const { value, done } = await within(ROUND_TIMEOUT_MS, lines.next(), running.describe)
    if (done) throw new Error(`the client ended: ${running.describe()}`)
    return JSON.parse(value)
  }
  const finish = async () => {
    running.child.stdin.end()
    await within(10_000, running.exited, running.describe)
  }
  return { load, finish }
}

const UNITS = ['cpuUs', 'perSecond', 'p99Ms']

/**
 * One pair of fresh processes, their rounds in turn; the machine's drift cancels out of their ratios.
 * @returns medians of `off`, `on` and `ratio` by unit, and what the recorder says
 */
const measurePair = async (context, isRecordedFirst) => {
  const { requests, rounds, warmUp } = context.sizes.http
  const servers = []
  try {
    for (const isRecorded of isRecordedFirst ? [true, false] : [false, true]) {
      servers.push(await startServer(context, isRecorded))
    }
    if (isRecordedFirst) servers.reverse()
    const client = startClient(
      context,
      servers.map(({ port }) => port),
    )
    const load = (index, count) => () => client.load(index, count)
    await interleave([load(0, warmUp), load(1, warmUp)], 4, 0)
    const [off, on] = await interleave([load(0, requests), load(1, requests)], rounds, 0)
    await client.finish()
    const of = unit => {
      const [a, b] = [off, on].map(list => list.map(round => round[unit]))
      return { off: median(a), on: median(b), ratio: pairedRatio(b, a) }
    }
    const served = 4 * (warmUp + 2) + rounds * (requests + 2) + 1
    const result = await servers.pop().finish()
    result.remove()
    return { units: Object.fromEntries(UNITS.map(unit => [unit, of(unit)])), served, result }
  } finally {
    for (const server of servers) await server.finish()
  }
}

export const measureHttp = async context => {
  const { sizes, report } = context
  const pairs = []
  for (let pair = 0; pair < sizes.http.pairs; pair++) pairs.push(await measurePair(context, pair % 2 === 1))
  const problems = []
  let recorded = 0
  let served = 0
  for (const { result, served: requests } of pairs) {
    const discarded = Object.values(result.discarded).reduce((sum, n) => sum + n, 0)
    recorded += result.recorded
    served += requests
    if (discarded !== 0)
      problems.push(`the server's trace lacks ${discarded} of ${result.recorded + discarded} events`)
    if (result.recorded === 0) problems.push('nothing was recorded of the server')
  }
  for (const [name, title, unit, target] of [
    ['cpuUs', 'HTTP: CPU per request', 'us', TARGET_CPU_RATIO],
    ['perSecond', 'HTTP: requests per second', '1/s'],
    ['p99Ms', 'HTTP: p99 latency', 'ms'],
  ]) {
    const [on, off, ratios] = ['on', 'off', 'ratio'].map(side => pairs.map(({ units }) => units[name][side]))
    const ratio = median(ratios)
    report.add({
      section: 'http',
      name,
      title,
      unit,
      ours: { median: median(on), values: on },
      base: { median: median(off), values: off },
      ratio,
      ratios,
      target,
      met: target === undefined ? undefined : ratio <= target,
      problems: target ? problems : [],
      eventsPerRequest: recorded / served,
    })
  }
}
