import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { needs } from '../../../testing/index.ts'
import type {
  ClockClass,
  DataStreamClass,
  EventRecordClass,
  FieldClass,
  StructureClass,
  TraceClass,
  UnsignedIntegerClass,
} from '../../model/index.ts'
import { eventBlock, streamBlock, tracePreamble } from './index.ts'
import { identifier } from './lexical.ts'

const CLOCK: ClockClass = {
  name: 'monotonic',
  uuid: '01234567-89ab-cdef-0123-456789abcdef',
  description: 'Monotonic "Clock"',
  frequency: 1_000_000_000n,
  offsetFromEpoch: 1_700_000_000_123_456_789n,
}
const u = (length: number, more: Partial<UnsignedIntegerClass> = {}): UnsignedIntegerClass => ({
  type: 'fixed-length-unsigned-integer',
  length,
  byteOrder: 'little-endian',
  alignment: 8,
  ...more,
})
const struct = (
  members: Readonly<Record<string, FieldClass>>,
  minimumAlignment?: number,
): StructureClass => ({
  type: 'structure',
  memberClasses: Object.entries(members).map(([name, fieldClass]) => ({ name, fieldClass })),
  ...(minimumAlignment === undefined ? {} : { minimumAlignment }),
})
const TRACE: TraceClass = {
  uuid: 'FFEEDDCC-bbaa-9988-7766-554433221100',
  byteOrder: 'little-endian',
  environment: { domain: 'ust', vpid: 42, cmd: 'a "b" \\ ü\n\t\u0001' },
  packetHeader: struct({
    magic: u(32, { preferredDisplayBase: 16 }),
    uuid: { type: 'static-length-blob', length: 16, roles: ['metadata-stream-uuid'] },
    stream_id: u(32),
  }),
}
const STREAM: DataStreamClass = {
  id: 0,
  packetContext: struct({
    timestamp_begin: u(64, { roles: ['default-clock-timestamp'] }),
    timestamp_end: u(64, { roles: ['packet-end-default-clock-timestamp'] }),
    content_size: u(64),
  }),
  eventRecordHeader: struct({
    id: u(5, { alignment: 1 }),
    v: {
      type: 'variant',
      selectorMember: 'id',
      options: [
        {
          name: 'compact',
          selectorRanges: [[0, 30]],
          fieldClass: struct({ timestamp: u(27, { alignment: 1, roles: ['default-clock-timestamp'] }) }),
        },
        {
          name: 'extended',
          selectorRanges: [[31, 31]],
          fieldClass: struct({ id: u(32), timestamp: u(64, { roles: ['default-clock-timestamp'] }) }, 8),
        },
      ],
    },
  }),
  eventRecordCommonContext: struct({ vtid: u(32) }),
}
const event = (members: Readonly<Record<string, FieldClass>>, name = 'app:hit'): EventRecordClass => ({
  name,
  logLevel: 'INFO',
  payload: struct(members),
})

const I = (size: number, more = ''): string =>
  `integer { size = ${size}; align = 8; signed = false; base = 10; ${more}}`
const MAP = 'map = clock.monotonic.value; '

test('the preamble is one fragment: trace, environment, clock', () => {
  assert.equal(
    tracePreamble(TRACE, CLOCK),
    `/* CTF 1.8 */

trace {
	major = 1;
	minor = 8;
	uuid = "ffeeddcc-bbaa-9988-7766-554433221100";
	byte_order = le;
	packet.header := struct {
		integer { size = 32; align = 8; signed = false; base = 16; } magic;
		integer { size = 8; align = 8; signed = false; base = 16; } uuid[16];
		${I(32)} stream_id;
	};
};
env {
	domain = "ust";
	vpid = 42;
	cmd = "a \\"b\\" \\\\ ü\\n\\t\\001";
};
clock {
	name = "monotonic";
	uuid = "01234567-89ab-cdef-0123-456789abcdef";
	description = "Monotonic \\"Clock\\"";
	freq = 1000000000;
	offset_s = 1700000000;
	offset = 123456789;
};

`,
  )
})

