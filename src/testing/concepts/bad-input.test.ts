/** Full disks, no memory, wrong words: a clear message or a counted loss. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { SessionResult } from '../../consumer/index.ts'
import { needs, needsKernel } from '../needs.ts'
import { babeltrace2, counts, discardedSaid, type Ended, MAIN, Sandbox, TRACER } from './sandbox.ts'

const NODE = process.execPath
const HITS = 20_000

function program(box: Sandbox, hits: number): string {
  return box.file(
    'main.mjs',
    `import { i32, str, tracepoint } from ${JSON.stringify(TRACER)}
     const order = tracepoint('shop:order', i32('n'), str('what'))
     for (let n = 0; n < ${hits}; n++) order(n, 'something of forty bytes, more or less …')
     process.stdout.write('done\\n')`,
  )
}

function mayMount(t: TestContext): boolean {
  const { status } = spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o size=64k none /mnt'])
  return needsKernel(t, 'mount namespaces', status === 0)
}

/** Runs a script with a file system of its own at $FULL, and `kymo` for a command. */
async function inSmallSpace(box: Sandbox, at: string, size: string, script: string): Promise<Ended> {
  mkdirSync(at, { recursive: true, mode: 0o700 })
  const mount = `mount -t tmpfs -o size=${size},mode=700 none "$FULL"`
  const kymo = 'kymo() { "$NODE" "$MAIN" "$@"; }'
  const env = { FULL: at, NODE, MAIN, TMP: box.path }
  return box.spawn(['unshare', '-m', 'sh', '-c', `${mount} || exit 99\n${kymo}\n${script}`], env).ended
}

function summary(box: Sandbox): SessionResult {
  return JSON.parse(readFileSync(join(box.path, 'sum.json'), 'utf8')) as SessionResult
}

function lost(result: SessionResult): number {
  return Object.values(result.discarded).reduce((sum, count) => sum + count, 0)
}

test('a full disk: said, nothing lost that is in the rings, and `kymo crash` writes the rest', async t => {
  if (!needs(t, 'babeltrace2') || !mayMount(t)) return
  const box = new Sandbox(t)
  const main = program(box, HITS)
  const script = `
    kymo record -o "$FULL/trace" --summary "$TMP/sum.json" -e 'shop:*' --name full -- "$NODE" ${main}
    echo "ended $?"
    mount -o remount,size=64m "$FULL"
    kymo crash "$FULL/trace"
    echo "crash $?"
    babeltrace2 "$FULL/trace" > "$TMP/text" 2> "$TMP/said"
    echo "read $?"`
  const { stdout, stderr } = await inSmallSpace(box, join(box.path, 'disk'), '256k', script)
  assert.equal(
    stdout.replace(/^(?!done|ended|crash \d|read).*\n/gm, ''),
    'done\nended 1\ncrash 0\nread 0\n',
    stderr,
  )
  assert.match(stderr, /^kymo: cannot write into \S*disk\/trace: .*ENOSPC: no space left on device/m)
  assert.match(stderr, /what is missing is kept: make room, then run `kymo crash .*sessions\/full`/)
  const read = readFileSync(join(box.path, 'text'), 'utf8').split('\n').length - 1
  assert.equal(read + discardedSaid(readFileSync(join(box.path, 'said'), 'utf8')), HITS)
})

test('too little memory for a ring of this size: it is halved, and everything is recorded', async t => {
  if (!mayMount(t)) return
  const box = new Sandbox(t)
  const command = `kymo record -o "$TMP/trace" --summary "$TMP/sum.json" -e 'shop:*' -- "$NODE" ${program(box, 200)}`
  const { status, stdout, stderr } = await inSmallSpace(box, box.run, '900k', command)
  assert.deepEqual([status, stdout], [0, 'done\n'], stderr)
  const result = summary(box)
  assert.deepEqual(counts(result), { 'shop:order': 200 })
  assert.deepEqual(result.discarded, {})
})

test('no memory for any ring: each record is counted as lost, and the program ends well', async t => {
  if (!mayMount(t)) return
  const box = new Sandbox(t)
  const command = `kymo record -o "$TMP/trace" --summary "$TMP/sum.json" -e 'shop:*' -- "$NODE" ${program(box, HITS)}`
  const { status, stdout, stderr } = await inSmallSpace(box, box.run, '96k', command)
  assert.deepEqual([status, stdout], [0, 'done\n'], stderr)
  assert.deepEqual([summary(box).recorded, summary(box).discarded], [0, { 'no ring': HITS }], stderr)
  assert.match(stderr, /discarded +20,000 \(no ring 20,000\); no memory for rings: make room in \/dev\/shm/)
})

