/** Words that a session file may hold; channel/ gives them their meaning. */
export const CONTEXT_NAMES: readonly string[] = ['vpid', 'vtid', 'procname', 'thread_name']
