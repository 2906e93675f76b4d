/** The memories that the ring's tests run on. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createThreadsRing, type RingGeometry, type RingIdentity } from '../index.ts'
import { PAGE_BYTES } from '../layout.ts'
import { createMappedRing, openMappedRing } from '../memory/mapped.ts'
import { createPagedRing, openPagedRing } from '../memory/pages.ts'
import { CREATED } from './record.contract.ts'

export const EPOCH = 5n << 32n
export const IDENTITY: RingIdentity = { number: 3, epoch: EPOCH, created: CREATED }

/** A ring seen twice: as two processes would, where the memory allows it. */
export interface MadeRing {
  readonly written: ArrayBufferLike
  readonly read: ArrayBufferLike
}

export const MEMORIES = ['threads', 'mapped', 'pages'] as const
export type Memory = (typeof MEMORIES)[number]

export function makeRing(t: TestContext, memory: Memory, geometry: RingGeometry): MadeRing {
  if (memory === 'threads') {
    const buffer = createThreadsRing(geometry, IDENTITY)
    return { written: buffer, read: buffer }
  }
  const path = join(temporaryFolder(t), 'ring')
  if (memory === 'pages') {
    // No sub-buffer of the tests is a multiple of it: records lie across the border of two chunks.
    const made = createPagedRing(path, geometry, IDENTITY, 3 * PAGE_BYTES)
    if (made === undefined) throw new Error('/dev/shm is full')
    return { written: made, read: openPagedRing(path) }
  }
  const written = createMappedRing(path, geometry, IDENTITY)
  if (written === undefined) throw new Error('/dev/shm is full')
  return { written, read: openMappedRing(path) }
}

/** A folder on the tmpfs that is gone when the test ends. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync('/dev/shm/kymo-test-')
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
