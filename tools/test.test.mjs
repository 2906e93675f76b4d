import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { listTests } from './test.mjs'

/** A project of its own with these files and the runner's. */
function project(t, files) {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'kymo-test-')))
  t.after(() => fs.rmSync(root, { recursive: true }))
  for (const name of ['test.mjs', 'report.mjs']) {
    files[`tools/${name}`] = fs.readFileSync(fileURLToPath(new URL(name, import.meta.url)))
  }
  for (const [name, content] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
    fs.writeFileSync(path.join(root, name), content)
  }
  return root
}

function runTests(root, ...args) {
  return spawnSync(process.execPath, [path.join(root, 'tools/test.mjs'), ...args], { encoding: 'utf8' })
}

const SKIPS = `import test, { describe, it } from 'node:test'
test('outer', async t => {
  await t.test('inner', t => t.skip('needs babeltrace2, which is not installed'))
})
describe('suite', () => { it.skip('b', () => {}) })
test('runs', () => {})
`

test('a filter is part of a path, of the source or of what it became', t => {
  const root = project(t, {
    'dist/ring/a.test.js': '',
    'dist/ctf/b.test.js': '',
    'dist/ring/a.js': '',
    'tools/c.test.mjs': '',
  })
  assert.deepEqual(listTests(root, []), ['dist/ctf/b.test.js', 'dist/ring/a.test.js', 'tools/c.test.mjs'])
  assert.deepEqual(listTests(root, ['ring']), ['dist/ring/a.test.js'])
  assert.deepEqual(listTests(root, ['src/ctf/b.test.ts', 'tools']), [
    'dist/ctf/b.test.js',
    'tools/c.test.mjs',
  ])
  const none = runTests(root, 'nothing')
  assert.deepEqual([none.status, none.stderr], [1, 'no test file has nothing in its path\n'])
})

test('skipped tests are listed by name at the end, and the counts are printed', t => {
  const { status, stdout } = runTests(project(t, { 'dist/a.test.js': SKIPS }))
  assert.equal(status, 0)
  assert.match(stdout, /^ℹ skipped 2$/m)
  assert.equal(
    stdout.slice(stdout.indexOf('Skipped, by name:')),
    `Skipped, by name:
  dist/a.test.js: outer > inner (needs babeltrace2, which is not installed)
  dist/a.test.js: suite > b (no reason given)
`,
  )
})

test('a failure is the exit code', t => {
  const failing = "import test from 'node:test'\ntest('x', () => { throw new Error('no') })\n"
  const { status, stdout } = runTests(project(t, { 'dist/a.test.js': failing }))
  assert.equal(status, 1)
  assert.match(stdout, /^ℹ fail 1$/m)
})

test('a file that blocks, and a process left behind with the pipe in hand, are ended at the limit', t => {
  const leaving = `import { spawn } from 'node:child_process'
import test from 'node:test'
test('x', () => {
  spawn(process.execPath, ['-e', 'setTimeout(() => {}, 600000)', 'left behind'], { stdio: 'inherit' }).unref()
})
`
  const blocking = "import test from 'node:test'\ntest('y', () => { for (;;); })\n"
  const root = project(t, { 'dist/a.test.js': leaving, 'dist/b.test.js': blocking })
  const { status, stderr } = runTests(root, '--test-timeout=1000')
  assert.equal(status, 1)
  assert.match(stderr, /^ended after \d+ s: .* left behind$/m)
})
