/**
 * The load, in a process of its own: a bounded number of requests over keep-alive connections to loopback. It
 * obeys one line at a time, so rounds against several servers can alternate within a fraction of a second.
 *
 *   node bench/http-client.mjs CONNECTIONS PORT…
 *
 *   stdin   INDEX REQUESTS      asks the server at the INDEX-th port
 *   stdout  one line of JSON
 */
import { Agent, get } from 'node:http'
import { createInterface } from 'node:readline'

const [connections, ...ports] = process.argv.slice(2).map(Number)
const servers = ports.map(port => ({
  port,
  agent: new Agent({ keepAlive: true, maxSockets: connections }),
}))

const fetchText = ({ port, agent }, path) =>
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

const load = async (server, count) => {
  const latencies = new Float64Array(count)
  let started = 0
  const worker = async () => {
    while (started < count) {
      const index = started++
      const begin = performance.now()
      await fetchText(server, `/products?stock=${80 + (index % 20)}`)
      latencies[index] = performance.now() - begin
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  return latencies.sort()
}

const cpuMicroseconds = async server => {
  const { user, system } = JSON.parse(await fetchText(server, '/usage'))
  return user + system
}

const measure = async (server, requests) => {
  const before = await cpuMicroseconds(server)
  const begin = performance.now()
  const latencies = await load(server, requests)
  const seconds = (performance.now() - begin) / 1000
  return {
    cpuUs: ((await cpuMicroseconds(server)) - before) / requests,
    perSecond: requests / seconds,
    p99Ms: latencies[Math.floor(requests * 0.99)],
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [index, requests] = line.split(' ').map(Number)
  console.log(JSON.stringify(await measure(servers[index], requests)))
}
for (const { agent } of servers) agent.destroy()
