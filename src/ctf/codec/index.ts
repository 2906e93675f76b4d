export { compileFunction } from './compile.ts'
export { type Encoder, makeEncoder } from './encoder.ts'
export { fixedBytes, isScalar, type Plan, planOf, type ScalarPlan, structurePlan } from './plan.ts'
export {
  Constants,
  checkText,
  SHORT_TEXT,
  SHORT_TEXT_RESERVE,
  textConstants,
  writeFixedText,
  writeStringText,
} from './scalar-text.ts'
export { BAD_VALUE, portableUtf8, toText, truncateUtf8, type Utf8 } from './value.ts'
