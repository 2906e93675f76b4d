import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gc } from './gc.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void

test('collections have their kind, start and duration; none are heard when it is off', async () => {
  const events: { kind: string; start: bigint; duration: bigint }[] = []
  const disconnect = gc.connect((kind, _flags, start, duration) => {
    events.push({ kind, start: BigInt(start), duration: BigInt(duration) })
  })
  const before = process.hrtime.bigint()
  collect()
  collect({ type: 'minor' })
  const after = process.hrtime.bigint()
  await sleep(50)
  disconnect()
  const slack = 1_000_000n
  for (const kind of ['mark_sweep_compact', 'scavenge']) {
    const found = events.find(event => event.kind === kind && event.start >= before - slack)
    assert.ok(found, `no ${kind} among ${events.map(event => event.kind)}`)
    assert.ok(found.duration > 0n && found.start + found.duration <= after + slack)
  }
  const count = events.length
  collect()
  await sleep(20)
  assert.equal(events.length, count)
})
