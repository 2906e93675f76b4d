import { formatRing, type RingGeometry, type RingIdentity, ringBytes } from '../layout.ts'

/** A ring between the threads of one process: it dies with the process. */
export function createThreadsRing(geometry: RingGeometry, identity: RingIdentity): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(ringBytes(geometry))
  formatRing(buffer, geometry, identity)
  return buffer
}
