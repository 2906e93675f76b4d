/**
 * Signals that the program has listeners for. A listener of ours beside them would be counted: signal-exit, which
 * half of npm's commands load, ends a program on SIGTERM only if all listeners are its own. So what Node calls on
 * a signal, process.emit, is wrapped, and only once the program listens for one: Node takes the function that
 * `process.emit` is when the first listener for a signal comes.
 */
import type { EventEmitter } from 'node:events'
import { i32, str, tracepoint } from '../index.ts'

/** An event of this form that is no signal costs nothing but the wrapping. */
const SIGNAL = /^SIG[A-Z][A-Z0-9]*$/

export const signal = tracepoint('node_process:signal', { logLevel: 'NOTICE' }, str('name'), i32('number'))

export function watchSignals(): void {
  const emitter: EventEmitter = process
  emitter.prependListener('newListener', function onListener(event: unknown) {
    if (typeof event !== 'string' || !SIGNAL.test(event)) return
    emitter.removeListener('newListener', onListener)
    wrapEmit()
  })
}

function wrapEmit(): void {
  const original = process.emit
  const emit = {
    emit(this: unknown, ...args: readonly unknown[]): unknown {
      const [event, name, number] = args
      // what a program emits itself under the name of a signal has no number
      if (typeof number === 'number' && event === name && typeof name === 'string') signal(name, number)
      return Reflect.apply(original, this, args)
    },
  }.emit
  Object.defineProperty(process, 'emit', {
    value: emit,
    writable: true,
    configurable: true,
    enumerable: false,
  })
}
