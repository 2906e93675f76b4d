import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  CONTROL_BYTES,
  CONTROL_VERSION,
  ControlWords,
  classId,
  createMappedFile,
  openRunDirectory,
  type RunDirectory,
  settleChannelForm,
} from '../control/index.ts'
import { O_NONBLOCK, O_RDWR, O_WRONLY, requireLibc } from '../native/index.ts'
import { SELECTOR_WORD, SLOT_BASE_WORD, SLOT_PHYSICAL, SLOT_WORDS, WAIT_WORD } from '../ring/layout.ts'
import { createMappedRing } from '../ring/memory/mapped.ts'
import { SingleWriter } from '../ring/single-writer.ts'
import { needs, needsKernel } from '../testing/index.ts'
import { recoverSession, SessionConsumer, type SessionPlan } from './index.ts'

const CHANNEL = 'channel0'
const RECORD_BYTES = 2 + 4 + 4
const SUB_BUFFER_BYTES = 4096
const SUB_BUFFERS = 4
const libc = requireLibc()

const payload = {
  type: 'structure',
  memberClasses: [
    {
      name: 'n',
      fieldClass: {
        type: 'fixed-length-signed-integer',
        length: 32,
        byteOrder: 'little-endian',
        alignment: 8,
      },
    },
  ],
}

/** What a traced program shows to others, made by hand: its process is this one, or the test's own child. */
class FakeProgram {
  readonly id = `${process.pid}-${Math.random().toString(16).slice(2)}`
  readonly directory: string
  readonly control: ControlWords
  readonly #life: number[]
  readonly #run: RunDirectory

  constructor(run: RunDirectory, about: object = {}) {
    this.#run = run
    this.directory = join(run.appsPath, this.id)
    const temporary = join(run.appsPath, `.${this.id}`)
    mkdirSync(temporary, { mode: 0o700 })
    writeFileSync(join(temporary, 'about.json'), JSON.stringify({ ...this.about, ...about }))
    const event = {
      name: 'shop:order',
      kind: 'tracepoint',
      logLevel: 'INFO',
      fields: [{ name: 'n', type: 'i32' }],
    }
    writeFileSync(join(temporary, 'events'), `${JSON.stringify(event)}\n`)
    writeFileSync(join(temporary, 'alive'), '')
    libc.mkfifo(join(temporary, 'alive.fifo'), 0o600)
    const buffer = createMappedFile(join(temporary, 'control'), CONTROL_BYTES, made =>
      new ControlWords(made).format(),
    )
    this.control = new ControlWords(buffer)
    const lock = libc.open(join(temporary, 'alive'), O_RDWR)
    assert.ok(libc.tryLock(lock))
    this.#life = [libc.open(join(temporary, 'alive.fifo'), O_RDWR | O_NONBLOCK), lock]
    execFileSync('mv', [temporary, this.directory])
  }

  get about(): object {
    return {
      version: CONTROL_VERSION,
      pid: process.pid,
      procname: 'shop',
      argv: ['node', 'shop.js'],
      started: new Date().toISOString(),
      node: process.version,
      kymograph: '0.0.0',
      identity: 'test',
    }
  }