test('seconds of a negative clock offset are rounded down', () => {
  const text = tracePreamble(TRACE, { ...CLOCK, offsetFromEpoch: -1n })
  assert.match(text, /\toffset_s = -1;\n\toffset = 999999999;\n/)
  assert.match(
    tracePreamble(TRACE, { ...CLOCK, offsetFromEpoch: -3_000_000_000n }),
    /offset_s = -3;\n\toffset = 0;/,
  )
})

test('a stream block describes the event record header as enumeration and variant', () => {
  assert.equal(
    streamBlock(STREAM, CLOCK),
    `stream {
	id = 0;
	event.header := struct {
		enum : integer { size = 5; align = 1; signed = false; base = 10; } { "compact" = 0 ... 30, "extended" = 31 } id;
		variant <id> {
			struct {
				integer { size = 27; align = 1; signed = false; base = 10; ${MAP}} timestamp;
			} compact;
			struct {
				${I(32)} id;
				${I(64, MAP)} timestamp;
			} align(8) extended;
		} v;
	};
	packet.context := struct {
		${I(64, MAP)} timestamp_begin;
		${I(64, MAP)} timestamp_end;
		${I(64)} content_size;
	};
	event.context := struct {
		${I(32)} _vtid;
	};
};

`,
  )
})

const PAYLOAD: Readonly<Record<string, FieldClass>> = {
  ok: { type: 'fixed-length-boolean', length: 8, byteOrder: 'little-endian', alignment: 8 },
  net: u(16, { byteOrder: 'big-endian', preferredDisplayBase: 8 }),
  state: {
    ...u(32),
    type: 'fixed-length-signed-integer',
    mappings: {
      'lo "w"': [
        ['-2147483648', '-2'],
        ['5', '5'],
      ],
      ü: [['-1', '-1']],
    },
  },
  real: { type: 'fixed-length-floating-point-number', length: 64, byteOrder: 'little-endian', alignment: 8 },
  text: { type: 'null-terminated-string' },
  name: { type: 'static-length-string', length: 4 },
  grid: {
    type: 'static-length-array',
    length: 2,
    elementFieldClass: { type: 'static-length-array', length: 3, elementFieldClass: u(8) },
  },
  points: { type: 'static-length-array', length: 1, elementFieldClass: struct({ x: u(8), int: u(8) }) },
  n: u(32),
  items: {
    type: 'dynamic-length-array',
    lengthMember: 'n',
    elementFieldClass: { type: 'null-terminated-string' },
  },
  'grün 1': u(8),
  a_u0020: u(8),
  Bool: u(8),
  _x: u(8),
  big: u(64, { mappings: { max: [['18446744073709551615', '18446744073709551615']] } }),
  kind: u(8),
  value: {
    type: 'variant',
    selectorMember: 'kind',
    options: [
      { name: 'int', selectorRanges: [[1, 1]], fieldClass: u(8) },
      { name: 'text', selectorRanges: [[2, 3]], fieldClass: { type: 'null-terminated-string' } },
    ],
  },
}

test('an event block: every field class, user names with one underscore', () => {
  assert.equal(
    eventBlock(0, 7, event(PAYLOAD, 'a"b\\c\nü')),
    `event {
	name = "a\\"b\\\\c\\nü";
	id = 7;
	stream_id = 0;
	loglevel = 6;
	fields := struct {
		enum : integer { size = 8; align = 8; signed = false; } { "false" = 0, "true" = 1 } _ok;
		integer { size = 16; align = 8; byte_order = be; signed = false; base = 8; } _net;
		enum : integer { size = 32; align = 8; signed = true; base = 10; } ` +
      `{ "lo \\"w\\"" = -2147483648 ... -2, "lo \\"w\\"" = 5, "ü" = -1 } _state;
		floating_point { exp_dig = 11; mant_dig = 53; align = 8; } _real;
		string _text;
		integer { size = 8; align = 8; signed = false; encoding = UTF8; base = 10; } _name[4];
		${I(8)} _grid[2][3];
		struct {
			${I(8)} _x;
			${I(8)} _int;
		} _points[1];
		${I(32)} _n;
		string _items[_n];
		${I(8)} _gr_u00fcn_u00201;
		${I(8)} _a_u005fu0020;
		${I(8)} __u0042ool;
		${I(8)} __x;
		enum : ${I(64)} { "max" = 18446744073709551615 } _big;
		enum : ${I(8)} { "_int" = 1, "_text" = 2 ... 3 } _kind;
		variant <_kind> {
			${I(8)} _int;
			string _text;
		} _value;
	};
};

`,
  )
})

