/**
 * Requests that this program answers. The end comes when the last byte was handed to the system, or when the
 * connection broke before. Breaks are heard once per connection, not per request: each connection keeps the line
 * of its open responses, which HTTP/1.1 finishes in order.
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
  str('host'),
  str('remote_address'),
  u16('local_port'),
)

/** The whole URL: its query may hold what nobody should keep. */
export const requestUrl = tracepoint('node_http:server_request_url', { optIn: true }, u64('id'), str('url'))

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

/** On a response that has not ended. */
class OpenResponse extends OnHost {
  #id: number
  #next: ServerResponse | undefined

  constructor(response: ServerResponse, id: number) {
    super(response)
    this.#id = id
  }

  /** The id, once: 0 where the start was not seen or the end was. */
  static close(response: ServerResponse): number {
    if (!(#id in response)) return 0
    const open: OpenResponse = response
    const id = open.#id
    open.#id = 0
    return id
  }

  static link(response: ServerResponse, next: ServerResponse): void {
    if (#id in response) (response as OpenResponse).#next = next
  }

  static next(response: ServerResponse): ServerResponse | undefined {
    return #id in response ? (response as OpenResponse).#next : undefined
  }
}

/** On a connection: its open responses, oldest first. */
class Line extends OnHost {
  #oldest: ServerResponse | undefined
  #newest: ServerResponse | undefined

  static enter(socket: Socket, response: ServerResponse): void {
    if (!(#oldest in socket)) {
      new Line(socket)
      socket.on('close', endAll)
    }
    const line = socket as object as Line
    if (line.#newest === undefined) line.#oldest = response
    else OpenResponse.link(line.#newest, response)
    line.#newest = response
  }

  static leave(socket: Socket): ServerResponse | undefined {
    if (!(#oldest in socket)) return undefined
    const line = socket as object as Line
    const response = line.#oldest
    if (response === undefined) return undefined
    line.#oldest = OpenResponse.next(response)
    if (line.#oldest === undefined) line.#newest = undefined
    return response
  }
}

function endAll(this: Socket): void {
  for (let response = Line.leave(this); response !== undefined; response = Line.leave(this)) {
    const id = OpenResponse.close(response)
    if (id !== 0) requestEnd(id, response.headersSent ? response.statusCode : 0, 'abort')
  }
}

function start({ request, response, socket }: Exchange): void {
  const isStartOn = requestStart.enabled
  const isUrlOn = requestUrl.enabled
  if (!isStartOn && !isUrlOn && !requestEnd.enabled) return
  const id = spanIds.next()
  new OpenResponse(response, id)
  Line.enter(socket, response)
  const url = request.url ?? ''
  if (isStartOn) {
    const { remoteAddress = '', localPort = 0 } = socket
    requestStart(id, request.method ?? '', pathOf(url), request.headers.host ?? '', remoteAddress, localPort)
  }
  if (isUrlOn) requestUrl(id, url)
}

function finish({ response, socket }: Exchange): void {
  const id = OpenResponse.close(response)
  if (id === 0) return
  Line.leave(socket)
  requestEnd(id, response.statusCode, 'finish')
}

listen('http.server.request.start', start)
listen('http.server.response.finish', finish)
