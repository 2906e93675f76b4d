/** What loading the tracer costs a program: time until `-e 0` has ended, and resident memory. */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { interleave } from './interleave.mjs'
import { PRELOAD } from './kymograph.mjs'
import { median, minimum, pairedSurplus } from './statistics.mjs'

const TARGET_MS = 20
const TARGET_MIB = 12
const MIB = 2 ** 20

const MEMORY = `
const high = require('fs').readFileSync('/proc/self/status', 'utf8').match(/VmHWM:\\s*(\\d+)/)[1] * 1024
process.stdout.write(JSON.stringify([process.memoryUsage.rss(), high]))`

export const measureStartup = async ({ scratch, node, sizes, report }) => {
  const run = join(scratch.directory('startup'), 'run')
  mkdirSync(run, { mode: 0o700 })
  const env = { ...process.env, KYMO_RUNDIR: run }
  const start = args => {
    const begin = process.hrtime.bigint()
    const { status, stdout, stderr, error } = spawnSync(node, args, {
      env,
      encoding: 'utf8',
      timeout: 30_000,
    })
    if (status !== 0) throw new Error(`${node} ${args.join(' ')}: ${error ?? stderr.slice(-600)}`)
    return { ms: Number(process.hrtime.bigint() - begin) / 1e6, stdout }
  }
  const preload = ['--require', PRELOAD]
  const both = (...args) => [() => start([...preload, ...args]), () => start(args)]

  // The first start of each reads files that the later ones find in memory.
  for (const first of both('-e', '0')) first()
  const [on, off] = (await interleave(both('-e', '0'), sizes.starts, 0)).map(runs => runs.map(({ ms }) => ms))
  add(report, { name: 'start', title: 'start-up time', unit: 'ms', target: TARGET_MS }, on, off)

  const memory = await interleave(both('-e', MEMORY), sizes.memoryRuns, 0)
  const [withTracer, plain] = memory.map(runs =>
    runs.map(({ stdout }) => JSON.parse(stdout).map(bytes => bytes / MIB)),
  )
  for (const [index, name, title] of [
    [0, 'rss', 'resident memory'],
    [1, 'hwm', 'resident memory, highest'],
  ]) {
    const of = values => values.map(pair => pair[index])
    add(report, { name, title, unit: 'MiB', target: TARGET_MIB }, of(withTracer), of(plain))
  }
}

const add = (report, { name, title, unit, target }, on, off) => {
  const surplus = pairedSurplus(on, off)
  report.add({
    section: 'start',
    name,
    title,
    unit,
    ours: { median: median(on), min: minimum(on), values: on },
    base: { median: median(off), min: minimum(off), values: off },
    surplus,
    target,
    targetUnit: unit,
    met: surplus <= target,
  })
}