test('different names give different identifiers, and all are identifiers', () => {
  const names = [
    'a b',
    'a_u0020b',
    'a_u005fu0020b',
    'ü',
    '_ü',
    '_u00fc',
    'u00fc',
    '',
    '1',
    '_1',
    '_',
    '__',
    '😀',
    '\0',
  ]
  names.push('event', '_event', '__event', 'Bool', '_Bool', '_u0042ool', 'a.b', 'a-b', 'a_b', 'int', 'NaN')
  for (const scope of ['plain', 'user'] as const) {
    const identifiers = names.map(name => identifier(name, scope))
    assert.equal(new Set(identifiers).size, names.length, identifiers.join(' '))
    for (const text of identifiers) assert.match(text, /^[A-Za-z_][A-Za-z0-9_]*$/)
  }
})

test('what metadata text cannot say is refused, and the field is named', () => {
  const dynamic = (elementFieldClass: FieldClass): FieldClass => ({
    type: 'dynamic-length-array',
    lengthMember: 'n',
    elementFieldClass,
  })
  let deep: FieldClass = u(8)
  for (let i = 0; i < 40; i++) deep = struct({ s: deep })
  const refused: readonly (readonly [Readonly<Record<string, FieldClass>>, RegExp])[] = [
    [{ n: u(32), rows: dynamic(dynamic(u(8))) }, /^field payload\.rows: .*structure around each element/],
    [
      {
        s: struct({
          n: u(32),
          rows: { type: 'static-length-array', length: 2, elementFieldClass: dynamic(u(8)) },
        }),
      },
      /payload\.s\.rows/,
    ],
    [{ rows: dynamic(u(8)), n: u(32) }, /payload\.rows: needs an integer member "n" before it/],
    [{ n: { type: 'null-terminated-string' }, rows: dynamic(u(8)) }, /needs an integer member/],
    [{ a: u(65) }, /the size in bits of field payload\.a .* 1 to 64: got 65/],
    [{ a: u(8, { alignment: 3 }) }, /payload\.a: an alignment is a power of two/],
    [
      { a: u(8, { mappings: { x: [['256', '256']] } }) },
      /payload\.a: the range 256 to 256 of "x" does not fit 0 to 255/,
    ],
    [{ a: u(8, { mappings: { x: [['1 } evil', '1']] } }) }, /decimal integer/],
    [{ a: u(8, { mappings: { 'x\0': [['1', '1']] } }) }, /a label of field payload\.a has a NUL/],
    [{ a: u(8, { byteOrder: 'middle' as 'big-endian' }) }, /byte order "middle"/],
    [{ a: u(8, { roles: ['default-clock-timestamp'] }) }, /payload\.a: the role/],
    [{ a: deep }, /more than 32 levels/],
    [{ a: { type: 'x' } as unknown as FieldClass }, /unknown field class "x"/],
  ]
  for (const [members, message] of refused) {
    assert.throws(() => eventBlock(0, 0, event(members)), { name: 'KymoError', code: 'KYMO_TSDL', message })
  }
  assert.throws(() => eventBlock(0, 0, event({}, 'a\0b')), {
    code: 'KYMO_TSDL',
    message: /event name has a NUL/,
  })
  assert.throws(() => eventBlock(0, -1, event({})), { code: 'KYMO_TSDL' })
  assert.throws(() => tracePreamble({ ...TRACE, environment: { 'a b': 1 } }, CLOCK), { code: 'KYMO_TSDL' })
  assert.throws(() => tracePreamble({ ...TRACE, environment: { a: '\0' } }, CLOCK), { code: 'KYMO_TSDL' })
  assert.throws(() => tracePreamble({ ...TRACE, environment: { a: 1.5 } }, CLOCK), { code: 'KYMO_TSDL' })
  assert.throws(() => tracePreamble(TRACE, { ...CLOCK, name: 'a"; }' }), { code: 'KYMO_TSDL' })
  assert.throws(() => tracePreamble(TRACE, { ...CLOCK, frequency: 0n }), { code: 'KYMO_TSDL' })
})

