import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import test from 'node:test'
import { inspect } from 'node:util'
import { requestEnd, requestStart, requestUrl } from './http-server.ts'

type Event = readonly unknown[]

/** Hears the events while `body` runs. */
async function during(body: () => Promise<void>): Promise<Event[]> {
  const events: Event[] = []
  const disconnects = [
    requestStart.connect((...args) => events.push(['start', ...args])),
    requestUrl.connect((...args) => events.push(['url', ...args])),
    requestEnd.connect((...args) => events.push(['end', ...args])),
  ]
  await body()
  for (const disconnect of disconnects) disconnect()
  return events
}

async function serving(server: Server, body: (port: number) => Promise<void>): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await body((server.address() as AddressInfo).port)
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

async function talk(port: number, text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(text)
  return socket
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: here:80\r\n\r\n`

test('a request and its end share an id; the query is in the opt-in event alone', async () => {
  const server = createServer((_, response) => response.writeHead(201).end('x'))
  let port = 0
  const events = await during(() =>
    serving(server, async localPort => {
      port = localPort
      await once(await talk(port, get('/a/b?secret=1#f')), 'data')
    }),
  )
  const id = events[0]?.[1] as number
  assert.ok(id > 0)
  assert.deepEqual(events, [
    ['start', id, 'GET', '/a/b', '127.0.0.1', port],
    ['url', id, 'here:80', '/a/b?secret=1#f'],
    ['end', id, 201, 'finish'],
  ])
})

test('a broken connection ends all that is open on it, oldest first', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/head') response.writeHead(200).write('half')
  })
  const events = await during(() =>
    serving(server, async port => {
      const socket = await talk(port, get('/head') + get('/b') + get('/c'))
      await once(socket, 'data')
      socket.destroy()
      await new Promise(resolve => setTimeout(resolve, 50))
    }),
  )
  const ids = events.filter(([kind]) => kind === 'start').map(([, id]) => id)
  const ends = events.filter(([kind]) => kind === 'end')
  assert.equal(ids.length, 3)
  assert.deepEqual(ends, [
    ['end', ids[0], 200, 'abort'],
    ['end', ids[1], 0, 'abort'],
    ['end', ids[2], 0, 'abort'],
  ])
})

test('pipelined requests end once each, in order, and one listener serves the connection', async () => {
  let listeners = 0
  const server = createServer((request, response) => {
    listeners = request.socket.listenerCount('close')
    setTimeout(() => response.end('ok'), request.url === '/0' ? 20 : 0)
  })
  const events = await during(() =>
    serving(server, async port => {
      const socket = await talk(port, get('/0'))
      let received = ''
      socket.on('data', data => (received += data))
      socket.write(get('/1') + get('/2') + get('/3'))
      while (received.split('HTTP/1.1').length < 5) await once(socket, 'data')
      const one = listeners
      socket.write(get('/4'))
      await once(socket, 'data')
      assert.equal(listeners, one)
    }),
  )
  const starts = events.filter(([kind]) => kind === 'start').map(([, id]) => id)
  const ends = events.filter(([kind]) => kind === 'end')
  assert.equal(starts.length, 5)
  assert.deepEqual(
    ends,
    starts.map(id => ['end', id, 200, 'finish']),
  )
})

test('the program sees nothing of it on its objects', async () => {
  let keys: unknown[] = []
  let text = ''
  const server = createServer((request, response) => {
    keys = [request, response, request.socket].flatMap(Object.getOwnPropertySymbols)
    text = inspect(response, { showHidden: true, depth: 0 })
    response.end()
  })
  await during(() => serving(server, async port => void (await once(await talk(port, get('/')), 'data'))))
  assert.ok(!`${keys.map(String)} ${text}`.includes('kymo'))
  assert.ok(!text.includes('waiting'))
})

test('switched on in the midst of a request it tells of no end without a start', async () => {
  const server = createServer((_, response) => setTimeout(() => response.end(), 20))
  let events: Event[] = []
  await serving(server, async port => {
    const socket = await talk(port, get('/'))
    await once(server, 'request')
    events = await during(async () => void (await once(socket, 'data')))
  })
  assert.deepEqual(events, [])
})
