/** Children of this program by spawn, exec, execFile and fork; the synchronous kinds have no channel. */
import type { ChildProcess } from 'node:child_process'
import { type EventEmitter, errorMonitor } from 'node:events'
import { i32, str, tracepoint, u64 } from '../index.ts'
import { listen } from './listen.ts'
import { spanIds } from './span.ts'
import { describeThrown } from './thrown.ts'

export const spawn = tracepoint('node_child_process:spawn', u64('id'), i32('pid'), str('file'))
/** `code` is -1 where a signal ended it, `signal` is empty where none did. */
export const exit = tracepoint('node_child_process:exit', u64('id'), i32('pid'), i32('code'), str('signal'))
export const error = tracepoint(
  'node_child_process:error',
  { logLevel: 'WARNING' },
  u64('id'),
  str('file'),
  str('code'),
  str('message'),
)

listen<{ process: ChildProcess }>('child_process', ({ process: child }) => {
  if (!spawn.enabled && !exit.enabled && !error.enabled) return
  const id = spanIds.next()
  child.once('spawn', () => spawn(id, child.pid ?? -1, child.spawnfile))
  child.once('exit', (code, signal) => exit(id, child.pid ?? -1, code ?? -1, signal ?? ''))
  // not 'error': a listener for it would make the program's missing one good
  const emitter: EventEmitter = child
  emitter.on(errorMonitor, thrown => {
    const { name, code, message } = describeThrown(thrown)
    error(id, child.spawnfile ?? '', code === '' ? name : code, message)
  })
})
