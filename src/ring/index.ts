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
export { createThreadsRing } from './memory/threads.ts'
export { type Piece, type ReaderPosition, RingReader, type RingState } from './read.ts'
export {
  type CommitStore,
  OWN_COMMITTED,
  OWN_TIME_HIGH,
  OWN_TIME_LOW,
  type ReservationText,
  type RingWriter,
} from './reserve.ts'
export { SingleWriter } from './single-writer.ts'
export { type Snapshot, type SnapshotPiece, SnapshotReader } from './snapshot.ts'
