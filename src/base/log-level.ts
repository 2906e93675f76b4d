/** LTTng's names and numbers, most severe first. */
export const LOG_LEVELS = [
  'EMERG',
  'ALERT',
  'CRIT',
  'ERR',
  'WARNING',
  'NOTICE',
  'INFO',
  'DEBUG_SYSTEM',
  'DEBUG_PROGRAM',
  'DEBUG_PROCESS',
  'DEBUG_MODULE',
  'DEBUG_UNIT',
  'DEBUG_FUNCTION',
  'DEBUG_LINE',
  'DEBUG',
] as const

export type LogLevel = (typeof LOG_LEVELS)[number]
