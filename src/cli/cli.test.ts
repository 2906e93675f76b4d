import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { SessionResult } from '../consumer/index.ts'
import { childEnvironment, isForeground } from './child.ts'
import { sessionPlan } from './session-plan.ts'
import { shellWord, summaryText } from './summary.ts'
import { printable, tableLines } from './table.ts'

const MAIN = join(import.meta.dirname, 'main.js')

function folder(t: TestContext, parent: string): string {
  const path = mkdtempSync(join(parent, 'kymo-cli-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function kymo(
  t: TestContext,
  ...args: string[]
): { status: number | null; stdout: string; stderr: string; cwd: string } {
  const cwd = folder(t, tmpdir())
  const env = { ...process.env, KYMO_RUNDIR: join(folder(t, '/dev/shm'), 'run') }
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd,
    env,
    encoding: 'utf8',
  })
  return { status, stdout, stderr, cwd }
}

test('help and version are asked for; what does not exist is a misuse', t => {
  for (const command of [[], ['record'], ['list'], ['crash']]) {
    const { status, stdout } = kymo(t, ...command, '--help')
    assert.equal(status, 0)
    assert.match(stdout, /Examples:\n {2}kymo /)
  }
  assert.match(kymo(t, '--version').stdout, /^\d+\.\d+\.\d+\n$/)
  for (const [args, message] of [
    [['bogus'], "kymo: unknown command 'bogus'\n"],
    [['record', '--bogus'], "kymo: unknown option '--bogus'\n"],
    [['crash'], "kymo: missing required argument 'dir'\n"],
    [
      ['record', '--clock', 'sun', '--', 'true'],
      "kymo: --clock needs one of monotonic, coarse, global: got 'sun'\n",
    ],
    [
      ['record', '--subbuf-size', '5000', '--', 'true'],
      'kymo: --subbuf-size 5000, --num-subbuf 8: a sub-buffer has a multiple of 4096 bytes: got 5000\n',
    ],
  ] as const) {
    const { status, stderr } = kymo(t, ...args)
    assert.deepEqual([status, stderr], [2, message])
  }
})

test("record ends with the command's exit code, and stdout is the command's own", t => {
  const { status, stdout, stderr, cwd } = kymo(
    t,
    'record',
    '-o',
    'trace',
    '--summary',
    'sum.json',
    '--',
    'sh',
    '-c',
    'echo hi; exit 3',
  )
  assert.deepEqual([status, stdout], [3, 'hi\n'])
  assert.match(stderr, /No event was recorded\.\n/)
  const result = JSON.parse(readFileSync(join(cwd, 'sum.json'), 'utf8')) as SessionResult
  assert.deepEqual([result.name, result.recorded, result.rules[0]?.matched], ['sh', 0, false])
  assert.equal(kymo(t, 'record', '--', 'sh', '-c', 'kill -TERM $$').status, 128 + 15)
})

test('the default folder has the name of the command and the date', t => {
  const { cwd } = kymo(t, 'record', '--', 'true')
  assert.match(readdirSync(join(cwd, 'kymo-traces')).join(), /^true-\d{8}-\d{6}$/)
})

test('a command that does not exist and an output that cannot be written are errors of one line', t => {
  const none = kymo(t, 'record', '-o', 'trace', '--', 'no-such-command')
  assert.deepEqual([none.status, none.stderr], [1, 'kymo: cannot run no-such-command: no such command\n'])
  assert.deepEqual(readdirSync(none.cwd), [])
  const closed = kymo(t, 'record', '-o', '/dev/null/x', '--', 'echo', 'started')
  assert.deepEqual([closed.status, closed.stdout], [1, ''])
  assert.match(closed.stderr, /^kymo: cannot write into \/dev\/null\/x: ENOTDIR.*\n$/)
})

test('a signal goes to the command, and the trace is finished after it has ended', async t => {
  const cwd = folder(t, tmpdir())
  const env = { ...process.env, KYMO_RUNDIR: join(folder(t, '/dev/shm'), 'run') }
  const script = 'trap "echo told; exit 5" TERM; echo ready; while :; do sleep 0.05; done'
  const child = spawn(process.execPath, [MAIN, 'record', '-o', 'trace', '--', 'sh', '-c', script], {
    cwd,
    env,
  })
  let stdout = ''
  child.stdout.on('data', data => {
    stdout += data
    if (String(data).includes('ready')) child.kill('SIGTERM')
  })
  const status = await new Promise(resolve => child.once('exit', resolve))
  assert.deepEqual([status, stdout], [5, 'ready\ntold\n'])
})

test('without a command record attaches until a signal, and ends well', async t => {
  const cwd = folder(t, tmpdir())
  const env = { ...process.env, KYMO_RUNDIR: join(folder(t, '/dev/shm'), 'run') }
  const child = spawn(process.execPath, [MAIN, 'record', '-e', 'shop:*,web:*'], { cwd, env })
  let stderr = ''
  let listed = ''
  child.stderr.on('data', data => {
    stderr += data
    if (listed === '' && stderr.includes('Ctrl-C stops')) {
      listed = spawnSync(process.execPath, [MAIN, 'list'], { env, encoding: 'utf8' }).stdout
      child.kill('SIGINT')
    }
  })
  assert.equal(await new Promise(resolve => child.once('exit', resolve)), 0)
  assert.match(
    listed,
    /^attach: recording \(pid \d+\)\n {2}into .*\n {2}events shop:\*, web:\* of all programs\n$/,
  )
  assert.match(stderr, /waiting +'shop:\*', 'web:\*' \(no program has such an event yet\)/)
})

