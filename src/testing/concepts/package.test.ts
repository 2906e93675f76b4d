/** What `npm pack` makes, installed as a stranger would. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import type { SessionResult } from '../../consumer/index.ts'
import { needs } from '../needs.ts'
import { ROOT } from './copies.ts'
import { babeltrace2, counts, Sandbox } from './sandbox.ts'

const MAX_BYTES = 15 * 1024 * 1024
const NPM_QUIET = ['--no-audit', '--no-fund', '--loglevel=error', '--ignore-scripts']

const PROGRAMS: Readonly<Record<string, string>> = {
  'order.mjs': `import { i32, tracepoint } from 'kymograph'
    import { createRequire } from 'node:module'
    const order = tracepoint('shop:order', i32('n'))
    for (let n = 0; n < 100; n++) order(n)
    // one copy, whichever way it is loaded
    console.assert(createRequire(import.meta.url)('kymograph').tracepoint === tracepoint)`,
  'order.cjs': `const { i32, tracepoint } = require('kymograph')
    const order = tracepoint('shop:order', i32('n'))
    for (let n = 0; n < 100; n++) order(n)`,
}

const TYPED = `import { i32, marker, str, tracepoint, u64 } from 'kymograph'
import 'kymograph/auto'
const order = tracepoint('shop:order', u64('id'), str('customer'), i32('items'))
order(17, 'Ada', 3)
// @ts-expect-error a string is no number
order('17', 'Ada', 3)
const switched = marker('sched:switch', 'prev_pid %d next_pid %d')
switched(1, 2)
`

function size(path: string): number {
  const stat = lstatSync(path)
  if (!stat.isDirectory()) return stat.size
  return readdirSync(path).reduce((sum, name) => sum + size(join(path, name)), stat.size)
}

test('the packed tarball installs without scripts into an empty folder, is small, and works', async t => {
  if (!needs(t, 'npm') || !needs(t, 'babeltrace2')) return
  const box = new Sandbox(t)
  const folder = join(box.path, 'empty')
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{ "name": "stranger", "private": true }\n')
  const npm = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync('npm', args, { cwd: folder, env: box.env, encoding: 'utf8' })

  const packed = npm('pack', ROOT, '--json', ...NPM_QUIET)
  assert.equal(packed.status, 0, packed.stderr)
  const [{ filename, files }] = JSON.parse(packed.stdout) as [{ filename: string; files: { path: string }[] }]
  const strangers = files.filter(({ path }) => /\.(test|types|bench|contract)\.|\/testing\//.test(path))
  assert.deepEqual(strangers, [], 'tests are not published')

  const installed = npm('install', join(folder, filename), '--prefer-offline', ...NPM_QUIET)
  if (/E(NOTFOUND|AI_AGAIN|CONNREFUSED|TIMEDOUT)|network/.test(installed.stderr)) {
    t.skip('needs a registry that npm install can reach')
    return
  }
  assert.equal(installed.status, 0, installed.stderr)
  const bytes = size(join(folder, 'node_modules'))
  assert.ok(bytes <= MAX_BYTES, `${bytes} bytes`)

  for (const [name, text] of Object.entries(PROGRAMS)) {
    writeFileSync(join(folder, name), text)
    const output = join(folder, `trace-${name}`)
    const args = ['record', '-o', output, '--summary', `${output}.json`, '-e', 'shop:*', '--', 'node', name]
    const recorded = spawnSync('npx', ['kymograph', ...args], { cwd: folder, env: box.env, encoding: 'utf8' })
    assert.equal(recorded.status, 0, recorded.stderr)
    const result = JSON.parse(readFileSync(`${output}.json`, 'utf8')) as SessionResult
    assert.deepEqual(counts(result), { 'shop:order': 100 })
    assert.equal(babeltrace2(output).lines.length, 100)
    assert.doesNotMatch(recorded.stderr, /copy|Assertion/)
  }

  for (const [module, ...sources] of [
    ['nodenext', 'typed.mts', 'typed.cts'],
    ['preserve', 'bundled.ts'],
  ] as const) {
    for (const file of sources) writeFileSync(join(folder, file), TYPED)
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
    const types = ['--typeRoots', dirname(join(ROOT, 'node_modules/@types/node')), '--types', 'node']
    const options = ['--noEmit', '--strict', '--target', 'es2023', '--module', module, ...types]
    const compiled = spawnSync(process.execPath, [compiler, ...options, ...sources], {
      cwd: folder,
      encoding: 'utf8',
    })
    assert.equal(compiled.stdout, '', module)
  }
})
