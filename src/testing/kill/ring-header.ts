/** What a ring's writer has published, read by the test itself and without changing anything. */
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { requireLibc } from '../../native/index.ts'
import { BEGUN_WORD, COMMITTED_WORD, LOSS_BASE_DOUBLE, LOSS_CAUSES, PAGE_BYTES } from '../../ring/layout.ts'
import type { Scene } from './scene.ts'

export interface Published {
  readonly committed: number
  readonly lost: number
  /** A record had begun and was not committed. */
  readonly isMidRecord: boolean
}

export class RingHeader {
  readonly #words: Int32Array
  readonly #doubles: Float64Array

  constructor(path: string) {
    const fd = openSync(path, 'r')
    const page = requireLibc().map(fd, PAGE_BYTES, 'read')
    closeSync(fd)
    this.#words = new Int32Array(page)
    this.#doubles = new Float64Array(page)
  }

  /** Also after the file was removed. */
  read(): Published {
    const committed = Atomics.load(this.#words, COMMITTED_WORD)
    const losses = LOSS_CAUSES.map((_, cause) => this.#doubles[LOSS_BASE_DOUBLE + cause] as number)
    return {
      committed: committed >>> 0,
      lost: losses.reduce((sum, count) => sum + count, 0),
      isMidRecord: Atomics.load(this.#words, BEGUN_WORD) !== committed,
    }
  }
}

/** The file of the only ring of a program in the only session, when it is there. */
export function findRing(scene: Scene, pid: number): string | undefined {
  const app = scene.apps.find(id => id.startsWith(`${pid}-`))
  const session = scene.sessions[0]
  if (app === undefined || session === undefined) return undefined
  const path = join(scene.run, 'sessions', session, app, 'channel0', 'ring-0')
  return existsSync(path) ? path : undefined
}

/** Files of rings in a channel of a program. */
export function ringFiles(channelPath: string): string[] {
  return readdirSync(channelPath).filter(name => /^ring-\d+$/.test(name))
}
