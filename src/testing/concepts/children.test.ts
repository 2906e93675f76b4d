/** Programs that know nothing of tracing: the files that these tests write import nothing of ours. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { needs } from '../needs.ts'
import { babeltrace2, counts, numberIn, Sandbox, stampedEvents, until } from './sandbox.ts'

const NODE = process.execPath

/** The numbers that a program says: `name 123` lines. */
function pids(stdout: string, name: string): number[] {
  return [...stdout.matchAll(new RegExp(`^${name} (\\d+)$`, 'gm'))]
    .map(match => Number(match[1]))
    .sort((a, b) => a - b)
}

/** One folder per process, named after it. */
function tracedPids(trace: string): number[] {
  const folders = readdirSync(join(trace, 'ust/pid'))
  return folders.map(name => Number(/-(\d+)-\d{8}-\d{6}$/.exec(name)?.[1])).sort((a, b) => a - b)
}

test('worker threads have rings of their own in the trace of their process', async t => {
  if (!needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const main = box.file(
    'main.cjs',
    `const { Worker, isMainThread } = require('node:worker_threads')
     for (let i = 0; i < 50; i++) console.log('not said in the trace')
     if (isMainThread) {
       new Worker(__filename)
       new Worker('for (let i = 0; i < 50; i++) console.warn("two")', { eval: true })
       new Worker(new URL('data:text/javascript,for (let i = 0; i < 50; i++) console.error("three")'))
     }`,
  )
  const { result, status } = await box.record(
    ['-e', 'console:log,console:warn,console:error,node_worker:*'],
    [NODE, main],
  )
  assert.equal(status, 0)
  assert.deepEqual([result.programs.length, result.programs[0]?.threads], [1, 4])
  const { 'node_worker:start': starts, 'node_worker:exit': exits } = counts(result)
  assert.deepEqual([starts, exits], [3, 3])
  const threads = new Map<number, number>()
  for (const { name, text } of stampedEvents(box.trace)) {
    if (!name.startsWith('console:')) continue
    const vtid = numberIn(text, 'vtid')
    threads.set(vtid, (threads.get(vtid) ?? 0) + 1)
  }
  assert.deepEqual([...threads.values()], [50, 50, 50, 50])
})

test('a cluster is one recording with a trace for each of its processes', async t => {
  if (!needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const main = box.file(
    'main.mjs',
    `import cluster from 'node:cluster'
     import http from 'node:http'
     console.log((cluster.isPrimary ? 'primary ' : 'worker ') + process.pid)
     if (cluster.isPrimary) {
       cluster.fork(); cluster.fork()
       let listening = 0
       cluster.on('listening', async (worker, { port }) => {
         if (++listening < 2) return
         for (let i = 0; i < 10; i++) await (await fetch('http://127.0.0.1:' + port + '/secret?key=1')).text()
         for (const id in cluster.workers) cluster.workers[id].process.kill('SIGTERM')
       })
     } else http.createServer((request, response) => response.end('ok')).listen(0, '127.0.0.1')`,
  )
  const { result, stdout, stderr } = await box.record([], [NODE, main])
  const expected = [...pids(stdout, 'primary'), ...pids(stdout, 'worker')].sort((a, b) => a - b)
  assert.equal(expected.length, 3, stderr)
  assert.deepEqual(tracedPids(box.trace), expected)
  const { 'node_http:server_request_start': starts, 'node_http:server_request_end': ends } = counts(result)
  assert.deepEqual([starts, ends], [10, 10])
  const { lines, stderr: said } = babeltrace2(box.trace)
  assert.equal(said, '')
  assert.equal(lines.length, result.recorded)
  assert.ok(lines.every(line => !line.includes('key=1')))
})

test('fork, spawn of node and npm run are recorded with their parent, in CommonJS and in modules', async t => {
  if (!needs(t, 'npm')) return
  const box = new Sandbox(t)
  box.file('package.json', JSON.stringify({ private: true, scripts: { x: 'node child.mjs by-npm' } }))
  box.file(
    'child.mjs',
    "process.stdout.write(process.argv[2] + ' ' + process.pid + '\\n'); process.exitCode = 4",
  )
  box.file('child.cjs', "process.stdout.write(process.argv[2] + ' ' + process.pid + '\\n')")
  const main = box.file(
    'main.mjs',
    `import { execFileSync, fork, spawn, spawnSync } from 'node:child_process'
     import { once } from 'node:events'
     process.stdout.write('main ' + process.pid + '\\n')
     await once(fork('./child.mjs', ['by-fork']), 'exit')
     await once(fork('./child.cjs', ['by-fork']), 'exit')
     await once(spawn('node', ['child.cjs', 'by-spawn'], { stdio: 'inherit' }), 'exit')
     spawnSync(process.execPath, ['child.mjs', 'by-spawn'], { stdio: 'inherit' })
     execFileSync('sh', ['-c', 'node child.cjs by-shell'], { stdio: 'inherit' })
     spawnSync('npm', ['run', '--silent', 'x'], { stdio: 'inherit' })
     spawnSync('true')`,
  )
  const { result, stdout, stderr } = await box.record(['-e', 'node_process:*'], [NODE, main])
  const names = { main: 1, 'by-fork': 2, 'by-spawn': 2, 'by-shell': 1, 'by-npm': 1 }
  const expected: number[] = []
  for (const [name, count] of Object.entries(names)) {
    assert.equal(pids(stdout, name).length, count, `${name}: ${stderr}`)
    expected.push(...pids(stdout, name))
  }
  assert.deepEqual(
    tracedPids(box.trace),
    expected.sort((a, b) => a - b),
  )
  assert.deepEqual(counts(result), { 'node_process:start': 7, 'node_process:exit': 7 })
})

test('npm run as the recorded command: what npm starts is recorded, with its exit code', async t => {
  if (!needs(t, 'npm')) return
  const box = new Sandbox(t)
  box.file('package.json', JSON.stringify({ private: true, scripts: { x: 'node child.cjs' } }))
  box.file('child.cjs', "process.stdout.write('child ' + process.pid + '\\n'); process.exit(9)")
  const { status, stdout } = await box.record(['-e', 'node_process:*'], ['npm', 'run', '--silent', 'x'])
  assert.equal(status, 9)
  assert.deepEqual(tracedPids(box.trace), pids(stdout, 'child'))
})

test('node --watch: each start of the program has a trace of its own', async t => {
  const box = new Sandbox(t)
  const app = box.file(
    'app.mjs',
    "process.stdout.write('app ' + process.pid + '\\n'); setInterval(() => {}, 1000)",
  )
  const summary = join(box.path, 'sum.json')
  const main = join(import.meta.dirname, '../../cli/main.js')
  const args = ['record', '-o', box.trace, '--summary', summary, '-e', 'node_process:start', '--']
  const recorder = box.spawn([NODE, main, ...args, NODE, '--watch', app])
  await recorder.says(/app \d+\n/)
  let touched = 0
  await until('a second start', () => {
    // Again after a while: it may not have watched yet.
    if (touched++ % 200 === 0) utimesSync(app, new Date(), new Date())
    return pids(recorder.stdout, 'app').length >= 2
  })
  recorder.kill('SIGTERM')
  await recorder.ended
  const apps = pids(recorder.stdout, 'app')
  for (const pid of apps.slice(0, 2)) assert.ok(tracedPids(box.trace).includes(pid), `${pid}`)
  for (const pid of apps) await until(`the end of ${pid}`, () => !existsSync(`/proc/${pid}`))
})

test('exit codes and signals are those of the program', async t => {
  for (const [script, status] of [
    ['process.exitCode = 7', 7],
    ['process.exit(0)', 0],
    ['throw new Error("a bug")', 1],
    ['Promise.reject(new Error("a bug"))', 1],
    ["process.kill(process.pid, 'SIGTERM')", 128 + 15],
    ["process.kill(process.pid, 'SIGKILL')", 128 + 9],
    [
      "process.on('SIGINT', () => process.exit(3)); process.kill(process.pid, 'SIGINT'); setInterval(() => {}, 100)",
      3,
    ],
  ] as const) {
    const box = new Sandbox(t)
    const plain = await box.spawn([NODE, '-e', script]).ended
    const { status: ended, result, stderr, stdout } = await box.record([], [NODE, '-e', script])
    assert.equal(ended, status, script)
    assert.equal(stdout, plain.stdout)
    // What the program says of itself is said as before, but for the frames that loaded it; only our table follows.
    const said = plain.stderr.replace(/\[SIG\w+\]$/, '').split('\n    at ')[0] as string
    assert.ok(stderr.startsWith(said), `${plain.stderr} ${stderr}`)
    assert.equal(counts(result)['node_process:start'], 1)
  }
})

test('a signal to the recorder reaches the program, which ends as it likes', async t => {
  const box = new Sandbox(t)
  const script = `process.on('SIGTERM', () => { console.log('told'); process.exit(5) })
    process.stdout.write('ready\\n'); setInterval(() => {}, 1000)`
  const summary = join(box.path, 'sum.json')
  const main = join(import.meta.dirname, '../../cli/main.js')
  const recorder = box.spawn([
    NODE,
    main,
    'record',
    '-o',
    box.trace,
    '--summary',
    summary,
    '--',
    NODE,
    '-e',
    script,
  ])
  await recorder.says(/ready/)
  recorder.kill('SIGTERM')
  const { status, stdout } = await recorder.ended
  assert.deepEqual([status, stdout], [5, 'ready\ntold\n'])
  const { 'node_process:signal': signals, 'node_process:exit': exits } = counts(
    JSON.parse(readFileSync(summary, 'utf8')),
  )
  assert.deepEqual([signals, exits], [1, 1])
})

test('a grandchild that outlives the command is recorded until then, and goes on unharmed', async t => {
  const box = new Sandbox(t)
  const done = join(box.path, 'done')
  box.file(
    'grandchild.cjs',
    `const fs = require('node:fs')
     for (let i = 0; i < 10; i++) console.log('before')
     fs.writeFileSync('hit', String(process.pid))
     const wait = setInterval(() => {
       console.log('during or after')
       if (!fs.existsSync('go') && fs.existsSync('hit')) return
       clearInterval(wait)
       for (let i = 0; i < 1000; i++) console.log('after')
       fs.writeFileSync('done', 'done')
     }, 10)`,
  )
  const main = box.file(
    'main.cjs',
    `const { spawn } = require('node:child_process')
     const fs = require('node:fs')
     spawn(process.execPath, ['grandchild.cjs'], { detached: true, stdio: 'ignore' }).unref()
     const wait = setInterval(() => { if (fs.existsSync('hit')) clearInterval(wait) }, 10)`,
  )
  const { result, status } = await box.record(['-e', 'console:*'], [NODE, main])
  const pid = Number(readFileSync(join(box.path, 'hit'), 'utf8'))
  assert.equal(status, 0)
  assert.ok(result.recorded >= 10)
  assert.deepEqual(result.discarded, {})
  assert.deepEqual(tracedPids(box.trace), [pid])
  assert.ok(existsSync(`/proc/${pid}`))
  box.file('go', '')
  await until('the end of the grandchild', () => existsSync(done) && !existsSync(`/proc/${pid}`))
})
