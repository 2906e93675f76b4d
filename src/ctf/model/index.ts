export { LOG_LEVELS, type LogLevel } from '../../base/index.ts'
export type {
  BooleanClass,
  ByteOrder,
  DisplayBase,
  DynamicLengthArrayClass,
  FieldClass,
  FloatingPointClass,
  IntegerClass,
  Mappings,
  MemberClass,
  NullTerminatedStringClass,
  SignedIntegerClass,
  StaticLengthArrayClass,
  StaticLengthBlobClass,
  StaticLengthStringClass,
  StructureClass,
  UnsignedIntegerClass,
  VariantClass,
  VariantOption,
} from './field-class.ts'
export { contextClass, eventHeaderClass, type HeaderForm, NAME_BYTES } from './stream-forms.ts'
export {
  CLOCK_ROLE,
  type ClockClass,
  type DataStreamClass,
  type EventRecordClass,
  isClockField,
  type TraceClass,
} from './trace-class.ts'
