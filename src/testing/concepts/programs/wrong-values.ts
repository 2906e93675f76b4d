/** What plain JavaScript may hand to a site. Each call returns, and each is one lost record. */
import {
  array,
  bool,
  enumeration,
  f64,
  i8,
  i32,
  sequence,
  str,
  struct,
  tracepoint,
  u64,
} from '../../../tracer/index.ts'

const good = tracepoint('w:good', i32('n'))
const all = {
  i8: tracepoint('w:i8', i8('v')),
  i32: tracepoint('w:i32', i32('v')),
  u64: tracepoint('w:u64', u64('v')),
  f64: tracepoint('w:f64', f64('v')),
  bool: tracepoint('w:bool', bool('v')),
  str: tracepoint('w:str', str('v')),
  enumeration: tracepoint('w:enumeration', enumeration('v', { a: 1 })),
  array: tracepoint('w:array', array('v', i32, 2)),
  sequence: tracepoint('w:sequence', sequence('v', str)),
  struct: tracepoint('w:struct', struct('v', i32('a'), str('b'))),
} as unknown as Record<string, (...values: unknown[]) => void>

const thrower = {
  get a(): never {
    throw new Error('no value')
  },
  b: '',
}
const revoked = Proxy.revocable({}, {})
revoked.revoke()

const WRONG: Record<string, readonly unknown[]> = {
  i8: [undefined, null, NaN, Infinity, 128, -129, '1', {}, [], true, Symbol('s'), 2n ** 64n],
  i32: [undefined, NaN, 2 ** 31, -(2 ** 31) - 1, '1', {}, Symbol('s'), () => 1, 2n ** 31n],
  u64: [undefined, -1, NaN, 2 ** 53, -1n, 2n ** 64n, '1', {}, Symbol('s')],
  f64: [undefined, '1', {}, Symbol('s'), 1n, null],
  bool: [undefined, 0, 1, 'true', {}, Symbol('s')],
  str: [undefined, null, 1, {}, [], Symbol('s'), new String('s'), revoked.proxy],
  enumeration: [undefined, 'b', {}, Symbol('s'), 'toString', '__proto__'],
  array: [undefined, null, [], [1], [1, 2, 3], [1, NaN], 'ab', {}, revoked.proxy],
  sequence: [undefined, null, [1], ['a', undefined], {}, { length: -1 }, { length: 2 ** 40 }, Symbol('s')],
  struct: [undefined, null, {}, { a: 1 }, { a: 'x', b: 'y' }, thrower, revoked.proxy, Symbol('s')],
}

let wrong = 0
for (const [name, values] of Object.entries(WRONG)) {
  for (const value of values) {
    all[name]?.(value)
    wrong++
  }
  all[name]?.()
  wrong++
  good(wrong)
}
process.stdout.write(`${JSON.stringify({ wrong, good: Object.keys(WRONG).length })}\n`)
