export { type ClockSource, coarseClock, globalClock, monotonicClock } from './clock-source.ts'
export { contextBytes, type ThreadIdentity } from './context.ts'
export {
  makeRecorder,
  type Probe,
  type RecordedField,
  type Recorder,
  type RecordSpec,
  type ThreadState,
} from './record.ts'
export { Scratch } from './scratch.ts'
