export {
  type AppAbout,
  type AppEntry,
  type EventDeclaration,
  isLocked,
  listApps,
  readAbout,
  readEvents,
} from './app.ts'
export {
  type ChannelForm,
  type ClassLine,
  classId,
  readChannelForm,
  readClasses,
  settleChannelForm,
} from './classes.ts'
export { bootId, monotonicOffsetFromEpoch } from './clock.ts'
export {
  CONSUMER_DONE_WORD,
  CONTROL_BYTES,
  ControlWords,
  createMappedFile,
  EXIT_WORD,
  GENERATION_WORD,
  openControlFile,
  openMappedFile,
  RULES_GENERATION_WORD,
} from './control-file.ts'
export {
  BUCKETS,
  BUCKETS_CELL,
  COUNT_CELL,
  COUNTER_ENTRIES,
  COUNTER_NAMES_FILE,
  COUNTERS_BYTES,
  COUNTERS_FILE,
  type CounterValue,
  ENTRY_CELLS,
  entryCell,
  readCounters,
  SUM_CELL,
} from './counters.ts'
export { appendLines, readLines } from './json-lines.ts'
export { openRunDirectory, type RunDirectory, runDirectory } from './run-directory.ts'
export {
  type Channel,
  type ClockKind,
  CONTROL_VERSION,
  type HeaderChoice,
  type NamedEvent,
  parseSession,
  type Rule,
  readSession,
  ruleMatches,
  type Session,
  writeSession,
} from './session.ts'
export { PACKAGE_VERSION } from './version.ts'
export { CONTEXT_NAMES } from './words.ts'
