/**
 * The life of the process, told by its main thread, and what goes wrong in each thread. A death by SIGKILL, by an
 * unheard signal or by abort() has no exit event. Rejections that nobody handles are uncaught exceptions with
 * origin `unhandledRejection`, but for programs that handle them or run with --unhandled-rejections=warn.
 */
import { isMainThread } from 'node:worker_threads'
import { enumeration, i32, str, tracepoint, u32 } from '../index.ts'
import { watchSignals } from './signals.ts'
import { describeThrown } from './thrown.ts'

export const start = tracepoint(
  'node_process:start',
  u32('pid'),
  u32('ppid'),
  str('exec_path'),
  str('script'),
  str('node_version'),
  str('title'),
)
/** The code as the program's own listeners for exit find it. */
export const exit = tracepoint('node_process:exit', i32('code'))
export const warning = tracepoint(
  'node_process:warning',
  { logLevel: 'WARNING' },
  str('name'),
  str('code'),
  str('message'),
)
export const uncaughtException = tracepoint(
  'node_process:uncaught_exception',
  { logLevel: 'CRIT' },
  str('name'),
  str('message'),
  enumeration('origin', { uncaughtException: 0, unhandledRejection: 1 }),
)

process.on('warning', value => {
  if (!warning.enabled) return
  const { name, code, message } = describeThrown(value)
  warning(name, code, message)
})

process.on('uncaughtExceptionMonitor', (value, origin) => {
  if (!uncaughtException.enabled) return
  const { name, message } = describeThrown(value)
  uncaughtException(name, message, origin)
})

if (isMainThread) {
  const { argv, execPath, pid, ppid, title, version } = process
  start(pid, ppid, execPath, argv[1] ?? '', version, title)
  process.on('exit', code => exit(code))
  watchSignals()
}
