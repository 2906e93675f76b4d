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
/** For one file. A test that hangs fails here and not where CI loses its patience. */
const TIMEOUT_MS = 180_000

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
  const parts = args.filter(arg => !arg.startsWith('-'))
  const files = listTests(ROOT, parts)
  if (files.length === 0) {
    process.stderr.write(`no test file has ${parts.join(' or ') || '.test.'} in its path\n`)
    process.exit(1)
  }
  const options = [
    '--test',
    `--test-concurrency=${CONCURRENCY}`,
    ...(process.env.KYMO_LONG === '1' ? [] : [`--test-timeout=${TIMEOUT_MS}`]),
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
  child.on('exit', (code, signal) => {
    if (signalGroup(child.pid, 'SIGKILL'))
      process.stderr.write('ended processes that tests had left running\n')
    process.exitCode = signal === null ? code : 1
  })
}

/** Signals every process of a group; false if it has none. */
function signalGroup(leader, signal) {
  try {
    return process.kill(-leader, signal)
  } catch (error) {
    if (error.code === 'ESRCH') return false
    throw error
  }
}

if (fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) main(process.argv.slice(2))
