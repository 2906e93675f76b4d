/**
 * Requests by node:http and node:https (not fetch, which is undici's). A request ends when the head of its
 * response is there; an error may still follow then. It starts when it is made; Node 20, which has no channel for
 * that, tells when it was sent, and of one that failed before, nothing but the failure.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import { str, tracepoint, u16, u64 } from '../index.ts'
import { listen } from './listen.ts'
import { OnHost, spanIds } from './span.ts'
import { describeThrown } from './thrown.ts'
import { pathOf } from './url.ts'

export const requestStart = tracepoint(
  'node_http:client_request_start',
  u64('id'),
  str('method'),
  str('host'),
  str('path'),
)
export const requestEnd = tracepoint('node_http:client_request_end', u64('id'), u16('status'))
export const requestError = tracepoint(
  'node_http:client_request_error',
  { logLevel: 'WARNING' },
  u64('id'),
  str('code'),
  str('message'),
)

class Call extends OnHost {
  #id: number

  constructor(request: ClientRequest, id: number) {
    super(request)
    this.#id = id
  }

  static id(request: ClientRequest): number {
    return #id in request ? (request as object as Call).#id : 0
  }
}

function start({ request }: { request: ClientRequest }): void {
  if (!requestStart.enabled && !requestEnd.enabled && !requestError.enabled) return
  if (Call.id(request) === 0) begin(request)
}

function begin(request: ClientRequest): number {
  const id = spanIds.next()
  new Call(request, id)
  if (requestStart.enabled) {
    const host = request.getHeader('host')
    requestStart(id, request.method, typeof host === 'string' ? host : request.host, pathOf(request.path))
  }
  return id
}

function end({ request, response }: { request: ClientRequest; response: IncomingMessage }): void {
  const id = Call.id(request)
  if (id !== 0) requestEnd(id, response.statusCode ?? 0)
}

function fail({ request, error }: { request: ClientRequest; error: unknown }): void {
  if (!requestError.enabled) return
  const known = Call.id(request)
  const { name, code, message } = describeThrown(error)
  requestError(known === 0 ? begin(request) : known, code === '' ? name : code, message)
}

listen('http.client.request.created', start)
listen('http.client.request.start', start)
listen('http.client.response.finish', end)
listen('http.client.request.error', fail)
