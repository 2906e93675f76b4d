import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isPackageManager } from './package-manager.ts'

const preload = new URL('./preload.js', import.meta.url)
const BY = {
  import: `--import=${preload.href}`,
  require: `--require=${fileURLToPath(preload)}`,
}
const COPY = `globalThis[Symbol.for('kymograph.copy')]`
/** What is loaded, as a program can see it. */
const SEE = `console.error(${COPY} === undefined ? 'nothing' : ${COPY}.includes('foreign') ? 'foreign' : 'own')`

const RUN = mkdtempSync(join(tmpdir(), 'kymo-run-'))
after(() => rmSync(RUN, { recursive: true }))

function inFolder(body: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'kymo-preload-'))
  try {
    body(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function put(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

function run(option: string, ...args: string[]): string {
  const { NODE_OPTIONS: _, ...env } = process.env
  const result = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    cwd: tmpdir(),
    env: { ...env, NODE_OPTIONS: option, KYMO_RUNDIR: RUN },
  })
  return result.stderr.trim()
}

/** A kymograph of the program's own, which says no more than who it is. */
function installForeign(folder: string): void {
  const home = join(folder, 'node_modules/kymograph')
  const exports = { './auto': './auto.js', './package.json': './package.json' }
  put(
    join(home, 'package.json'),
    JSON.stringify({ name: 'kymograph', version: '9.9.9', type: 'module', exports }),
  )
  put(join(home, 'auto.js'), `${COPY} = 'foreign'`)
}

for (const [by, option] of Object.entries(BY)) {
  test(`by --${by}: programs of both kinds, by file, by folder and without one`, () =>
    inFolder(folder => {
      assert.equal(run(option, put(join(folder, 'a.cjs'), SEE)), 'own')
      assert.equal(run(option, put(join(folder, 'a.mjs'), SEE)), 'own')
      assert.equal(run(option, '-e', SEE), 'own')
      put(join(folder, 'index.js'), SEE)
      assert.equal(run(option, folder), 'own')
    }))

  test(`by --${by}: the copy of the program goes before this one, by links too`, () =>
    inFolder(folder => {
      installForeign(folder)
      const main = put(join(folder, 'bin/a.cjs'), SEE)
      assert.equal(run(option, main), 'foreign')
      const elsewhere = mkdtempSync(join(tmpdir(), 'kymo-link-'))
      symlinkSync(main, join(elsewhere, 'a'))
      assert.equal(run(option, join(elsewhere, 'a')), 'foreign')
      rmSync(elsewhere, { recursive: true })
      put(join(folder, 'index.js'), SEE)
      assert.equal(run(option, folder), 'foreign')
      assert.equal(run(option, join(folder, 'index')), 'foreign')
    }))

  test(`by --${by}: package managers and their workers are left alone`, () =>
    inFolder(folder => {
      const worker = `new (require('worker_threads').Worker)(${JSON.stringify(put(join(folder, 'w.cjs'), SEE))})`
      const npm = put(join(folder, 'node_modules/npm/bin/npm-cli.js'), `${SEE};${worker}`)
      assert.equal(run(option, npm), 'nothing\nnothing')
    }))

  test(`by --${by}: workers by file load the same copy`, () =>
    inFolder(folder => {
      installForeign(folder)
      const file = JSON.stringify(put(join(folder, 'w.cjs'), SEE))
      assert.equal(
        run(option, put(join(folder, 'a.cjs'), `new (require('worker_threads').Worker)(${file})`)),
        'foreign',
      )
    }))

  test(`by --${by}: a copy that cannot be loaded costs one line`, () =>
    inFolder(folder => {
      installForeign(folder)
      put(join(folder, 'node_modules/kymograph/auto.js'), `throw new Error('broken\\nmore')`)
      const main = put(join(folder, 'a.cjs'), SEE)
      assert.equal(run(option, main), 'kymograph: a.cjs runs without instruments: broken\nnothing')
    }))
}

test('workers made of a string are reached by --require, not by --import', () =>
  inFolder(folder => {
    const code = `new (require('worker_threads').Worker)(${JSON.stringify(SEE)}, { eval: true })`
    const main = put(join(folder, 'a.cjs'), code)
    assert.equal(run(BY.require, main), 'own')
    assert.equal(run(BY.import, main), 'nothing')
  }))

test('what a package manager is', () => {
  const yes = [
    '/usr/lib/node_modules/npm/bin/npm-cli.js',
    '/usr/lib/node_modules/npm/bin/npx-cli.js',
    '/usr/lib/node_modules/corepack/dist/pnpm.js',
    '/home/u/.cache/node/corepack/v1/pnpm/9.1.0/bin/pnpm.cjs',
    '/x/node_modules/@yarnpkg/cli-dist/bin/yarn.js',
    '/x/.yarn/releases/yarn-4.5.0.cjs',
    'C:\\Program Files\\nodejs\\node_modules\\npm\\bin\\npm-cli.js',
  ]
  const no = [
    '/app/yarn.js',
    '/app/npm.mjs',
    '/app/node_modules/npm/lib/other.js',
    '/home/pnpm/app/main.js',
    '/npm',
  ]
  for (const script of yes) assert.ok(isPackageManager(script), script)
  for (const script of no) assert.ok(!isPackageManager(script), script)
})
