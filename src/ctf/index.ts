export { eventBlock, streamBlock, tracePreamble } from './metadata/tsdl/index.ts'
export type {
  ByteOrder,
  ClockClass,
  DataStreamClass,
  EventRecordClass,
  FieldClass,
  LogLevel,
  Mappings,
  MemberClass,
  StructureClass,
  TraceClass,
} from './model/index.ts'
export { contextClass, eventHeaderClass, type HeaderForm, LOG_LEVELS } from './model/index.ts'
