import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type RequestOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { requestEnd, requestError, requestStart } from './http-client.ts'

const server = createServer((request, response) => {
  if (request.url === '/hang-up') request.socket.destroy()
  else response.writeHead(204).end()
})

async function request(options: RequestOptions): Promise<unknown[][]> {
  const events: unknown[][] = []
  const disconnects = [
    requestStart.connect((...args) => events.push(['start', ...args])),
    requestEnd.connect((...args) => events.push(['end', ...args])),
    requestError.connect((...args) => events.push(['error', ...args])),
  ]
  await new Promise<void>(resolve => {
    get({ agent: false, ...options }, response => response.resume().on('end', resolve)).on('error', () =>
      resolve(),
    )
  })
  for (const disconnect of disconnects) disconnect()
  return events
}

test('requests by node:http', async t => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const host = `127.0.0.1:${port}`
  t.after(() => server.close())

  await t.test('start and end share an id and leave the query out', async () => {
    const events = await request({ host: '127.0.0.1', port, path: '/a?token=1' })
    const id = events[0]?.[1]
    assert.ok(typeof id === 'number' && id > 0)
    assert.deepEqual(events, [
      ['start', id, 'GET', host, '/a'],
      ['end', id, 204],
    ])
  })

  await t.test('a connection that breaks is an error', async () => {
    const events = await request({ host: '127.0.0.1', port, path: '/hang-up' })
    const id = events[0]?.[1]
    assert.deepEqual(events, [
      ['start', id, 'GET', host, '/hang-up'],
      ['error', id, 'ECONNRESET', 'socket hang up'],
    ])
  })

  await t.test('one that is refused has a start too', async () => {
    const events = await request({ host: '127.0.0.1', port: 1, path: '/' })
    assert.deepEqual(
      events.map(([kind, id, code]) => [kind, id, kind === 'error' ? code : '']),
      [
        ['start', events[0]?.[1], ''],
        ['error', events[0]?.[1], 'ECONNREFUSED'],
      ],
    )
  })
})