  ring(session: string, number: number): FakeThread {
    const directory = join(this.#run.sessionsPath, session, this.id, CHANNEL)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, '..', 'about.json'), JSON.stringify(this.about))
    settleChannelForm(directory, { header: 'large', contexts: [], clock: 'monotonic' }, number)
    assert.equal(classId(directory, { name: 'shop:order', logLevel: 'INFO', payload }), 0)
    return new FakeThread(directory, number, join(this.#run.sessionsPath, session, 'wake'))
  }

  die(): void {
    for (const fd of this.#life.splice(0)) libc.close(fd)
  }
}

class FakeThread {
  readonly writer: SingleWriter
  readonly wakePath: string
  #next = 0

  constructor(directory: string, number: number, wakePath: string) {
    this.wakePath = wakePath
    const now = process.hrtime.bigint()
    const epoch = (now >> 32n) << 32n
    const geometry = { subBufferBytes: SUB_BUFFER_BYTES, subBufferCount: SUB_BUFFERS, classCapacity: 8 }
    writeFileSync(join(directory, `ring-${number}.lock`), '')
    const identity = { number, epoch, created: Number(now - epoch) }
    const buffer = createMappedRing(join(directory, `ring-${number}`), geometry, identity)
    assert.ok(buffer !== undefined)
    this.writer = new SingleWriter(buffer, 1000 + number, 'atomic', () => this.wake())
    this.wake()
  }

  wake(): void {
    const fd = libc.open(this.wakePath, O_WRONLY | O_NONBLOCK)
    assert.ok(fd >= 0, 'somebody reads the FIFO')
    libc.write(fd, new Uint8Array(1))
    libc.close(fd)
  }

  /** Writes `count` records; returns how many were kept. */
  write(count: number): number {
    let kept = 0
    for (let i = 0; i < count; i++) {
      const { writer } = this
      const offset = writer.reserve(RECORD_BYTES)
      if (offset < 0) {
        writer.lose(~offset)
        continue
      }
      writer.begin()
      const time = process.hrtime.bigint()
      const low = Number(BigInt.asIntN(32, time))
      writer.view.setUint16(offset, 0, true)
      writer.view.setInt32(offset + 2, low, true)
      writer.view.setInt32(offset + 6, this.#next++, true)
      writer.commit(offset + RECORD_BYTES, 0, low, Number(time >> 32n))
      kept++
    }
    return kept
  }
}

interface Bench {
  readonly run: RunDirectory
  readonly plan: SessionPlan
  readonly lines: string[]
  start(): SessionConsumer
}

function bench(t: TestContext): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'kymo-consumer-'))
  const rings = mkdtempSync('/dev/shm/kymo-test-')
  t.after(() => {
    rmSync(folder, { recursive: true, force: true })
    rmSync(rings, { recursive: true, force: true })
  })
  const run = openRunDirectory(rings)
  const channel = {
    name: CHANNEL,
    subBufferBytes: 4096,
    subBufferCount: 4,
    clock: 'monotonic',
    header: 'large',
  } as const
  const plan: SessionPlan = {
    name: 'test',
    scope: 'all',
    token: 'token',
    output: join(folder, 'trace'),
    channels: [{ ...channel, contexts: [] }],
    rules: [
      { channel: CHANNEL, pattern: 'shop:*' },
      { channel: CHANNEL, pattern: 'nobody:*' },
    ],
  }
  const lines: string[] = []
  const start = (): SessionConsumer => SessionConsumer.start(run, plan, { say: line => lines.push(line) })
  return { run, plan, lines, start }
}

/** Reads the trace: the numbers recorded and what babeltrace2 has to say about lost records. */
function read(output: string): { numbers: number[]; warnings: string } {
  const { stdout, stderr, status } = spawnSync('babeltrace2', [output], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  assert.equal(status, 0, stderr)
  return {
    numbers: [...stdout.matchAll(/\{ n = (-?\d+) \}/g)].map(match => Number(match[1])),
    warnings: stderr,
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  for (let waitedMs = 0; !isTrue(); waitedMs += 5) {
    assert.ok(waitedMs < 5000, `waited too long: ${what}`)
    await delay(5)
  }
}

test('records of a living program become a trace, and the session leaves nothing behind', async t => {
  if (!needs(t, 'babeltrace2')) return
  const { run, plan, lines, start } = bench(t)
  const program = new FakeProgram(run)
  const consumer = start()
  const threads = [program.ring('test', 0), program.ring('test', 1)]
  for (let i = 0; i < 50; i++) {
    for (const thread of threads) assert.equal(thread.write(100), 100)
    await delay(5)
  }
  const generation = program.control.words[2]
  const result = await consumer.stop()
  program.die()

  assert.notEqual(program.control.words[2], generation)
  assert.deepEqual(result.events, [{ name: 'shop:order', count: 10_000 }])
  assert.equal(result.recorded, 10_000)
  assert.deepEqual(result.discarded, {})
  assert.deepEqual(result.programs, [{ pid: process.pid, procname: 'shop', threads: 2 }])
  assert.deepEqual(
    result.rules.map(rule => rule.matched),
    [true, false],
  )
  assert.deepEqual([result.problems, result.failure, lines], [[], undefined, []])
  assert.deepEqual(readdirSync(run.sessionsPath), [])
  assert.equal(existsSync(join(plan.output, '.kymograph-session')), false)
  const { numbers, warnings } = read(plan.output)
  assert.equal(warnings, '')
  assert.deepEqual(
    numbers.sort((a, b) => a - b),
    upTo(5000).flatMap(n => [n, n]),
  )
})

test('each lost record is in the result by cause and in the trace by number', async t => {
  if (!needs(t, 'babeltrace2')) return
  const { run, plan, start } = bench(t)
  const program = new FakeProgram(run)
  const consumer = start()
  const thread = program.ring('test', 0)
  for (let i = 0; i < 7; i++) thread.writer.lose(~thread.writer.reserve(SUB_BUFFER_BYTES + 1))
  // Without a turn of the event loop nobody takes anything: the ring fills up.
  const kept = thread.write(5000)
  const result = await consumer.stop()
  program.die()

  assert.ok(kept > 0 && kept < 5000)
  assert.equal(result.recorded, kept)
  assert.deepEqual(result.discarded, { full: 5000 - kept, 'too big': 7 })
  const { numbers, warnings } = read(plan.output)
  assert.deepEqual(numbers, upTo(kept))
  const counts = [...warnings.matchAll(/Tracer discarded (\d+) events? between/g)].map(match =>
    Number(match[1]),
  )
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    5000 - kept + 7,
    warnings,
  )
})

test('a ring with losses alone has a stream too', async t => {
  if (!needs(t, 'babeltrace2')) return
  const { run, plan, start } = bench(t)
  const program = new FakeProgram(run)
  const consumer = start()
  const thread = program.ring('test', 0)
  thread.writer.lose(~thread.writer.reserve(SUB_BUFFER_BYTES + 1))
  const result = await consumer.stop()
  program.die()
  assert.deepEqual([result.recorded, result.discarded], [0, { 'too big': 1 }])
  assert.match(read(plan.output).warnings, /Tracer discarded 1 event between/)
})

test("a program's death is noticed, its records are written at once, and it is removed at the end", async t => {
  if (!needs(t, 'babeltrace2')) return
  const { run, plan, start } = bench(t)
  const consumer = start()
  const program = new FakeProgram(run)
  await delay(20)
  const thread = program.ring('test', 0)
  thread.write(3)
  program.control.countNoRing()
  program.die()
  await until('the records of the dead', () => consumer.totals().bytes > 0)
  const result = await consumer.stop()
  assert.deepEqual([result.recorded, result.discarded], [3, { 'no ring': 1 }])
  assert.equal(existsSync(program.directory), false)
  assert.deepEqual(read(plan.output).numbers, upTo(3))
})

test('without records the consumer sleeps, and the next record wakes it', async t => {
  const { run, start } = bench(t)
  const program = new FakeProgram(run)
  const consumer = start()
  const thread = program.ring('test', 0)
  thread.write(1)
  await until('the wait word', () => thread.writer.words[WAIT_WORD] === 1)
  await delay(50)
  const bytes = consumer.totals().bytes
  thread.writer.arm() // what a thread does when the generation word has changed
  thread.write(1)
  await until('the second record', () => consumer.totals().bytes > bytes)
  await until('sleep again', () => thread.writer.words[WAIT_WORD] === 1)
  const result = await consumer.stop()
  program.die()
  assert.equal(result.recorded, 2)
})

test('a thread in the middle of a record is waited for, then named', async t => {
  const { run, lines, start } = bench(t)
  const program = new FakeProgram(run)
  const consumer = start()
  const thread = program.ring('test', 0)
  thread.write(1)
  thread.writer.begin()
  const result = await consumer.stop()
  program.die()
  assert.equal(result.recorded, 1)
  assert.match(lines.join(), /^shop \(pid \d+\): thread 1000 is stuck in the middle of a record/)
})

test('a damaged ring is left out with one line; the others go on', async t => {
  const { run, lines, start } = bench(t)
  const program = new FakeProgram(run)
  const consumer = start()
  const [bad, good] = [program.ring('test', 0), program.ring('test', 1)]
  bad.write(1)
  bad.writer.words[SLOT_BASE_WORD + SLOT_WORDS + SLOT_PHYSICAL] = 99
  good.write(2)
  await until('the good ring', () => consumer.totals().bytes > 0)
  const result = await consumer.stop()
  program.die()
  assert.equal(result.recorded, 2)
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /channel0\/ring-0 is left out: ring 0 is damaged: physical sub-buffer 99/)
})

test('a program of another layout is refused with one line that names both versions', async t => {
  const { run, lines, start } = bench(t)
  const program = new FakeProgram(run, { version: 7, kymograph: '9.9.9' })
  program.control.words[1] = 7
  const consumer = start()
  await consumer.stop()
  program.die()
  assert.equal(lines.length, 1)
  assert.match(
    lines[0] ?? '',
    /^shop \(pid \d+\) is not recorded: it uses kymograph 9\.9\.9 with shared layout 7, this/,
  )
})

test('an output that cannot be written is refused before anything is made', t => {
  const { run, plan } = bench(t)
  const broken = { ...plan, output: '/dev/null/trace' }
  assert.throws(() => SessionConsumer.start(run, broken, { say: () => {} }), {
    code: 'KYMO_OUTPUT',
    message: /^cannot write into \/dev\/null\/trace: ENOTDIR/,
  })
  assert.deepEqual(readdirSync(run.sessionsPath), [])
})

test('a full disk is said once and tried again; what never fits is kept for `kymo crash`', async t => {
  if (!needs(t, 'babeltrace2')) return
  const { run, plan, lines, start } = bench(t)
  const fillDisk = async (): Promise<void> => {
    const program = new FakeProgram(run)
    const consumer = start()
    const thread = program.ring('test', 0)
    let kept = 0
    for (let rounds = 0; rounds < 2000 && lines.length === 0; rounds++, await delay(1))
      kept += thread.write(100)
    assert.match(lines.join(), /^cannot write into .*: .*ENOSPC.*; trying again every second$/)
    kept += thread.write(5000)
    const result = await consumer.stop()
    assert.match(
      result.failure ?? '',
      /ENOSPC.*what is missing is kept: make room, then run `kymo crash .*\/sessions\/test`$/,
    )
    const written = read(plan.output).numbers
    assert.ok(written.length > 0 && written.length < kept)
    assert.deepEqual(written, upTo(written.length))

    execFileSync('mount', ['-o', 'remount,size=16m', plan.output])
    const rest = await recoverSession(plan.output, { say: line => lines.push(line) })
    program.die()
    assert.equal(rest.recorded, kept)
    assert.equal(lines.length, 1)
    const numbers = read(plan.output).numbers
    assert.deepEqual(numbers, upTo(kept))
  }
  mkdirSync(plan.output)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', plan.output]).status === 0
  if (!needsKernel(t, 'mount(8) as root', mounted)) return
  try {
    await fillDisk()
  } finally {
    execFileSync('umount', [plan.output])
  }
})

const RECORDER = `
  const { openRunDirectory } = await import(process.argv[1] + '/control/index.js')
  const { SessionConsumer } = await import(process.argv[1] + '/consumer/index.js')
  SessionConsumer.start(openRunDirectory(process.argv[2]), JSON.parse(process.argv[3]), { say: console.log })
  console.log('started')`

/** Records in a process of its own until it is killed; returns what the thread kept. */
async function recordAndKill(
  { run, plan }: Bench,
  program: FakeProgram,
  recordsMs: number,
): Promise<[FakeThread, number]> {
  const dist = join(import.meta.dirname, '..')
  const args = ['--input-type=module', '-e', RECORDER, dist, run.path, JSON.stringify(plan)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise(resolve => child.stdout.once('data', resolve))
  const thread = program.ring('test', 0)
  let kept = 0
  for (const endMs = performance.now() + recordsMs; performance.now() < endMs; await delay(1))
    kept += thread.write(100)
  child.kill('SIGKILL')
  await new Promise(resolve => child.once('exit', resolve))
  return [thread, kept]
}

test('what a killed recorder left becomes a whole trace: nothing missing, nothing twice', async t => {
  if (!needs(t, 'babeltrace2')) return
  for (const recordsMs of [30, 130, 250]) {
    const at = bench(t)
    const program = new FakeProgram(at.run)
    const [thread, before] = await recordAndKill(at, program, recordsMs)
    const kept = before + thread.write(300)
    const mark = join(at.plan.output, '.kymograph-session')
    assert.equal(readFileSync(mark, 'utf8').trim(), join(at.run.sessionsPath, 'test'))
    assert.throws(() => at.start(), /holds a trace that was cut short: run `kymo crash/)

    const result = await recoverSession(at.plan.output, { say: line => at.lines.push(line) })
    program.die()
    assert.deepEqual([result.recorded, at.lines], [kept, []])
    assert.deepEqual(read(at.plan.output).numbers, upTo(kept))
    assert.deepEqual(readdirSync(at.run.sessionsPath), [])
    assert.equal(existsSync(mark), false)
  }
})

test('a recorder killed between a packet and its position record: the packet is not written again', async t => {
  if (!needs(t, 'babeltrace2')) return
  const at = bench(t)
  const program = new FakeProgram(at.run)
  const [thread, before] = await recordAndKill(at, program, 250)
  const { words } = thread.writer
  words[SELECTOR_WORD] = (words[SELECTOR_WORD] as number) ^ 1
  const kept = before + thread.write(10)
  const result = await recoverSession(join(at.run.sessionsPath, 'test'), { say: line => at.lines.push(line) })
  program.die()
  assert.deepEqual([result.recorded, at.lines], [kept, []])
  assert.deepEqual(read(at.plan.output).numbers, upTo(kept))
})

test('a session that is alive is not taken over', async t => {
  const { plan, start } = bench(t)
  const consumer = start()
  await assert.rejects(recoverSession(plan.output, { say: () => {} }), {
    code: 'KYMO_CRASH',
    message: /still being recorded/,
  })
  await consumer.stop()
  await assert.rejects(
    recoverSession(plan.output, { say: () => {} }),
    /is neither a session's directory nor the folder/,
  )
})