test('no memory for a run directory: one line each, and the program runs', async t => {
  if (!mayMount(t)) return
  const box = new Sandbox(t)
  const script = `head -c 100k /dev/zero > "$FULL/filler" 2> /dev/null
    "$NODE" ${program(box, 100)}
    kymo record -o "$TMP/trace" -- true || echo "recorder $?"`
  const { stdout, stderr } = await inSmallSpace(box, box.run, '16k', script)
  assert.equal(stdout, 'done\nrecorder 1\n', stderr)
  const [ofProgram, ofRecorder, ...more] = stderr.split('\n')
  assert.match(ofProgram as string, /^kymograph: this program cannot be recorded: .*ENOSPC|full/)
  assert.match(ofRecorder as string, /^kymo: .*(ENOSPC|full)/)
  assert.deepEqual(more, [''])
})

test('sizes that make no sense are refused with what would', async t => {
  const box = new Sandbox(t)
  for (const [options, message] of [
    [['--subbuf-size', '0'], 'a sub-buffer has a multiple of 4096 bytes: got 0'],
    [['--subbuf-size', '1000'], 'a sub-buffer has a multiple of 4096 bytes: got 1000'],
    [['--subbuf-size', 'much'], "--subbuf-size needs a size such as 64k or 1M: got 'much'"],
    [['--subbuf-size', '-4096'], "--subbuf-size needs a size such as 64k or 1M: got '-4096'"],
    [['--subbuf-size', '4.5k'], "--subbuf-size needs a size such as 64k or 1M: got '4.5k'"],
    [['--num-subbuf', '1'], 'a ring has 2 to 256 sub-buffers: got 1'],
    [['--num-subbuf', '257'], 'a ring has 2 to 256 sub-buffers: got 257'],
    [['--num-subbuf', 'two'], 'a ring has 2 to 256 sub-buffers: got NaN'],
    [['--num-subbuf', '2.5'], 'a ring has 2 to 256 sub-buffers: got 2.5'],
    [['--subbuf-size', '1G', '--num-subbuf', '256'], ''],
  ] as const) {
    const { status, stdout, stderr } = await box.kymo([
      'record',
      '-o',
      box.trace,
      ...options,
      '--',
      'echo',
      'ran',
    ])
    assert.deepEqual([status, stdout], [2, ''], stderr)
    assert.match(stderr, /^kymo: [^\n]+\n$/)
    assert.ok(stderr.includes(message), stderr)
    assert.ok(!existsSync(box.trace))
  }
})

test('an event that nobody has is kept and shown as waiting', async t => {
  const box = new Sandbox(t)
  const options = ['-e', 'shop:*', '-e', 'nobody:has_it', '-e', 'shop:orde']
  const { result, stderr, status } = await box.record(options, [NODE, program(box, 5)])
  assert.equal(status, 0)
  assert.deepEqual(
    result.rules.map(rule => [rule.pattern, rule.matched]),
    [
      ['shop:*', true],
      ['nobody:has_it', false],
      ['shop:orde', false],
    ],
  )
  assert.match(stderr, /^waiting +'nobody:has_it', 'shop:orde' \(no program has such an event yet\)$/m)
})

test('two definitions of one event: a warning, both in the list and both in the trace', async t => {
  if (!needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const main = box.file(
    'main.mjs',
    `import { i32, str, tracepoint } from ${JSON.stringify(TRACER)}
     const first = tracepoint('twice:defined', i32('a'))
     const second = tracepoint('twice:defined', str('b'), i32('c'))
     const same = tracepoint('twice:defined', i32('a'))
     first(1); second('two', 2); same(3); first(4)
     process.stdout.write('done\\n')
     if (process.argv[2] === 'stay') process.stdin.resume()`,
  )
  const stays = box.spawn([NODE, main, 'stay'])
  await stays.says(/done/)
  await stays.says(/KYMO_REDECLARED/, 'stderr')
  const { stdout } = await box.kymo(['list', '-u'])
  assert.match(
    stdout,
    /^ {2}twice:defined is defined 2 times with different fields: \(a i32\) and \(b str, c i32\)$/m,
  )
  const { result, stderr } = await box.record(['-e', 'twice:*', '-t', 'none'], [NODE, main])
  assert.match(
    stderr,
    /\[KYMO_REDECLARED\] Warning: event twice:defined is declared twice with different fields/,
  )
  assert.deepEqual(counts(result), { 'twice:defined': 4 })
  const text = babeltrace2(box.trace)
  assert.equal(text.stderr, '')
  assert.deepEqual(text.lines, [
    'twice:defined: { a = 1 }',
    'twice:defined: { b = "two", c = 2 }',
    'twice:defined: { a = 3 }',
    'twice:defined: { a = 4 }',
  ])
})

test('at full speed into the smallest ring: produced = recorded + discarded', async t => {
  if (!needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const options = ['-e', 'shop:*', '--subbuf-size', '4k', '--num-subbuf', '2']
  const { result } = await box.record(options, [NODE, program(box, 10 * HITS)])
  assert.equal(result.recorded + lost(result), 10 * HITS)
  assert.ok(lost(result) > 0)
  const { lines, stderr } = babeltrace2(box.trace)
  assert.deepEqual([lines.length, discardedSaid(stderr)], [result.recorded, lost(result)])
})
