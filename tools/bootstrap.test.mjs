import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { missingDependency, nodeTooOld } from './bootstrap.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const TSCONFIG = {
  compilerOptions: { rootDir: 'src', outDir: 'dist', composite: true, types: [], lib: ['es2023'] },
}

/** A project of its own, with this bootstrap and this checkout's compiler. */
class Project {
  constructor(t) {
    this.root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'kymo-bootstrap-')))
    t.after(() => fs.rmSync(this.root, { recursive: true }))
    fs.mkdirSync(this.at('node_modules'))
    fs.symlinkSync(path.join(ROOT, 'node_modules/typescript'), this.at('node_modules/typescript'))
    this.write('package.json', '{"type":"module"}')
    this.write('package-lock.json', '{"packages":{"":{}}}')
    this.write('tsconfig.json', JSON.stringify({ ...TSCONFIG, include: ['src'] }))
    this.write('tools/bootstrap.mjs', fs.readFileSync(path.join(ROOT, 'tools/bootstrap.mjs')))
    this.write('src/cli/main.ts', 'export const a = 1\n')
    this.write('src/gone.test.ts', 'export const b = 1\n')
    this.write('examples/start.mjs', 'console.log(process.argv.slice(2).join(), process.execPath)\n')
  }

  at(name) {
    return path.join(this.root, name)
  }

  write(name, content) {
    fs.mkdirSync(path.dirname(this.at(name)), { recursive: true })
    fs.writeFileSync(this.at(name), content)
  }

  bootstrap(...args) {
    // No PATH: whatever runs is the Node that runs this test.
    const options = { encoding: 'utf8', env: { PATH: '' } }
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [this.at('tools/bootstrap.mjs'), ...args],
      options,
    )
    return { status, stdout, stderr }
  }
}

test('a Node that is too old gets one line', () => {
  assert.equal(nodeTooOld('18.20.4'), 'kymograph needs Node 20.19 or newer: this is 18.20.4')
  assert.equal(nodeTooOld('20.18.3'), 'kymograph needs Node 20.19 or newer: this is 20.18.3')
  for (const version of ['20.19.0', '22.0.0', '26.10.0']) assert.equal(nodeTooOld(version), undefined)
})

test('a dependency of another version, or none at all, is missing', t => {
  const project = new Project(t)
  const lock = {
    packages: {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { version: '1.0.0', optional: true },
    },
  }
  project.write('package-lock.json', JSON.stringify(lock))
  assert.equal(missingDependency(project.root), 'node_modules/a')
  project.write('node_modules/.package-lock.json', '{"packages":{"node_modules/a":{"version":"0.9.0"}}}')
  assert.equal(missingDependency(project.root), 'node_modules/a')
  project.write('node_modules/.package-lock.json', '{"packages":{"node_modules/a":{"version":"1.0.0"}}}')
  assert.equal(missingDependency(project.root), 'node_modules/a', 'listed, but not there')
  project.write('node_modules/a/package.json', '{}')
  assert.equal(missingDependency(project.root), undefined, 'an optional one may be absent')
})

test('start compiles, then runs the example with the same Node and the arguments', t => {
  const project = new Project(t)
  const ran = project.bootstrap('start', 'a', '--b')
  assert.deepEqual(ran, { status: 0, stdout: `a,--b ${process.execPath}\n`, stderr: '' })
  assert.equal(fs.statSync(project.at('dist/cli/main.js')).mode & 0o111, 0o111)
})

test('a build follows what was changed, deleted or lost', t => {
  const project = new Project(t)
  assert.equal(project.bootstrap('build').status, 0)
  const compiledAt = () => fs.statSync(project.at('dist/cli/main.js')).mtimeMs
  const first = compiledAt()
  assert.equal(project.bootstrap('build').status, 0)
  assert.equal(compiledAt(), first, 'nothing changed')

  fs.rmSync(project.at('src/gone.test.ts'))
  assert.equal(project.bootstrap('build').status, 0)
  assert.deepEqual(
    fs.readdirSync(project.at('dist')).filter(name => name.startsWith('gone')),
    [],
  )

  fs.rmSync(project.at('dist/cli/main.js'))
  assert.equal(project.bootstrap('build').status, 0)
  assert.ok(fs.existsSync(project.at('dist/cli/main.js')), 'a lost output is compiled again')
})

test('errors of the compiler are printed and are the exit code; the lock of a dead build does not last', t => {
  const project = new Project(t)
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  project.write('dist/.building', String(pid))
  project.write('src/cli/main.ts', 'export const a: string = 1\n')
  const broken = project.bootstrap('start')
  assert.equal(broken.status, 1)
  assert.match(broken.stdout, /main\.ts.*error.*TS2322/)
  project.write('src/cli/main.ts', 'export const a: string = "1"\n')
  assert.equal(project.bootstrap('build').status, 0)
  assert.equal(fs.existsSync(project.at('dist/.building')), false)
})

test('an unknown verb, a missing script and a missing npm get one line each', t => {
  const project = new Project(t)
  const usage = 'kymograph: usage: node tools/bootstrap.mjs start|test|bench|build [arguments]\n'
  assert.deepEqual(project.bootstrap('stop'), { status: 1, stdout: '', stderr: usage })
  const bench = project.bootstrap('bench')
  assert.deepEqual([bench.status, bench.stderr], [1, 'kymograph: bench/run.mjs does not exist\n'])

  // A copy of Node with no npm beside it.
  const lone = project.at('bin/node')
  fs.mkdirSync(project.at('bin'))
  fs.copyFileSync(process.execPath, lone)
  project.write('package-lock.json', '{"packages":{"":{},"node_modules/a":{"version":"1.0.0"}}}')
  const options = { encoding: 'utf8', env: { PATH: '' } }
  const { status, stderr } = spawnSync(lone, [project.at('tools/bootstrap.mjs'), 'test'], options)
  assert.deepEqual(
    [status, stderr.split('\n').slice(0, 2)],
    [
      1,
      [
        'kymograph: installing dependencies (node_modules/a is not what package-lock.json asks for)',
        'kymograph: npm is needed to install dependencies: it was not found',
      ],
    ],
  )
})
