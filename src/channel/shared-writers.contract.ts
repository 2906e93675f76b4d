/**
 * Writers into one ring for tests: a process with threads, each of which records its id and the number of its
 * attempt. `counts` (8 bytes each) holds the attempts of each writer, stored before each of them.
 *
 *   node shared-writers.contract.js RING COUNTS FIRST_ID THREADS ATTEMPTS
 */
import { fileURLToPath } from 'node:url'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { openMappedFile } from '../control/index.ts'
import { planOf } from '../ctf/codec/index.ts'
import { LockedWriter, LocklessWriter, readGeometry } from '../ring/index.ts'
import { openMappedRing } from '../ring/memory/mapped.ts'
import { monotonicClock } from './clock-source.ts'
import { makeRecorder } from './record.ts'
import { CLASSES, platformUtf8 } from './recording.contract.ts'
import { Scratch } from './scratch.ts'

export const COUNTS_BYTES = 4096
export const EVENT = 1
/** Of every third record: text, so that sizes differ. */
export const TEXT_EVENT = 2

interface Plan {
  readonly ring: string
  readonly counts: string
  readonly id: number
  readonly attempts: number
}

function write({ ring, counts, id, attempts }: Plan): void {
  const buffer = openMappedRing(ring)
  const writer =
    readGeometry(buffer).reservation === 'lockless'
      ? new LocklessWriter(buffer, id + 1, () => undefined)
      : new LockedWriter(buffer, id, 'atomic', () => undefined)
  const produced = new Float64Array(openMappedFile(counts, COUNTS_BYTES))
  const thread = {
    words: new Int32Array(2),
    generationWord: 1,
    seen: new Int32Array(1),
    scratch: new Scratch(),
    depth: new Int32Array(1),
    utf8: platformUtf8,
    refresh: () => false,
  }
  const plans = [planOf(CLASSES.i32), planOf(CLASSES.i32), planOf(CLASSES.str)]
  const recorderOf = (eventId: number, arity: number): ((...args: unknown[]) => void) => {
    const fields = plans.slice(0, arity).map(plan => ({ plan }))
    const spec = { form: 'compact', eventId, context: new Uint8Array(0), fields, arity } as const
    return makeRecorder(spec, writer, monotonicClock(process.hrtime.bigint), thread).run
  }
  const short = recorderOf(EVENT, 2)
  const long = recorderOf(TEXT_EVENT, 3)
  for (let n = 1; n <= attempts; n++) {
    produced[id] = n
    if (n % 3 === 0) long(id, n, 'x'.repeat(n % 50))
    else short(id, n)
  }
}

if (!isMainThread && workerData !== null) write(workerData as Plan)
else if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [ring, counts, first, threads, attempts] = process.argv.slice(2) as [
    string,
    string,
    string,
    string,
    string,
  ]
  for (let i = 0; i < Number(threads); i++) {
    const plan: Plan = { ring, counts, id: Number(first) + i, attempts: Number(attempts) }
    if (Number(threads) === 1) write(plan)
    else new Worker(new URL(import.meta.url), { workerData: plan })
  }
}
