/** What a trace says about itself, so that tools made for LTTng's traces know what they see. */
import { randomUUID } from 'node:crypto'
import { endianness, hostname } from 'node:os'
import { type AppAbout, bootId } from '../control/index.ts'
import { PACKET_HEADER, type TraceWriter } from '../store/index.ts'

export type TraceClass = Parameters<typeof TraceWriter.create>[1]
export type ClockClass = Parameters<typeof TraceWriter.create>[2]

export interface TraceIdentity {
  readonly about: AppAbout
  readonly session: string
  readonly created: Date
  readonly version: string
}

export function traceClassOf({ about, session, created, version }: TraceIdentity): TraceClass {
  return {
    uuid: randomUUID(),
    byteOrder: endianness() === 'LE' ? 'little-endian' : 'big-endian',
    packetHeader: PACKET_HEADER,
    environment: {
      hostname: hostname(),
      domain: 'ust',
      tracer_name: 'lttng-ust',
      tracer_major: 2,
      tracer_minor: 13,
      tracer_buffering_scheme: 'pid',
      tracer_buffering_id: about.pid,
      architecture_bit_width: 64,
      trace_name: session,
      trace_creation_datetime: basicDate(created),
      procname: about.procname,
      vpid: about.pid,
      vpid_datetime: basicDate(new Date(about.started)),
      producer_name: 'kymograph',
      producer_version: version,
    },
  }
}

/** The clock of all channels: `coarse` and `global` read CLOCK_MONOTONIC too, only less often or one by one. */
export function clockClass(offsetFromEpoch: bigint): ClockClass {
  return {
    name: 'monotonic',
    uuid: bootId(),
    description: 'Monotonic Clock',
    frequency: 1_000_000_000n,
    offsetFromEpoch,
  }
}

/** ISO 8601 basic, local time with its zone: as LTTng writes dates into a trace's environment. */
function basicDate(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0')
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`
  const time = `${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`
  const west = date.getTimezoneOffset()
  const zone = `${west > 0 ? '-' : '+'}${two(Math.floor(Math.abs(west) / 60))}${two(Math.abs(west) % 60)}`
  return `${day}T${time}${zone}`
}
