import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { requestEnd, requestError, requestHeaders, requestStart } from './undici.ts'

test('fetch', async t => {
  const server = createServer((_, response) => response.writeHead(202).end('body'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  let events: unknown[][] = []
  requestStart.connect((...args) => events.push(['start', ...args]))
  requestHeaders.connect((...args) => events.push(['headers', ...args]))
  requestEnd.connect((...args) => events.push(['end', ...args]))
  requestError.connect((...args) => events.push(['error', ...args]))

  await t.test('start, headers and end share an id', async () => {
    await (await fetch(`http://127.0.0.1:${port}/p?q=1`)).text()
    const id = events[0]?.[1]
    assert.ok(typeof id === 'number' && id > 0)
    assert.deepEqual(events, [
      ['start', id, 'GET', `127.0.0.1:${port}`, '/p'],
      ['headers', id, 202],
      ['end', id, 202],
    ])
  })

  await t.test('what fails is an error with its code', async () => {
    events = []
    await fetch('http://127.0.0.1:10').catch(() => undefined)
    const id = events[0]?.[1]
    assert.deepEqual(
      events.map(event => event.slice(0, 3)),
      [
        ['start', id, 'GET'],
        ['error', id, 'ECONNREFUSED'],
      ],
    )
  })
})
