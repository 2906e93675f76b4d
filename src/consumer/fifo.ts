/** FIFOs as handles of the event loop: whoever waits for one makes no system call until something happens. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { KymoError } from '../base/index.ts'

export interface Fifo {
  close(): void
}

/** `onBytes` is called when somebody wrote into the FIFO; there is no end, since we hold a writing end ourselves. */
export function openWakeFifo(path: string, onBytes: () => void): Fifo {
  const socket = open(path, constants.O_RDWR)
  socket.on('data', onBytes)
  return { close: () => socket.destroy() }
}

/** `onEnd` is called once, when the last process that held the FIFO open has closed it or died. */
export function openLifeFifo(path: string, onEnd: () => void): Fifo {
  const socket = open(path, constants.O_RDONLY)
  let told = false
  const tell = (): void => {
    if (!told) onEnd()
    told = true
  }
  socket.on('end', tell)
  socket.on('close', tell)
  socket.resume()
  return {
    close() {
      told = true
      socket.destroy()
    },
  }
}

function open(path: string, access: number): Socket {
  const fd = openSync(path, access | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  if (!fstatSync(fd).isFIFO()) {
    closeSync(fd)
    throw new KymoError('KYMO_CONTROL', `${path} must be a FIFO`, { path })
  }
  const socket = new Socket({ fd, readable: true, writable: false })
  // An error is followed by `close`, and that says all there is to say about a FIFO.
  socket.on('error', () => {})
  return socket
}
