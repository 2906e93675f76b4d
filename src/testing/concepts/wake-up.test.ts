import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { longForm, needs, needsKernel } from '../needs.ts'
import { type Child, counts, readSoFar, Sandbox, until } from './sandbox.ts'

const IDLE_MS = longForm() ? 10_000 : 3000
/** What a poll would be made of: nothing of it, in any thread. The rest is V8 keeping house. */
const POLLS = 'epoll_p?wait2?|p?poll|p?select6?|timerfd_\\w+|(clock_)?nanosleep|recv\\w*|send\\w*'
const FILES = 'p?read(v|64)?|p?write(v|64)?|openat?|fstat|statx|newfstatat|getdents64'
const WAKE_UPS = new RegExp(`\\b(${POLLS}|${FILES})\\(`)
const SETTLE_TRIES = 4
const MAX_RECORDER_KIB = 80 * 1024

/** System calls of a process while nothing happens: of its main thread, and the wake-ups of all. */
interface Calls {
  readonly main: string[]
  readonly wakeUps: string[]
}

async function systemCalls(box: Sandbox, child: Child): Promise<Calls | undefined> {
  const path = join(box.path, `strace-${child.pid}`)
  const strace = box.spawn(['strace', '-f', '-q', '-o', path, '-p', String(child.pid)])
  await delay(300) // attaching itself interrupts every thread's call once, which is then made again
  const attached = readFileSync(path, 'utf8').length
  await delay(IDLE_MS)
  const text = readFileSync(path, 'utf8').slice(attached)
  strace.kill('SIGINT')
  const { stderr } = await strace.ended
  if (/Operation not permitted|ptrace/.test(stderr)) return undefined
  assert.notEqual(readFileSync(path, 'utf8'), '', 'strace has seen the process')
  const lines = text.split('\n').filter(line => line !== '')
  return {
    main: lines.filter(line => line.startsWith(`${child.pid} `)),
    wakeUps: lines.filter(line => WAKE_UPS.test(line)),
  }
}

/** The quietest of a few spans: V8 has timers of its own for some seconds after there was work. */
async function quietest(measure: () => Promise<Calls[]>): Promise<Calls[]> {
  const noise = (calls: readonly Calls[]): number =>
    calls.reduce((sum, { main, wakeUps }) => sum + main.length + wakeUps.length, 0)
  let best = await measure()
  for (let i = 1; i < SETTLE_TRIES && noise(best) > 0; i++) {
    const next = await measure()
    if (noise(next) < noise(best)) best = next
  }
  return best
}

async function traced(
  box: Sandbox,
  t: TestContext,
  ...children: readonly Child[]
): Promise<Calls[] | undefined> {
  const calls = await quietest(async () => {
    const all = await Promise.all(children.map(child => systemCalls(box, child)))
    return all.flatMap(one => one ?? [])
  })
  return needsKernel(t, 'ptrace', calls.length === children.length) ? calls : undefined
}

test('an idle recorder and its idle program make no system call, and the next event wakes the recorder', async t => {
  if (!needs(t, 'strace') || !needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const script = "process.stdin.on('data', () => {}); process.stdout.write('ready\\n')"
  const plain = box.spawn([process.execPath, '-e', script])
  const program = box.program('idle')
  await Promise.all([plain.line(), program.line()])
  const recorder = await box.attach('-e', 'idle:*')
  assert.equal(await program.ask('hit'), 'hit')
  await delay(1000)
  const calls = await traced(box, t, plain, program, recorder.child)
  if (calls === undefined) return
  const [ofPlain, ofProgram, ofRecorder] = calls as [Calls, Calls, Calls]
  for (const of of [ofProgram, ofRecorder]) {
    assert.ok(of.main.length <= ofPlain.main.length, of.main.join('\n'))
    assert.ok(of.wakeUps.length <= ofPlain.wakeUps.length, of.wakeUps.join('\n'))
  }
  assert.equal(readSoFar(recorder.output).length, 1)
  assert.equal(await program.ask('hit'), 'hit')
  await until('the record, before the stop', () => readSoFar(recorder.output).length === 2)
  assert.deepEqual(counts(await recorder.stop()), { 'idle:event': 2 })
})

test('the recorder of eight threads stays below 80 MB', async t => {
  const box = new Sandbox(t)
  const program = box.program('idle')
  await program.line()
  const recorder = await box.attach('-e', 'idle:*')
  assert.equal(await program.ask('threads 8'), 'hit')
  const status = readFileSync(`/proc/${recorder.child.pid}/status`, 'utf8')
  const result = await recorder.stop()
  assert.deepEqual([result.recorded, result.programs[0]?.threads], [160_000, 8])
  const peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1])
  assert.ok(peak < MAX_RECORDER_KIB, `${peak} KiB`)
})
