/**
 * Sessions that come and go beside a program at full speed: what each of them took in the program, it gives back, and
 * a session that records all the while is not slowed down.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { SessionConsumer, type SessionPlan } from '../../consumer/index.ts'
import { openMappedFile, openRunDirectory } from '../../control/index.ts'
import { longForm } from '../index.ts'
import { Scene } from './scene.ts'

const CYCLES = longForm() ? 10_000 : 40
/** Not counted: pages, code and heap that a program comes to have with its first sessions. */
const WARM_UP = longForm() ? 500 : 40
const MAX_GROWTH_BYTES = 2 ** 20
/** V8 keeps pages of its heap for later: less than the rings of 200 sessions would take. */
const MAX_V8_GROWTH_BYTES = 64 * 2 ** 20
const PATIENCE_MS = 20_000
const RATE_WINDOWS = 15
const RATE_WINDOW_MS = 100
/** As much slower may the other session be; a short run on a busy machine says nothing about it. */
const MAX_SLOWDOWN = 1.05

/** What a program holds of the system; `files` are its mappings of files below /dev/shm. */
function holdings(pid: number): { files: number; addresses: number; descriptors: number; shared: number } {
  const files = readFileSync(`/proc/${pid}/maps`, 'utf8').match(/ \/dev\/shm\//g) ?? []
  const of = (name: string): number =>
    Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) *
    1024
  return {
    files: files.length,
    addresses: of('VmSize'),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    shared: of('RssShmem'),
  }
}

function usedOfShm(): number {
  const { blocks, bfree, bsize } = statfsSync('/dev/shm')
  return (blocks - bfree) * bsize
}

test(`${CYCLES} sessions come and go beside a program at full speed`, async t => {
  const scene = new Scene(t)
  const words = join(scene.shared, 'words')
  const program = scene.program('tidy-up', words)
  while (!existsSync(words)) await delay(5)
  const produced = new Float64Array(openMappedFile(words, 4096))
  const recorder = await scene.recorder(
    '-o',
    join(scene.folder, 'always'),
    '-e',
    'kill:n',
    '--num-subbuf',
    '2',
  )
  process.env.KYMO_RUNDIR = scene.run
  const run = openRunDirectory()

  const cycle = async (i: number): Promise<void> => {
    const output = join(scene.folder, 'cycle')
    const plan: SessionPlan = {
      name: `cycle-${i}`,
      scope: 'all',
      token: `cycle-${i}`,
      output,
      channels: [
        {
          name: 'channel0',
          subBufferBytes: 65536,
          subBufferCount: 4,
          header: 'auto',
          contexts: ['vtid'],
          clock: i % 3 === 0 ? 'global' : 'monotonic',
        },
      ],
      rules: [{ channel: 'channel0', pattern: 'kill:n' }],
    }
    const consumer = SessionConsumer.start(run, plan, { say: line => assert.fail(line) })
    const until = performance.now() + PATIENCE_MS
    while (consumer.totals().recorded === 0) {
      assert.ok(performance.now() < until, 'the program records')
      await delay(1)
    }
    await consumer.stop()
    rmSync(output, { recursive: true, force: true })
  }
  const holdingsOf = async (): Promise<ReturnType<typeof holdings> & { heap: number }> => {
    produced[2] = 1
    while (produced[2] !== 0) await delay(1)
    return { ...holdings(program.pid), heap: produced[3] as number }
  }
  const rate = async (): Promise<number> => {
    const rates: number[] = []
    for (let i = 0; i < RATE_WINDOWS; i++) {
      const [count, begin] = [produced[0] as number, performance.now()]
      await delay(RATE_WINDOW_MS)
      rates.push(((produced[0] as number) - count) / (performance.now() - begin))
    }
    return rates.sort((a, b) => a - b)[RATE_WINDOWS >> 1] as number
  }

  for (let i = 0; i < WARM_UP; i++) await cycle(i)
  const [before, shmBefore, rateBefore] = [await holdingsOf(), usedOfShm(), await rate()]
  for (let i = 0; i < CYCLES; i++) await cycle(WARM_UP + i)
  const rateAfter = await rate()
  const [after, shmAfter] = [await holdingsOf(), usedOfShm()]
  t.diagnostic(`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`)
  t.diagnostic(
    `/dev/shm ${shmBefore} → ${shmAfter}; hits per ms ${rateBefore.toFixed(0)} → ${rateAfter.toFixed(0)}`,
  )
  assert.ok(after.descriptors <= before.descriptors + 2, 'descriptors')
  assert.equal(after.files, before.files, 'mapped files')
  assert.ok(after.addresses - before.addresses <= MAX_V8_GROWTH_BYTES, 'addresses')
  assert.ok(after.heap - before.heap <= MAX_GROWTH_BYTES, 'heap')
  assert.ok(after.shared - before.shared <= MAX_GROWTH_BYTES, 'shared memory of the program')
  assert.ok(shmAfter - shmBefore <= MAX_GROWTH_BYTES, '/dev/shm')
  if (longForm()) assert.ok(rateBefore / rateAfter <= MAX_SLOWDOWN, 'the other session')
  recorder.signal('SIGINT')
  assert.equal((await recorder.ended).code, 0)
})
