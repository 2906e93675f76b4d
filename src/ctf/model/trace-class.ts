import type { LogLevel } from '../../base/index.ts'
import type { StructureClass, UnsignedIntegerClass } from './field-class.ts'

/** CTF2-SPEC-2.0 §5.7; the id is given by the data stream class. */
export interface EventRecordClass {
  /** `provider:event`. */
  readonly name: string
  readonly logLevel: LogLevel
  readonly payload: StructureClass
}

/** CTF2-SPEC-2.0 §5.4. Cycles are nanoseconds. */
export interface ClockClass {
  readonly name: string
  /** Clocks with one UUID can be compared: the boot id. */
  readonly uuid: string
  readonly description: string
  /** Hz. */
  readonly frequency: bigint
  /** Cycles between the Unix epoch and the clock's zero; may be negative. */
  readonly offsetFromEpoch: bigint
}

/** CTF2-SPEC-2.0 §5.6. */
export interface DataStreamClass {
  readonly id: number
  readonly packetContext: StructureClass
  readonly eventRecordHeader: StructureClass
  /** Absent where the channel has no context. */
  readonly eventRecordCommonContext?: StructureClass
}

/** CTF2-SPEC-2.0 §5.5. */
export interface TraceClass {
  /** `8-4-4-4-12`. */
  readonly uuid: string
  readonly byteOrder: 'little-endian' | 'big-endian'
  readonly environment: Readonly<Record<string, string | number>>
  readonly packetHeader: StructureClass
}

/** A role that ties an integer to the default clock. */
export const CLOCK_ROLE = 'default-clock-timestamp'

export function isClockField(fieldClass: UnsignedIntegerClass): boolean {
  return fieldClass.roles?.some(role => role.endsWith(CLOCK_ROLE)) ?? false
}
