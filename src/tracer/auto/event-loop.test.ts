import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { delay, turn } from './event-loop.ts'

const BLOCK_MS = 40

function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

test('a turn that blocks is told of, one that sleeps is not', async () => {
  const delays: number[] = []
  const disconnect = delay.connect(ns => delays.push(Number(ns)))
  await sleep(60)
  delays.length = 0
  await sleep(60)
  assert.ok(!delays.some(ns => ns > 40e6), `sleeping counted as work: ${delays}`)
  delays.length = 0
  setTimeout(() => block(BLOCK_MS), 1)
  await sleep(100)
  disconnect()
  assert.ok(
    delays.some(ns => ns >= (BLOCK_MS - 1) * 1e6 && ns < 95e6),
    `delays: ${delays}`,
  )
})

test('every turn is an event of its own, and none comes when it is off', async () => {
  let turns = 0
  let kept: unknown
  const storage = new AsyncLocalStorage()
  const disconnect = storage.run('request', () =>
    turn.connect(() => {
      turns++
      kept ??= storage.getStore()
    }),
  )
  for (let i = 0; i < 5; i++) await sleep(2)
  assert.ok(turns >= 5, `${turns} turns`)
  assert.equal(kept, undefined, 'the context of the hit that armed it is kept')
  disconnect()
  const before = turns
  for (let i = 0; i < 5; i++) await sleep(2)
  assert.equal(turns, before)
})

test('an idle program stays asleep, and one that is done ends', {
  skip: process.platform !== 'linux',
}, async () => {
  const code = `
    const { delay, turn } = await import(${JSON.stringify(new URL('./event-loop.js', import.meta.url).href)})
    const { gc } = await import(${JSON.stringify(new URL('./gc.js', import.meta.url).href)})
    for (const site of [delay, turn, gc]) site.connect(() => undefined)
    process.stdin.on('end', () => undefined).resume()
    setTimeout(() => process.stdout.write('idle'), 50)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  await sleep(1000)
  const before = switches(child.pid as number)
  await sleep(1000)
  assert.equal(switches(child.pid as number) - before, 0)
  child.stdin.end()
  const [exitCode] = await once(child, 'exit')
  assert.equal(exitCode, 0)
})

/** How often its main thread went to sleep. */
function switches(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1])
}
