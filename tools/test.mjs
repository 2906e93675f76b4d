/**
 * Runs the tests under the Node that runs this file: `node tools/test.mjs [part of a path …] [--test-…]`.
 * A test file runs if its path contains one of the parts (`ring`, `src/ring/layout.test.ts`); the files are
 * listed here because the globs of `node --test` differ between versions.
 */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
/** Two cores are what CI has; tests of races bring threads of their own. */
const CONCURRENCY = 2
/** For one file: a test that hangs fails here and not where CI loses its patience. `KYMO_LONG=1` lifts it. */
const LIMIT_MS = 180_000
const LIMIT_FLAG = '--test-timeout='
/** What /proc counts in, on every Linux. */
const TICKS_PER_S = 100

/** Compiled tests and the tools' own, as paths from the root. */
export function listTests(root, parts) {
  const found = []
  for (const [folder, ending] of [
    ['dist', '.test.js'],
    ['tools', '.test.mjs'],
  ]) {
    if (!fs.existsSync(path.join(root, folder))) continue
    for (const name of fs.readdirSync(path.join(root, folder), { recursive: true })) {
      if (name.endsWith(ending)) found.push(`${folder}/${name}`)
    }
  }
  const source = file => file.replace(/^dist\/(.*)\.js$/, 'src/$1.ts')
  const wanted = file => parts.some(part => file.includes(part) || source(file).includes(part))
  return found.filter(file => parts.length === 0 || wanted(file)).sort()
}

function main(args) {
  const flags = args.filter(arg => arg.startsWith('-'))
  if (!flags.some(flag => flag.startsWith(LIMIT_FLAG)) && process.env.KYMO_LONG !== '1') {
    flags.push(`${LIMIT_FLAG}${LIMIT_MS}`)
  }
  const parts = args.filter(arg => !arg.startsWith('-'))
  const files = listTests(ROOT, parts)
  if (files.length === 0) {
    process.stderr.write(`no test file has ${parts.join(' or ') || '.test.'} in its path\n`)
    process.exit(1)
  }
  const options = [
    '--test',
    `--test-concurrency=${CONCURRENCY}`,
    '--test-reporter=./tools/report.mjs',
    '--test-reporter-destination=stdout',
  ]
  // A runner inside a test of a runner would report to the outer one.
  const { NODE_TEST_CONTEXT: _outer, ...env } = process.env
  // A group of its own, so that what tests leave running can be ended with them.
  const child = spawn(process.execPath, [...options, ...flags, ...files], {
    cwd: ROOT,
    env,
    stdio: 'inherit',
    detached: true,
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => signalGroup(child.pid, signal))
  const limitMs = Number(
    flags.find(flag => flag.startsWith(LIMIT_FLAG))?.slice(LIMIT_FLAG.length) ?? Infinity,
  )
  let ended = 0
  const look = () => {
    ended += endOld(child.pid, limitMs + 1000)
  }
  const watch = setInterval(look, Math.min(limitMs, 2000))
  child.on('exit', (code, signal) => {
    clearInterval(watch)
    signalGroup(child.pid, 'SIGKILL')
    process.exitCode = signal !== null || ended > 0 ? code || 1 : code
  })
}

/** Newer runners hand each file dozens of their own options. */
function shorten(command) {
  return command
    .filter(word => !word.startsWith('--'))
    .join(' ')
    .trim()
}

/**
 * Ends what has run in the runner's group for longer than `limitMs`, and counts it. The runner's own limit is
 * not enough: from Node 24 on it does not end a file that blocks, and in no version what a test has left
 * behind with the runner's pipe in hand, for which the runner waits.
 */
function endOld(runner, limitMs) {
  if (process.platform !== 'linux') return 0
  let ended = 0
  const uptimeS = Number(fs.readFileSync('/proc/uptime', 'utf8').split(' ')[0])
  for (const pid of fs.readdirSync('/proc').filter(name => /^\d+$/.test(name) && name !== String(runner))) {
    try {
      // After the name in parentheses: state, parent, group (5th field of all) … start (22nd).
      const fields = fs
        .readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      const ageMs = (uptimeS - Number(fields[19]) / TICKS_PER_S) * 1000
      if (Number(fields[2]) !== runner || fields[0] === 'Z' || ageMs <= limitMs) continue
      const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      process.kill(Number(pid), 'SIGKILL')
      process.stderr.write(`ended after ${Math.round(ageMs / 1000)} s: ${shorten(command)}\n`)
      ended++
    } catch {
      // it has ended by itself
    }
  }
  return ended
}

/** Signals every process of a group, if any is left. */
function signalGroup(leader, signal) {
  try {
    process.kill(-leader, signal)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

if (fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) main(process.argv.slice(2))
