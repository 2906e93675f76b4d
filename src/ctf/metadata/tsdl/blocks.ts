/**
 * CTF 1.8 metadata text (TSDL) in fragments that are appended to one file while tracing. Each fragment ends
 * with `};` and an empty line, and has no other empty line behind a `};`, nor can a string hold one: so what a
 * killed writer left can be cut to whole fragments.
 */
import { KymoError, parseUuid } from '../../../base/index.ts'
import {
  type ByteOrder,
  type ClockClass,
  type DataStreamClass,
  type EventRecordClass,
  LOG_LEVELS,
  type TraceClass,
} from '../../model/index.ts'
import { byteOrderText, type Place, structureText } from './declaration.ts'
import { exactIdentifier, natural, quoted, TSDL_ERROR } from './lexical.ts'

const MAX_ID = 2 ** 32 - 1

/** The first fragment: trace, environment and clock. CTF 1.8 §C.2, §C.3. */
export function tracePreamble(trace: TraceClass, clock: ClockClass): string {
  const header: Place = {
    scope: 'plain',
    native: trace.byteOrder,
    path: 'packet header',
    level: 1,
    indent: 1,
  }
  return `/* CTF 1.8 */

trace {
	major = 1;
	minor = 8;
	uuid = ${uuidText(trace.uuid)};
	byte_order = ${byteOrderText(trace.byteOrder, 'trace')};
	packet.header := ${structureText(trace.packetHeader, header)};
};
env {
${Object.entries(trace.environment)
  .map(([name, value]) => `\t${environmentEntry(name, value)};\n`)
  .join('')}};
${clockBlock(clock)}`
}

function environmentEntry(name: string, value: string | number): string {
  const what = `environment entry ${JSON.stringify(name)}`
  const key = exactIdentifier(name, 'an environment entry')
  if (typeof value === 'string') return `${key} = ${quoted(value, what)}`
  return `${key} = ${natural(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, what)}`
}

function clockBlock(clock: ClockClass): string {
  if (clock.frequency <= 0n) {
    throw new KymoError(TSDL_ERROR, `a clock's frequency must be above 0 Hz: got ${clock.frequency}`, {
      frequency: clock.frequency,
    })
  }
  // Readers take `offset` for unsigned: seconds are rounded down, so that the rest is never negative.
  const rest = ((clock.offsetFromEpoch % clock.frequency) + clock.frequency) % clock.frequency
  return `clock {
	name = ${quoted(exactIdentifier(clock.name, 'a clock'), 'clock name')};
	uuid = ${uuidText(clock.uuid)};
	description = ${quoted(clock.description, 'clock description')};
	freq = ${clock.frequency};
	offset_s = ${(clock.offsetFromEpoch - rest) / clock.frequency};
	offset = ${rest};
};

`
}

/** Every reference to a clock is to `clock`; `native` must be the byte order of the trace. CTF 1.8 §C.4. */
export function streamBlock(
  stream: DataStreamClass,
  clock: ClockClass,
  native: ByteOrder = 'little-endian',
): string {
  const clockName = exactIdentifier(clock.name, 'a clock')
  const plain = (path: string): Place => ({ scope: 'plain', native, clockName, path, level: 1, indent: 1 })
  const context = stream.eventRecordCommonContext
  const common: Place = { ...plain('common context'), scope: 'user' }
  return `stream {
	id = ${natural(stream.id, 0, MAX_ID, 'a stream class id')};
	event.header := ${structureText(stream.eventRecordHeader, plain('event record header'))};
	packet.context := ${structureText(stream.packetContext, plain('packet context'))};
${context === undefined ? '' : `\tevent.context := ${structureText(context, common)};\n`}};

`
}

/** `native` must be the byte order of the trace. CTF 1.8 §C.5. */
export function eventBlock(
  streamId: number,
  id: number,
  event: EventRecordClass,
  native: ByteOrder = 'little-endian',
): string {
  const logLevel = LOG_LEVELS.indexOf(event.logLevel)
  if (logLevel < 0) {
    throw new KymoError(
      TSDL_ERROR,
      `event ${JSON.stringify(event.name)}: unknown log level ${event.logLevel}`,
      {
        logLevel: event.logLevel,
      },
    )
  }
  return `event {
	name = ${quoted(event.name, 'event name')};
	id = ${natural(id, 0, MAX_ID, 'an event record class id')};
	stream_id = ${natural(streamId, 0, MAX_ID, 'a stream class id')};
	loglevel = ${logLevel};
	fields := ${structureText(event.payload, { scope: 'user', native, path: 'payload', level: 1, indent: 1 })};
};

`
}

function uuidText(uuid: string): string {
  parseUuid(uuid)
  return `"${uuid.toLowerCase()}"`
}
