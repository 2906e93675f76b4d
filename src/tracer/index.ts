export type { LogLevel } from '../ctf/model/index.ts'
export {
  array,
  bool,
  type Element,
  type ExtractedField,
  enumeration,
  type Field,
  type FieldBuilder,
  f32,
  f64,
  i8,
  i16,
  i32,
  i64,
  sequence,
  str,
  struct,
  u8,
  u16,
  u32,
  u64,
} from './field.ts'
export type { MarkerArguments } from './marker-format.ts'
export { counter, histogram, type ProbeObject } from './probe.ts'
export {
  type EventName,
  type Marker,
  marker,
  type OpenTracepoint,
  type Tracepoint,
  type TracepointOptions,
  tracepoint,
  whenEnabled,
} from './tracepoint.ts'
