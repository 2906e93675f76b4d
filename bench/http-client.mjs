/**
 * The load, in a process of its own: a bounded number of requests over keep-alive connections to loopback.
 *
 *   node bench/http-client.mjs PORT REQUESTS CONNECTIONS WARMUP    one line of JSON on stdout
 */
import { Agent, get } from 'node:http'

const [port, requests, connections, warmUp] = process.argv.slice(2).map(Number)
const agent = new Agent({ keepAlive: true, maxSockets: connections })

const fetchText = path =>
  new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, agent, timeout: 10_000 }, response => {
      let text = ''
      response
        .setEncoding('utf8')
        .on('data', part => (text += part))
        .on('error', reject)
      response.on('end', () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`status ${response.statusCode}`)),
      )
    })
    request.on('timeout', () => request.destroy(new Error('no answer within 10 s'))).on('error', reject)
  })

const load = async count => {
  const latencies = new Float64Array(count)
  let started = 0
  const worker = async () => {
    while (started < count) {
      const index = started++
      const begin = performance.now()
      await fetchText(`/products?stock=${80 + (index % 20)}`)
      latencies[index] = performance.now() - begin
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  return latencies.sort()
}

const cpuMicroseconds = async () => {
  const { user, system } = JSON.parse(await fetchText('/usage'))
  return user + system
}

await load(warmUp)
const before = await cpuMicroseconds()
const begin = performance.now()
const latencies = await load(requests)
const seconds = (performance.now() - begin) / 1000
const after = await cpuMicroseconds()
agent.destroy()
console.log(
  JSON.stringify({
    cpuUs: (after - before) / requests,
    perSecond: requests / seconds,
    p99Ms: latencies[Math.floor(requests * 0.99)],
  }),
)
