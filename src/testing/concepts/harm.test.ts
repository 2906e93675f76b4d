/** What is missing, forbidden or doubled costs the program its recording, and nothing else. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { needs, needsKernel } from '../needs.ts'
import { programFolder, ROOT, shop } from './copies.ts'
import { babeltrace2, counts, Sandbox, TRACER } from './sandbox.ts'

const NODE = process.execPath
const DONE = 'shop is done\n'

/** A program without a kymograph of its own: it gets this project's, by its path. */
function localShop(box: Sandbox, hits: number, end = ''): string {
  return box.file(
    'shop.mjs',
    `import { i32, tracepoint } from ${JSON.stringify(TRACER)}
     const order = tracepoint('shop:order', i32('n'))
     for (let n = 0; n < ${hits}; n++) order(n)
     process.stdout.write('shop is done\\n')
     ${end}`,
  )
}

test('KYMO_MEMORY=threads: the program writes its part of the trace itself', async t => {
  if (!needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const end = `const { isMainThread, Worker } = await import('node:worker_threads')
    if (isMainThread) new Worker(new URL(import.meta.url))`
  const { result, stdout, status } = await box.record(['-e', 'shop:*'], [NODE, localShop(box, 1000, end)], {
    KYMO_MEMORY: 'threads',
  })
  assert.deepEqual([status, stdout], [0, DONE + DONE])
  assert.deepEqual(counts(result), { 'shop:order': 2000 })
  assert.deepEqual(result.discarded, {})
  const { lines, stderr } = babeltrace2(box.trace)
  assert.deepEqual([lines.length, stderr], [2000, ''])
})

test('without koffi a program is recorded by a thread of its own, and `list -u` says why', async t => {
  if (!needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const folder = programFolder(box, 'app', { withoutKoffi: true })
  const program = box.spawn([NODE, shop(folder, 10, 'process.stdin.resume()')])
  await program.says(/done/)
  assert.match((await box.kymo(['list', '-u'])).stdout, /without shared memory: .*koffi/)
  program.process.stdin.end()
  const { status, stderr } = await program.ended
  assert.deepEqual([status, stderr], [0, ''])
  const { result, stdout } = await box.record(['-e', 'shop:*'], [NODE, shop(folder, 1000)])
  assert.equal(stdout, DONE)
  assert.deepEqual(counts(result), { 'shop:order': 1000 })
  assert.equal(babeltrace2(box.trace).lines.length, 1000)
})

test('a second copy in one program is off and says so in one line; the first goes on', async t => {
  const box = new Sandbox(t)
  const folder = programFolder(box, 'app')
  const end = `const second = await import(${JSON.stringify(TRACER)})
    const site = second.tracepoint('second:site', second.i32('n'))
    for (let n = 0; n < 100; n++) site(n)
    process.stdout.write(String(site.enabled) + '\\n')`
  const { result, status, stdout, stderr } = await box.record(['-e', '*:*'], [NODE, shop(folder, 100, end)])
  assert.deepEqual([status, stdout], [0, `${DONE}false\n`])
  const said = stderr.split('\n').filter(line => line.startsWith('kymograph: '))
  assert.equal(said.length, 1, stderr)
  assert.match(
    said[0] as string,
    /^kymograph: a second copy of kymograph \(\d+\.\d+\.\d+ at \/.*\) is off: this program has loaded \d/,
  )
  assert.ok(said[0]?.includes(ROOT) && said[0].includes(folder))
  const { 'shop:order': first, 'second:site': second } = counts(result)
  assert.deepEqual([first, second], [100, undefined])
})

test('a program of another layout version is refused in one line, and unharmed', async t => {
  const box = new Sandbox(t)
  const folder = programFolder(box, 'app', { layout: 99 })
  const { result, status, stdout, stderr } = await box.record(
    ['-e', 'shop:*'],
    [NODE, shop(folder, 100, 'setTimeout(() => {}, 200)')],
  )
  assert.deepEqual([status, stdout], [0, DONE])
  assert.equal(result.recorded, 0)
  const said = stderr.split('\n').filter(line => line.includes('layout'))
  assert.equal(said.length, 1, stderr)
  const theirs = /^kymo: node \(pid \d+\) is not recorded: it uses kymograph \S+ with shared layout 99, /
  assert.match(said[0] as string, theirs)
  assert.match(
    said[0] as string,
    /, this recorder is kymograph \S+ with layout \d+; install one version for both$/,
  )
})

/** Runs a program where no run directory can be had: it works, and says in one line why it is not recorded. */
async function expectRefusal(box: Sandbox, reason: RegExp): Promise<void> {
  const { status, stdout, stderr } = await box.spawn([NODE, localShop(box, 1000)]).ended
  assert.deepEqual([status, stdout], [0, DONE])
  const [line, ...more] = stderr.split('\n')
  assert.match(line as string, /^kymograph: this program cannot be recorded: /)
  assert.match(line as string, reason)
  assert.deepEqual(more, [''])
  const recorder = await box.kymo(['record', '-o', box.trace, '--', 'true'])
  assert.equal(recorder.status, 1)
  assert.match(recorder.stderr, reason)
}

test('a run directory that is a link, a file or open to others is refused', async t => {
  const link = new Sandbox(t)
  mkdirSync(join(link.path, 'elsewhere'), { mode: 0o700 })
  symlinkSync(join(link.path, 'elsewhere'), link.run)
  await expectRefusal(link, /run must be a directory of user \d+ with mode 700: it is no directory/)
  const file = new Sandbox(t)
  file.file('run', '')
  await expectRefusal(file, /it is no directory/)
  const open = new Sandbox(t)
  mkdirSync(open.run)
  chmodSync(open.run, 0o777)
  await expectRefusal(open, /it is mode 777, owner \d+; set KYMO_RUNDIR to another one/)
})

test('a run directory of another user is refused', async t => {
  if (!needsKernel(t, 'root', process.geteuid?.() === 0)) return
  const box = new Sandbox(t)
  mkdirSync(box.run, { mode: 0o700 })
  chownSync(box.run, 65534, 65534)
  await expectRefusal(box, /it is mode 700, owner 65534/)
})

test('a program without a free descriptor hears nothing of a session, and is recorded when it has one', async t => {
  const box = new Sandbox(t)
  const file = box.file(
    'main.mjs',
    `import { closeSync, openSync } from 'node:fs'
     import { i32, tracepoint } from ${JSON.stringify(TRACER)}
     const order = tracepoint('shop:order', i32('n'))
     process.stdin.setEncoding('utf8')
     const taken = []
     order(0)
     process.stdout.write('ready\\n')
     process.stdin.on('data', text => {
       if (text.startsWith('take')) try { for (;;) taken.push(openSync('/dev/null')) } catch {}
       if (text.startsWith('free')) for (const fd of taken) closeSync(fd)
       if (text.startsWith('hit')) for (let n = 0; n < 10; n++) order(n)
       process.stdout.write('done\\n')
     })`,
  )
  const program = box.spawn(['sh', '-c', 'ulimit -n 100; exec "$0" "$1"', NODE, file])
  await program.line()
  await program.ask('take')
  const recorder = await box.attach('-e', 'shop:*')
  assert.equal(await program.ask('hit'), 'done')
  await program.ask('free')
  await program.ask('hit')
  assert.deepEqual(counts(await recorder.stop()), { 'shop:order': 10 })
  assert.equal(program.stderr, '')
})

/** A Node that knows --permission: the one that runs this, or KYMO_NODE_BIN. */
function permissionNode(t: TestContext): string | undefined {
  const binary = process.env.KYMO_NODE_BIN ?? NODE
  const isNew = binary !== NODE || Number(process.versions.node.split('.')[0]) >= 22
  if (!isNew) t.skip('needs Node 22 or newer for --permission: run the tests with it, or set KYMO_NODE_BIN')
  return isNew ? binary : undefined
}

test('--permission with the flags that kymograph needs: recorded as ever', async t => {
  const node = permissionNode(t)
  if (node === undefined) return
  const box = new Sandbox(t)
  const flags = [
    '--permission',
    '--allow-fs-read=*',
    '--allow-fs-write=*',
    '--allow-addons',
    '--allow-worker',
  ]
  const { result, status, stdout } = await box.record(['-e', 'shop:*'], [node, ...flags, localShop(box, 100)])
  assert.deepEqual([status, stdout], [0, DONE])
  assert.deepEqual(counts(result), { 'shop:order': 100 })
})

test('--permission without them: the program runs, and one line names what is missing', async t => {
  const node = permissionNode(t)
  if (node === undefined) return
  for (const flags of [[], ['--allow-worker'], ['--allow-addons']]) {
    const box = new Sandbox(t)
    const command: string[] = [node, '--permission', '--allow-fs-read=*', ...flags, localShop(box, 100)]
    const ended = await box.spawn(command).ended
    assert.deepEqual([ended.status, ended.stdout], [0, DONE], ended.stderr)
    const said = ended.stderr.split('\n').filter(line => line.startsWith('kymograph: '))
    assert.equal(said.length, 1, ended.stderr)
    assert.match(said[0] as string, /cannot be recorded: .*cannot make .*ERR_ACCESS_DENIED/)
  }
})

test('--permission with files alone: one line names what is missing, and a recorder does no harm', async t => {
  const node = permissionNode(t)
  if (node === undefined) return
  const box = new Sandbox(t)
  const end = `process.stdin.on('data', () => { order(1); process.stdout.write('hit\\n') })
    setInterval(() => {}, 1000)`
  const flags = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*']
  const program = box.spawn([node, ...flags, localShop(box, 100, end)])
  assert.equal(await program.line(), DONE.trim())
  const missing = /^kymograph: this program cannot be recorded: .*addons.*needs --allow-worker\n/
  assert.match(program.stderr, missing)
  const recorder = await box.attach('-e', 'shop:*')
  for (let n = 0; n < 3; n++) assert.equal(await program.ask('hit'), 'hit')
  await recorder.stop()
  assert.equal(await program.ask('hit'), 'hit')
  program.process.stdin.end()
  assert.equal(program.process.exitCode, null, program.stderr)
  const recorded = await box.record(['-e', 'shop:*'], [node, ...flags, localShop(box, 100)])
  assert.deepEqual([recorded.status, recorded.stdout], [0, DONE], recorded.stderr)
  assert.match(recorded.stderr, missing)
})
