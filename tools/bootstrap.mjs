/**
 * From a fresh checkout to something that runs, on a machine with Node and npm alone:
 *
 *     node tools/bootstrap.mjs start|test|bench|build [arguments]
 *
 * Installs what package-lock.json asks for, compiles what has changed, then runs. The `node` that runs this
 * file runs everything else too: one checkout is used with several Node versions in turn, and the `node` of
 * the PATH may be another one. npm is needed only where node_modules does not match the lock file.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const DIST = path.join(ROOT, 'dist')
const STAMP = path.join(DIST, '.stamp')
/** Comes after the compiler, where there is one. */
const BUNDLER = path.join(ROOT, 'tools/bundle.mjs')
const LOCK = path.join(DIST, '.building')
const MIN_NODE = [20, 19]
/** How long a second bootstrap in the same checkout waits for the first one to finish compiling. */
const LOCK_WAIT_MS = 300_000

const RUNS = {
  start: 'examples/start.mjs',
  test: 'tools/test.mjs',
  bench: 'bench/run.mjs',
}

/** One line for a Node that cannot run Kymograph, or undefined. */
export function nodeTooOld(version) {
  const [major, minor] = version.split('.').map(Number)
  if (major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])) return undefined
  return `kymograph needs Node ${MIN_NODE.join('.')} or newer: this is ${version}`
}

/** The first dependency of the lock file that node_modules does not hold, or undefined. */
export function missingDependency(root) {
  const wanted = readJson(path.join(root, 'package-lock.json'))?.packages ?? {}
  const installed = readJson(path.join(root, 'node_modules/.package-lock.json'))?.packages
  for (const [where, entry] of Object.entries(wanted)) {
    if (where === '') continue
    if (installed === undefined) return where
    const present = installed[where]
    if (present === undefined && entry.optional) continue // for another system: npm leaves it out
    if (present?.version !== entry.version || present.integrity !== entry.integrity) return where
    if (!fs.existsSync(path.join(root, where, 'package.json'))) return where
  }
  return undefined
}

/**
 * Installs the versions of the lock file. Not by `npm ci`: that refuses a lock file without the optional
 * packages of every other system (biome's), which a registry that holds only some of them leaves out.
 */
function install() {
  const missing = missingDependency(ROOT)
  if (missing === undefined) return
  say(`installing dependencies (${missing} is not what package-lock.json asks for)`)
  const [command, ...first] = npm()
  const args = [
    ...first,
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' })
  const still = status === 0 ? missingDependency(ROOT) : missing
  if (still === undefined) return
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`)
  if (error?.code === 'ENOENT') fail('npm is needed to install dependencies: it was not found')
  fail(status === 0 ? `npm install left ${still} unlike package-lock.json` : 'npm install failed')
}

/** npm as a script of this very Node where it can be found, else as whatever the PATH has. */
function npm() {
  const beside = path.join(path.dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js')
  const script = [process.env.npm_execpath, beside].find(
    file => file?.endsWith('npm-cli.js') && fs.existsSync(file),
  )
  return script ? [process.execPath, script] : ['npm']
}

/** Compiles if any source, or any output, is not what the last compilation left. False: there were errors. */
function build() {
  fs.mkdirSync(DIST, { recursive: true })
  return locked(() => {
    removeStale()
    const last = readJson(STAMP)
    const sources = sourceHash()
    const lost = last === undefined || last.outputs.some(file => !fs.existsSync(path.join(ROOT, file)))
    let ok = true
    // Incremental compilation knows what changed, but not which of its outputs are still there.
    if (lost || last.sources !== sources) {
      const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc')
      const args = [tsc, '-b', ...(lost ? ['--force'] : [])]
      ok = succeeds(args) && (!fs.existsSync(BUNDLER) || succeeds([BUNDLER]))
      const outputs = walk('dist').filter(file => file.endsWith('.js'))
      fs.writeFileSync(STAMP, JSON.stringify({ sources: ok ? sources : 'had errors', outputs }))
    }
    const main = path.join(DIST, 'cli/main.js')
    if (fs.existsSync(main)) fs.chmodSync(main, 0o755)
    return ok
  })
}

function succeeds(args) {
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status === 0
}

/** What a compilation depends on: paths, sizes and times, not contents, so that looking costs milliseconds. */
function sourceHash() {
  const hash = createHash('sha256')
  const settings = fs.readdirSync(ROOT).filter(name => /^(tsconfig.*|package-lock)\.json$/.test(name))
  if (fs.existsSync(BUNDLER)) settings.push('tools/bundle.mjs')
  for (const file of [...settings, ...walk('src').filter(name => name.endsWith('.ts'))].sort()) {
    const { mtimeMs, size } = fs.statSync(path.join(ROOT, file))
    hash.update(`${file}\0${mtimeMs}\0${size}\n`)
  }
  return hash.digest('hex')
}

/** Removes what was compiled from sources that are gone: a deleted test must not go on running. */
function removeStale() {
  for (const file of walk('dist')) {
    const output = /^dist\/(.*?)(?:\.d\.ts|\.js)(?:\.map)?$/.exec(file)
    if (output !== null && !fs.existsSync(path.join(ROOT, `src/${output[1]}.ts`)))
      fs.rmSync(path.join(ROOT, file))
  }
}

/** Runs `action` while no other bootstrap compiles in this checkout. */
function locked(action) {
  const deadline = Date.now() + LOCK_WAIT_MS
  while (!tryLock()) {
    if (Date.now() > deadline)
      fail(`another build has held ${path.relative(ROOT, LOCK)} for ${LOCK_WAIT_MS} ms`)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
  }
  try {
    return action()
  } finally {
    fs.rmSync(LOCK, { force: true })
  }
}

function tryLock() {
  try {
    fs.writeFileSync(LOCK, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  const holder = Number(readText(LOCK))
  // An empty file is a lock whose holder has not written its number yet.
  if (holder > 0 && !isAlive(holder)) fs.rmSync(LOCK, { force: true })
  return false
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Runs a script in the foreground and ends as it ends. */
function run(script, args, built) {
  if (!fs.existsSync(path.join(ROOT, script))) fail(`${script} does not exist`)
  const child = spawn(process.execPath, [path.join(ROOT, script), ...args], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    if (!built) say('the build has errors (see above): what ran may be old')
    process.exitCode = signal !== null || !built ? code || 1 : code
  })
}

/** Files below a folder of the project, as paths with `/` from the project's root, sorted. */
function walk(folder) {
  const found = []
  for (const entry of fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true })) {
    const file = `${folder}/${entry.name}`
    if (entry.isDirectory()) found.push(...walk(file))
    else found.push(file)
  }
  return found.sort()
}

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function readJson(file) {
  const text = readText(file)
  return text === undefined ? undefined : JSON.parse(text)
}

function say(text) {
  process.stderr.write(`kymograph: ${text}\n`)
}

function fail(text) {
  say(text)
  process.exit(1)
}

function main([verb, ...args]) {
  const old = nodeTooOld(process.versions.node)
  if (old !== undefined) fail(old)
  if (verb !== 'build' && !Object.hasOwn(RUNS, verb ?? '')) {
    fail('usage: node tools/bootstrap.mjs start|test|bench|build [arguments]')
  }
  install()
  const built = build()
  // Tests run after a failed build too: one broken folder must not hide what the others say.
  if (verb === 'build' || (!built && verb !== 'test')) process.exitCode = built ? 0 : 1
  else run(RUNS[verb], args, built)
}

if (process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2))
}