test('list says what to do when there is nothing', t => {
  assert.match(kymo(t, 'list').stdout, /^no session; `kymo record/)
  assert.match(kymo(t, 'list', '-u').stdout, /^no running program has loaded kymograph/)
})

test('the command gets the tracer, the token and the run directory on top of what it has', () => {
  const options = { token: 'new', runDirectory: '/dev/shm/run' }
  const bare = childEnvironment({}, options)
  assert.match(bare.NODE_OPTIONS ?? '', /^--require="\/.+\/tracer\/auto\/preload\.cjs"$/)
  assert.equal(bare.KYMO_SESSION, 'new')
  const nested = childEnvironment({ NODE_OPTIONS: '--no-warnings', KYMO_SESSION: 'old' }, options)
  assert.match(nested.NODE_OPTIONS ?? '', /^--no-warnings --require="/)
  assert.deepEqual([nested.KYMO_SESSION, nested.KYMO_RUNDIR], ['old,new', '/dev/shm/run'])
})

test('the foreground group is found behind any process name', () => {
  assert.equal(isForeground('12 (a) b) S 1 12 12 34817 12 4194304'), true)
  assert.equal(isForeground('12 (node) S 1 12 12 34817 99 4194304'), false)
  assert.equal(isForeground('12 (node) S 1 12 12 0 -1 4194304'), false)
})

test('options become a plan', () => {
  const defaults = { clock: 'monotonic', header: 'auto', subbufSize: '256k', numSubbuf: '8' }
  const now = new Date(2026, 0, 2, 3, 4, 5)
  const plan = sessionPlan(
    ['/usr/bin/my prog'],
    { ...defaults, event: ['a:*,b', 'c'], loglevel: 'trace_info' },
    now,
  )
  assert.equal(plan.name, 'my_prog')
  assert.equal(plan.output, join(process.cwd(), 'kymo-traces/my_prog-20260102-030405'))
  assert.deepEqual(
    plan.rules.map(rule => [rule.pattern, rule.level]),
    [
      ['a:*', 'INFO'],
      ['b', 'INFO'],
      ['c', 'INFO'],
    ],
  )
  assert.deepEqual(plan.channels[0]?.contexts, ['vtid'])
  assert.deepEqual(sessionPlan([], { ...defaults, context: ['none'] }, now).channels[0]?.contexts, [])
  assert.deepEqual(sessionPlan([], { ...defaults, context: ['vtid,vpid'] }, now).channels[0]?.contexts, [
    'vpid',
    'vtid',
  ])
  for (const [bad, message] of [
    [{ context: ['pid'] }, /--context needs one of vpid, vtid, procname, thread_name: got 'pid'/],
    [{ loglevel: 'LOUD' }, /--loglevel needs one of EMERG, /],
    [{ name: '../x' }, /--name needs letters/],
    [{ numSubbuf: '1' }, /a ring has 2 to 256 sub-buffers: got 1/],
    [{ subbufSize: 'big' }, /--subbuf-size needs a size such as 64k or 1M: got 'big'/],
    [{ event: [','] }, /--event needs a pattern/],
  ] as const) {
    assert.throws(() => sessionPlan([], { ...defaults, ...bad }, now), message)
  }
})

test('tables line up, whatever is in them', () => {
  assert.deepEqual(
    tableLines(
      [{}, { align: 'right' }],
      [
        ['event', 'count'],
        ['\u001b[1mé\u001b[22m', '12,345'],
      ],
    ),
    ['event   count', '\u001b[1mé\u001b[22m      12,345'],
  )
  assert.equal(printable('a\u001b[31m\n'), 'a\\x1b[31m\\x0a')
  assert.deepEqual(['a/b.c', "it's", 'a b'].map(shellWord), ['a/b.c', "'it'\\''s'", "'a b'"])
})

test('the summary shows the twenty most frequent events and counts the others', () => {
  const events = Array.from({ length: 25 }, (_, i) => ({ name: `shop:e${i}`, count: 1000 - i }))
  const text = summaryText(
    {
      name: 'x',
      output: join(process.cwd(), 'my trace'),
      events,
      recorded: 24_700,
      discarded: { full: 3, nested: 1 },
      programs: [{ pid: 7, procname: 'shop', threads: 2, exit: 0 }],
      durationMs: 61_500,
      bytes: 2048,
      rules: [
        { pattern: 'shop:*', channel: 'channel0', matched: true },
        { pattern: 'web:*', channel: 'channel0', matched: false },
      ],
      problems: [],
    },
    (_style, words) => words,
  )
  assert.match(text, /^event +count\nshop:e0 +1,000\n/)
  assert.match(text, /\nshop:e19 +981\n… 5 more +4,890\n\n/)
  assert.match(text, /\nrecorded +24,700 in 1 min 1 s, 2\.0 KiB\n/)
  assert.match(text, /\ndiscarded +4 \(full 3, nested 1\); larger rings: --subbuf-size, --num-subbuf\n/)
  assert.match(text, /\nprograms +shop \(pid 7\), 2 threads, exit code 0\n/)
  assert.match(text, /\nwaiting +'web:\*' \(no program has such an event yet\)\n/)
  assert.match(text, /\n {2}babeltrace2 'my trace' +the trace as text\n/)
})