function babeltrace(t: TestContext, metadata: string, stream: Buffer, ...options: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'kymo-tsdl-'))
  t.after(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'metadata'), metadata)
  writeFileSync(join(directory, 'stream'), stream)
  const ran = spawnSync('babeltrace2', [directory, ...options], { encoding: 'utf8' })
  assert.equal(ran.stderr, '')
  return ran.stdout
}

function packet(record: Buffer): Buffer {
  const head = Buffer.alloc(24 + 24)
  head.writeUInt32LE(0xc1fc1fc1, 0)
  Buffer.from(TRACE.uuid.replaceAll('-', ''), 'hex').copy(head, 4)
  head.writeBigUInt64LE(1000n, 24)
  head.writeBigUInt64LE(9000n, 32)
  head.writeBigUInt64LE(BigInt(8 * (head.length + record.length)), 40)
  return Buffer.concat([head, record])
}

test('babeltrace2 reads every field class', t => {
  if (!needs(t, 'babeltrace2')) return
  const number = (value: bigint, size: number): Buffer => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value))
    return bytes.subarray(0, size)
  }
  const real = Buffer.alloc(8)
  real.writeDoubleLE(1.5)
  const record = Buffer.concat([
    number(7n | (2000n << 5n), 4),
    number(99n, 4),
    Buffer.from([1, 0x01, 0xff]),
    number(-5n, 4),
    real,
    Buffer.from('höre\0ab\0\0'),
    Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]),
    number(2n, 4),
    Buffer.from('p\0q\0'),
    Buffer.from([11, 12, 13, 14]),
    number(-1n, 8),
    Buffer.from([3]),
    Buffer.from('v\0'),
  ])
  const metadata =
    tracePreamble(TRACE, { ...CLOCK, offsetFromEpoch: -1_500_000_000n }) +
    streamBlock(STREAM, CLOCK) +
    eventBlock(0, 7, event(PAYLOAD, 'a"b\\c ü'))
  assert.equal(
    babeltrace(t, metadata, packet(record), '--clock-cycles', '--no-delta', '--fields=loglevel'),
    '[00000000000000002000] TRACE_INFO (6) a"b\\c ü: { vtid = 99 }, ' +
      '{ ok = ( "true" : container = 1 ), net = 0777, state = ( "lo \\"w\\"" : container = -5 ), real = 1.5, ' +
      'text = "höre", name = "ab", ' +
      'grid = [ [0] = [ [0] = 1, [1] = 2, [2] = 3 ], [1] = [ [0] = 4, [1] = 5, [2] = 6 ] ], ' +
      'points = [ [0] = { x = 7, int = 8 } ], n = 2, items = [ [0] = "p", [1] = "q" ], gr_u00fcn_u00201 = 11, ' +
      'a_u005fu0020 = 12, _u0042ool = 13, _x = 14, big = ( "max" : container = 18446744073709551615 ), ' +
      'kind = ( "_text" : container = 3 ), value = { "v" } }\n',
  )
})

test('babeltrace2 reads environment strings and a clock before the epoch', t => {
  if (!needs(t, 'babeltrace2')) return
  const metadata =
    tracePreamble(TRACE, { ...CLOCK, offsetFromEpoch: -1_500_000_000n }) +
    streamBlock(STREAM, CLOCK) +
    eventBlock(0, 0, event({}))
  const record = Buffer.alloc(8)
  record.writeUInt32LE(2000 * 32)
  const text = babeltrace(t, metadata, packet(record), '-c', 'sink.text.details')
  assert.match(text, /cmd: a "b" \\ ü\n\t\u0001\n/)
  assert.match(text, /Offset \(s\): -2\n +Offset \(cycles\): 500,000,000\n/)
})
