/** The stop points once more, with a process that is really gone and a ring that another one maps. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createThreadsRing } from '../index.ts'
import { createMappedRing } from '../memory/mapped.ts'
import { IDENTITY, temporaryFolder } from '../testing/memory.contract.ts'
import { MemoryStream } from './consumer.contract.ts'
import { FileStream, type Side, scenarioOf } from './killed.contract.ts'
import { GEOMETRY } from './model.contract.ts'
import {
  assertGoesOn,
  legalAccounts,
  READING,
  replaceConsumer,
  replaceWriter,
  Stage,
  WRITING,
} from './scenarios.contract.ts'
import type { StepVariant } from './watched-ring.contract.ts'

const PROGRAM = fileURLToPath(new URL('killed.contract.js', import.meta.url))
/** Every one of them is a process: one in so many stop points, each time another. */
const EVERY = 5
const AT_ONCE = 2

/** Runs until the process has killed itself; false when the scenario has no store `k`. */
function isKilled(args: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve(true)
      else if (code === 0) resolve(false)
      else reject(new Error(`ended with ${code ?? signal}: ${args}`))
    })
  })
}

const SIDES: readonly Side[] = ['writing', 'reading']
for (const side of SIDES) {
  test(`SIGKILL behind every ${EVERY}th store of ${side}: the next process goes on`, async t => {
    //  child   ▶ store 0, 1 … k ✝
    //  test                     ▶ new writer, new reader: two laps, every record once, every loss told
    const folder = temporaryFolder(t)
    const scenarios = side === 'writing' ? WRITING : READING
    let kills = 0
    const queue = scenarios.map((scenario, i) => ({ scenario, i }))
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const { scenario, i } = next
        const variant: StepVariant = {
          commitStore: i % 2 === 0 ? 'plain' : 'atomic',
          by: i % 3 === 0 ? 'text' : 'methods',
        }
        const make = (): Stage =>
          new Stage(createThreadsRing(GEOMETRY, IDENTITY), new MemoryStream(), variant)
        const legal = legalAccounts(make, scenarioOf(side, scenario.name))
        for (let k = i % EVERY, isLast = false; !isLast; k += EVERY) {
          const ring = join(folder, `ring-${i}-${k}`)
          const stream = join(folder, `stream-${i}-${k}`)
          const buffer = createMappedRing(ring, GEOMETRY, IDENTITY)
          assert(buffer !== undefined, 'there is room for a ring')
          isLast = !(await isKilled([ring, stream, side, JSON.stringify(variant), scenario.name, `${k}`]))
          if (isLast) break
          kills++
          const stage = new Stage(buffer, new FileStream(stream), variant)
          // The attempts of the dead process come before ours.
          stage.attempts = 100
          replaceWriter(stage)
          replaceConsumer(stage)
          assertGoesOn(stage, legal)
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    t.diagnostic(`${kills} kills`)
    assert(kills > 10, 'a couple of processes were killed')
  })
}
