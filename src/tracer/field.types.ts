/** What the compiler refuses of fields and tracepoints. */
import type { IncomingMessage } from 'node:http'
import * as kymograph from './index.ts'
import {
  array,
  bool,
  counter,
  enumeration,
  f64,
  histogram,
  i32,
  sequence,
  str,
  struct,
  type Tracepoint,
  tracepoint,
  u8,
  u64,
} from './index.ts'

const orderPlaced = tracepoint('shop:order_placed', u64('id'), str('customer'), i32('items'))
orderPlaced(1, 'anna', 3)
orderPlaced(2n ** 60n, 'anna', 3)
// error: TS2345
orderPlaced('1', 'anna', 3)
// error: TS2345
orderPlaced(1, 'anna', 3n)
// error: TS2345
orderPlaced(1, undefined, 3)
// error: TS2554
orderPlaced(1, 'anna')
// error: TS2554
orderPlaced(1, 'anna', 3, 4)

// error: TS2769
tracepoint('order_placed', u64('id'))
// error: TS2769
tracepoint(42, u64('id'))
// error: TS2769
tracepoint('shop:order', 'id')
// error: TS2769
tracepoint('shop:order', u64)
const method = str('method', (request: IncomingMessage) => String(request.method))
// error: TS2769
tracepoint('http:request', method)

// error: TS2339
kymograph.u128('id')

tracepoint('shop:order', { logLevel: 'DEBUG_LINE' }, u64('id'))(1)
tracepoint('shop:order', { logLevel: 'WARNING', optIn: true })
// error: TS2769
tracepoint('shop:order', { logLevel: 'LOUD' }, u64('id'))
// error: TS2769
tracepoint('shop:order', { level: 'DEBUG' }, u64('id'))

export const off: () => void = orderPlaced.connect((id, customer, items) => [
  id,
  customer.length,
  items.toFixed(),
])
orderPlaced.connect(() => undefined)
orderPlaced.connect(counter('orders'))
orderPlaced.connect(histogram('items', (_id: number | bigint, _customer: string, items: number) => items))
// error: TS2345
orderPlaced.connect((id: string) => id)
// error: TS2345
orderPlaced.connect((_id: unknown, _customer: string, _items: number, _more: number) => 0)
// error: TS2345
orderPlaced.connect(histogram('items', (customer: string) => customer.length))
// error: TS2345
histogram('items', (customer: string) => customer)
// error: TS2345
orderPlaced.connect('orders')
// error: TS2540
orderPlaced.enabled = true
// error: TS2339
orderPlaced.record(str('customer', () => 'anna'))

const paid = tracepoint('shop:paid', enumeration('by', { cash: 0, card: 1 }))
paid('card')
// error: TS2345
paid('cheque')
// error: TS2345
paid(1)
// error: TS2322
enumeration('by', { cash: '0' })
// error: TS2322
enumeration('by', { cash: 0, card: 1 }, () => 'cheque')

const moved = tracepoint('map:moved', struct('to', f64('x'), f64('y'), struct('size', u8('w'), str('unit'))))
moved({ x: 1, y: 2, size: { w: 3, unit: 'm' } })
// error: TS2345
moved({ x: 1, size: { w: 3, unit: 'm' } })
// error: TS2322
moved({ x: 1, y: '2', size: { w: 3, unit: 'm' } })
// error: TS2322
moved({ x: 1, y: 2, size: { w: 3, unit: 0 } })
// error: TS2353
moved({ x: 1, y: 2, z: 3, size: { w: 3, unit: 'm' } })
// error: TS2345
moved([1, 2])

const drawn = tracepoint('map:drawn', array('colour', u8, 3), sequence('names', str), sequence('flags', bool))
drawn([1, 2, 3], ['a'], [true])
drawn(Uint8Array.of(1, 2, 3), [], [])
// error: TS2322
drawn([1, 2, '3'], ['a'], [true])
// error: TS2322
drawn([1, 2, 3], ['a', 1], [true])
// error: TS2345
drawn([1, 2, 3], ['a'], true)
// error: TS2554
array('colour', u8)
// error: TS2345
array('colour', 'u8', 3)
// error: TS2345
array('colour', u8, '3')

const path = tracepoint('map:path', sequence('points', struct('point', f64('x'), f64('y'))))
path([{ x: 1, y: 2 }])
// error: TS2741
path([{ x: 1 }])

const requestStart = tracepoint<[req: { method: string; fd: number }, url: URL]>('http:start')
requestStart({ method: 'GET', fd: 3 }, new URL('http://localhost'))
requestStart
  .record(
    str('method', r => r.method),
    str('path', (_, url) => url.pathname),
    i32('fd', ({ fd }) => fd),
    array('pair', u8, 2, r => [r.fd, r.fd]),
    sequence('words', str, r => r.method.split(' ')),
    enumeration('kind', { get: 0, post: 1 }, r => (r.method === 'GET' ? 'get' : 'post')),
  )
  .connect((r, url) => [r.method, url.href])
// error: TS2554
requestStart({ method: 'GET', fd: 3 })
// error: TS2345
requestStart({ method: 'GET' }, new URL('http://localhost'))
// error: TS2322
requestStart.record(str('fd', r => r.fd))
// error: TS2551
requestStart.record(str('method', r => r.methods))
// error: TS2345
requestStart.record(str('method', (r: IncomingMessage) => r.httpVersion))
// error: TS2345
requestStart.record(str('method'))
// error: TS2322
requestStart.record(sequence('words', str, r => r.fd))
// error: TS2322
requestStart.record(bool('get', r => r.method))

// error: TS2322
export const wrongSite: Tracepoint<[id: string]> = tracepoint('shop:order', i32('id'))
export const rightSite: Tracepoint<[id: number]> = tracepoint('shop:order', i32('id'))
