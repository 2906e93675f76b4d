/**
 * What tracing costs, against LTTng-UST on the same machine in the same minutes.
 *
 *   node bench/run.mjs [--quick] [--only NAME] [--json FILE] [--node PATH]
 *
 *   --quick       under a minute: fewer and shorter rounds; for "does it work", not for numbers
 *   --only NAME   one section (floors, events, disabled, clocks, http, start) or one case (int, text, coarse, …)
 *   --json FILE   where the numbers go besides bench/out/DATE.json
 *   --node PATH   the node that runs the measured programs
 *
 * Exit code 1 when a case failed, or recorded another number of events than it produced; a missed target is
 * only printed: on a busy machine it says nothing.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CLOCKS, COMPARED, DISABLED, FLOORS } from './cases.mjs'
import { measureClocks, measureCompared, measureDisabled, measureFloors } from './event-cost.mjs'
import { measureHttp } from './http.mjs'
import { Kymograph, missingBuild } from './kymograph.mjs'
import { Lttng } from './lttng/lttng.mjs'
import { Report } from './report.mjs'
import { measureRing, RINGS } from './ring.mjs'
import { Scratch } from './scratch.mjs'
import { measureStartup } from './startup.mjs'

/** `processes` times fresh programs, since V8 compiles each a little differently; `pairs` rounds in each. */
const FULL = {
  processes: 3,
  pairs: 5,
  events: 1_000_000,
  floorRounds: 9,
  ringRounds: 61,
  singles: 200_000,
  http: { pairs: 9, rounds: 41, requests: 500, warmUp: 2000 },
  starts: 21,
  memoryRuns: 7,
  // babeltrace2 counts a million events in a quarter of a second: once per case, of both traces.
  count: (_item, process) => process === 0,
}
const QUICK = {
  processes: 1,
  pairs: 3,
  events: 300_000,
  floorRounds: 3,
  ringRounds: 9,
  singles: 50_000,
  http: { pairs: 1, rounds: 9, requests: 300, warmUp: 500 },
  starts: 7,
  memoryRuns: 3,
  count: ({ name }) => name === 'int',
}

const usage = () => {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean' },
        only: { type: 'string' },
        json: { type: 'string' },
        node: { type: 'string' },
      },
    })
    const names = [FLOORS, COMPARED, DISABLED, CLOCKS, RINGS]
      .flatMap(list => list.map(({ name }) => name))
      .filter(Boolean)
    const known = ['floors', 'events', 'disabled', 'clocks', 'ring', 'http', 'start', ...names]
    if (values.only !== undefined && !known.includes(values.only)) {
      throw new Error(`--only needs one of ${known.join(', ')}: got '${values.only}'`)
    }
    return values
  } catch (error) {
    console.error(`bench: ${error.message}`)
    process.exit(2)
  }
}

const machine = (node, lttng) => ({
  date: new Date().toISOString(),
  cpu: cpus()[0]?.model.trim(),
  cores: cpus().length,
  memoryBytes: totalmem(),
  kernel: release(),
  node: execFileSync(node, ['--version'], { encoding: 'utf8', timeout: 10_000 }).trim(),
  lttng: lttng?.version,
})

const measureAll = async (scratch, report, options) => {
  const node = options.node ? resolve(options.node) : process.execPath
  const sizes = options.quick ? QUICK : FULL
  const unbuilt = missingBuild()
  const kymograph = new Kymograph(scratch, node)
  const context = { scratch, node, kymograph, sizes, report }

  if (report.wants('floors')) await report.attempt('floors', { name: 'floors' }, () => measureFloors(context))

  const ofLttng = [
    ['events', COMPARED],
    ['disabled', DISABLED],
  ]
  if (
    ofLttng.some(([section, cases]) =>
      report.wantsAny(
        section,
        cases.map(({ name }) => name),
      ),
    )
  ) {
    const lttng = await Lttng.open(scratch)
    if (typeof lttng === 'string') report.skip('the comparison with LTTng-UST', lttng)
    else context.lttng = lttng
  }
  if (unbuilt) {
    report.skip('everything of Kymograph', unbuilt)
  } else {
    await measureCompared(context)
    await measureDisabled(context)
    await measureClocks(context)
    await report.attempt('ring', { name: 'rings' }, () => measureRing(context))
    if (report.wants('http')) await report.attempt('http', { name: 'http' }, () => measureHttp(context))
    if (report.wants('start')) await report.attempt('start', { name: 'start' }, () => measureStartup(context))
  }
  return machine(node, context.lttng)
}

const write = (path, result) => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`)
}

const options = usage()
const scratch = new Scratch()
let interrupted = false
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
]) {
  process.once(signal, () => {
    interrupted = true
    scratch.close().finally(() => process.exit(code))
  })
}
const begin = Date.now()
const report = new Report(options.only)
try {
  const where = await measureAll(scratch, report, options)
  // The children were ended under our feet: what there is now is no result. The handler exits.
  if (interrupted) await new Promise(() => {})
  console.log(
    `\n${where.cpu}, ${where.cores} cores, Linux ${where.kernel}, node ${where.node}, LTTng ${where.lttng ?? 'none'}`,
  )
  report.print()
  const { rows, skipped, failed, workHash } = report
  const result = {
    ...where,
    quick: options.quick === true,
    seconds: (Date.now() - begin) / 1000,
    workHash,
    rows,
    skipped,
    failed,
  }
  const out = join(
    dirname(fileURLToPath(import.meta.url)),
    'out',
    `${where.date.replaceAll(/[:.]/g, '-')}.json`,
  )
  for (const path of [out, options.json && resolve(options.json)].filter(Boolean)) write(path, result)
  console.log(`${result.seconds.toFixed(0)} s; numbers in ${out}`)
  if (failed.length) process.exitCode = 1
} finally {
  await scratch.close()
}
