export {
  geometryProblem,
  LAYOUT_VERSION,
  LOSS_BAD_VALUE,
  LOSS_CAUSES,
  LOSS_NESTED,
  type LossCause,
  RING_MODES,
  type RingGeometry,
  type RingIdentity,
  type RingMode,
  readGeometry,
} from './layout.ts'
export { LockedWriter } from './locked.ts'
export { LocklessWriter } from './lockless.ts'
export { LocklessReader } from './lockless-reader.ts'
export { createThreadsRing } from './memory/threads.ts'
export { type Piece, type ReaderPosition, RingReader, type RingState } from './read.ts'
export {
  type CommitStore,
  OWN_TIME_HIGH,
  OWN_TIME_LOW,
  type RecordParts,
  type ReservationText,
  type RingWriter,
  type StepText,
  type StepWriter,
} from './reserve.ts'
export { SingleWriter } from './single-writer.ts'
export { type Snapshot, type SnapshotPiece, SnapshotReader } from './snapshot.ts'
