/**
 * Requests by fetch and undici, Node's own copy and the program's. Each redirect and retry is one of its own. A
 * request ends with the last byte of the response's body: a body that nobody reads has no end.
 */
import { str, tracepoint, u16, u64 } from '../index.ts'
import { listen } from './listen.ts'
import { OnHost, spanIds } from './span.ts'
import { describeThrown } from './thrown.ts'
import { hostOf, pathOf } from './url.ts'

export const requestStart = tracepoint(
  'undici:request_start',
  u64('id'),
  str('method'),
  str('host'),
  str('path'),
)
/** The head of the response is there. */
export const requestHeaders = tracepoint('undici:request_headers', u64('id'), u16('status'))
export const requestEnd = tracepoint('undici:request_end', u64('id'), u16('status'))
export const requestError = tracepoint(
  'undici:request_error',
  { logLevel: 'WARNING' },
  u64('id'),
  str('code'),
  str('message'),
)

interface Request {
  readonly method: string
  readonly origin: unknown
  readonly path: string
}

class Call extends OnHost {
  #id: number
  #status = 0

  constructor(request: Request, id: number) {
    super(request)
    this.#id = id
  }

  static of(request: Request): Call | undefined {
    return #id in request ? (request as object as Call) : undefined
  }

  static id(call: Call): number {
    return call.#id
  }

  static status(call: Call): number {
    return call.#status
  }

  static setStatus(call: Call, status: number): void {
    call.#status = status
  }
}

function start({ request }: { request: Request }): void {
  const isOn = requestStart.enabled
  if (!isOn && !requestHeaders.enabled && !requestEnd.enabled && !requestError.enabled) return
  const id = spanIds.next()
  new Call(request, id)
  if (isOn) requestStart(id, request.method, hostOf(request.origin), pathOf(request.path))
}

function head({ request, response }: { request: Request; response: { statusCode: number } }): void {
  const call = Call.of(request)
  if (call === undefined) return
  Call.setStatus(call, response.statusCode)
  requestHeaders(Call.id(call), response.statusCode)
}

function end({ request }: { request: Request }): void {
  const call = Call.of(request)
  if (call !== undefined) requestEnd(Call.id(call), Call.status(call))
}

function fail({ request, error }: { request: Request; error: unknown }): void {
  const call = Call.of(request)
  if (call === undefined || !requestError.enabled) return
  const { name, code, message } = describeThrown(error)
  requestError(Call.id(call), code === '' ? name : code, message)
}

listen('undici:request:create', start)
listen('undici:request:headers', head)
listen('undici:request:trailers', end)
listen('undici:request:error', fail)
