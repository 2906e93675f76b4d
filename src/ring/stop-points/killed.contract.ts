/**
 * A process that kills itself behind store `k` of a scenario, on a ring that it has mapped:
 *
 *   node killed.contract.js ring stream side variant scenario k
 *
 * Its packets are lines of the file `stream`; what it wrote is what the next process finds.
 */
import assert from 'node:assert/strict'
import { appendFileSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openMappedRing } from '../memory/mapped.ts'
import type { Packet, Stream } from './consumer.contract.ts'
import { READING, type Scenario, Stage, WRITING } from './scenarios.contract.ts'
import { stepping } from './stepping.contract.ts'
import type { StepVariant } from './watched-ring.contract.ts'

export class FileStream implements Stream {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    appendFileSync(path, '')
  }

  get packets(): Packet[] {
    const lines = readFileSync(this.#path, 'utf8').split('\n').slice(0, -1)
    return lines.map(line => {
      const packet = JSON.parse(line) as Omit<Packet, 'bytes'> & { bytes: string }
      return { ...packet, bytes: Uint8Array.from(Buffer.from(packet.bytes, 'base64')) }
    })
  }

  write(packet: Packet): void {
    const bytes = Buffer.from(packet.bytes).toString('base64')
    appendFileSync(this.#path, `${JSON.stringify({ ...packet, bytes })}\n`)
  }
}

export type Side = 'writing' | 'reading'
const SCENARIOS: Readonly<Record<Side, readonly Scenario[]>> = { writing: WRITING, reading: READING }

export function scenarioOf(side: Side, name: string): Scenario {
  const found = SCENARIOS[side].find(scenario => scenario.name === name)
  assert(found !== undefined, `no scenario of ${side} is called ${name}`)
  return found
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [ring, stream, side, variant, name, k] = process.argv.slice(2) as [
    string,
    string,
    Side,
    string,
    string,
    string,
  ]
  const stage = new Stage(openMappedRing(ring), new FileStream(stream), JSON.parse(variant) as StepVariant)
  const scenario = scenarioOf(side, name)
  scenario.prepare(stage)
  let steps = 0
  const step = (): void => {
    if (steps++ === Number(k)) process.kill(process.pid, 'SIGKILL')
  }
  stepping(step, () => scenario.run(stage))
}
