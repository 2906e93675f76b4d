/**
 * Requests that this program answers. The end comes when the last byte was handed to the system, or when the
 * connection broke before. All state is the connection's, and one listener on it hears the break: HTTP/1.1
 * finishes the responses of a connection in the order of their requests, so a request costs two stores.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { enumeration, str, tracepoint, u16, u64 } from '../index.ts'
import { listen } from './listen.ts'
import { OnHost, spanIds } from './span.ts'
import { pathOf } from './url.ts'

export const requestStart = tracepoint(
  'node_http:server_request_start',
  u64('id'),
  str('method'),
  str('path'),
  str('remote_address'),
  u16('local_port'),
)

/** What may be private, or is long: the whole URL with its query, and the host that was asked for. */
export const requestUrl = tracepoint(
  'node_http:server_request_url',
  { optIn: true },
  u64('id'),
  str('host'),
  str('url'),
)

/** `status` is 0 where a request was aborted before its head was sent. */
export const requestEnd = tracepoint(
  'node_http:server_request_end',
  u64('id'),
  u16('status'),
  enumeration('outcome', { finish: 0, abort: 1 }),
)

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Socket
}

interface OpenRequest {
  readonly id: number
  readonly response: ServerResponse
}

/** What is open on a connection: the request that is being answered, and those that came before its answer. */
class Connection {
  id = 0
  response: ServerResponse | undefined
  readonly #waiting: OpenRequest[] = []
  readonly remoteAddress: string
  readonly localPort: number

  constructor({ remoteAddress, localPort }: Socket) {
    this.remoteAddress = remoteAddress ?? ''
    this.localPort = localPort ?? 0
  }

  enter(id: number, response: ServerResponse): void {
    if (this.response !== undefined) {
      this.#waiting.push({ id, response })
      return
    }
    this.id = id
    this.response = response
  }

  /** Goes on to the next request that waits, if one does. */
  leave(): void {
    const next = this.#waiting.length === 0 ? undefined : this.#waiting.shift()
    this.id = next?.id ?? 0
    this.response = next?.response
  }
}

class OnSocket extends OnHost {
  readonly #connection: Connection

  constructor(socket: Socket) {
    super(socket)
    this.#connection = new Connection(socket)
  }

  static connection(socket: Socket): Connection | undefined {
    return #connection in socket ? (socket as object as OnSocket).#connection : undefined
  }
}

function connectionOf(socket: Socket): Connection {
  const known = OnSocket.connection(socket)
  if (known !== undefined) return known
  new OnSocket(socket)
  socket.on('close', abortAll)
  return OnSocket.connection(socket) as Connection
}

function abortAll(this: Socket): void {
  const connection = connectionOf(this)
  for (; connection.response !== undefined; connection.leave()) {
    const { headersSent, statusCode } = connection.response
    requestEnd(connection.id, headersSent ? statusCode : 0, 'abort')
  }
}

function start({ request, response, socket }: Exchange): void {
  const isStartOn = requestStart.enabled
  const isUrlOn = requestUrl.enabled
  if (!isStartOn && !isUrlOn && !requestEnd.enabled) return
  const id = spanIds.next()
  const connection = connectionOf(socket)
  connection.enter(id, response)
  const { method = '', url = '' } = request
  if (isStartOn) requestStart(id, method, pathOf(url), connection.remoteAddress, connection.localPort)
  if (isUrlOn) requestUrl(id, request.headers.host ?? '', url)
}

function finish({ response, socket }: Exchange): void {
  const connection = OnSocket.connection(socket)
  if (connection === undefined || connection.response !== response) return
  requestEnd(connection.id, response.statusCode, 'finish')
  connection.leave()
}

listen('http.server.request.start', start)
listen('http.server.response.finish', finish)
