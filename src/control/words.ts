/** Words that a session file may hold; ctf/ and channel/ give them their meaning. */
export const LOG_LEVELS: readonly string[] = [
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
]

export const CONTEXT_NAMES: readonly string[] = ['vpid', 'vtid', 'procname', 'thread_name']
