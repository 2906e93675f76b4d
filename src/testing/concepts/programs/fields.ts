/** Every type of field at its extremes. What babeltrace2 has to say of each stands in fields.test.ts. */
import {
  array,
  bool,
  type Element,
  enumeration,
  f32,
  f64,
  i8,
  i16,
  i32,
  i64,
  marker,
  sequence,
  str,
  struct,
  tracepoint,
  u8,
  u16,
  u32,
  u64,
} from '../../../tracer/index.ts'

const KIB_64 = 65536

const signed = tracepoint('f:signed', i8('a'), i16('b'), i32('c'), i64('d'))
signed(-(2 ** 7), -(2 ** 15), -(2 ** 31), -(2n ** 63n))
signed(2 ** 7 - 1, 2 ** 15 - 1, 2 ** 31 - 1, 2n ** 63n - 1n)
signed(0, 0, 0, -0)
signed(-1.9, 1.9, -0.5, Number.MIN_SAFE_INTEGER)

const unsigned = tracepoint('f:unsigned', u8('a'), u16('b'), u32('c'), u64('d'))
unsigned(0, 0, 0, 0n)
unsigned(2 ** 8 - 1, 2 ** 16 - 1, 2 ** 32 - 1, 2n ** 64n - 1n)
unsigned(1, 1, 1, Number.MAX_SAFE_INTEGER)

const floats = tracepoint('f:floats', f32('a'), f64('b'))
for (const value of [0, -0, 1.5, Infinity, -Infinity, NaN, 3.4028234663852886e38, 1.401298464324817e-45]) {
  floats(value, value)
}
floats(0.1, Number.MAX_VALUE)
floats(1e39, Number.MIN_VALUE)

const bools = tracepoint('f:bool', bool('yes'), bool('no'))
bools(true, false)

const enums = tracepoint(
  'f:enum',
  enumeration('small', { none: 0, top: 255 }),
  enumeration('signed', { low: -(2 ** 31), high: 2 ** 31 - 1 }),
  enumeration('wide', { zero: 0, all: 2 ** 32 - 1 }),
)
enums('none', 'low', 'zero')
enums('top', 'high', 'all')

const arrays = tracepoint(
  'f:arrays',
  array('none', u8 as Element<number>, 0),
  array('three', i16 as Element<number>, 3),
  sequence('any', u64),
)
arrays([], [1, -2, 3], [])
arrays(new Uint8Array(0), new Int16Array([-32768, 0, 32767]), [2n ** 64n - 1n])

const nested = tracepoint(
  'f:nested',
  sequence('points', struct('point', f64('x'), struct('label', str('text'), sequence('tags', str)))),
)
nested([])
nested([
  { x: 0.5, label: { text: '', tags: [] } },
  { x: -1, label: { text: 'b', tags: ['c', ''] } },
])

const text = tracepoint('f:text', str('s'))
for (const value of [
  '',
  'plain',
  'quote " backslash \\ newline \n tab \t',
  'a\0b',
  '\ud800',
  'x\udc00y',
  '🚂 züge über gleise 漢字',
  'é'.repeat(40),
]) {
  text(value)
}
text('s'.repeat(KIB_64))
text('漢'.repeat(KIB_64))

const unicode = tracepoint('f:grüße 🚂', i32('zähler'), i32('with blank'), i32('int'), i32('_u00e4'))
unicode(1, 2, 3, 4)

const mark = marker('f:marker', 'a %d b %u c %ld d %s e %f f %p g #2d%ld h #1u%d i %x j #4x%lu k %c')
mark(-1, 2 ** 32 - 1, -(2n ** 63n), 'text', -0.25, 0xdeadbeefn, -32768, 255, 0xff, 0xabcd, 65)

const tooBig = tracepoint('f:too_big', str('s'))
for (let n = 0; n < 3; n++) tooBig('x'.repeat(600_000))
tracepoint('f:last', i32('n'))(1)
