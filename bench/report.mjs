/** Collects rows, prints them as a table, and keeps everything for the JSON file. */
import { createHash } from 'node:crypto'
import { median, minimum } from './statistics.mjs'

const number = (value, unit) => {
  if (!Number.isFinite(value)) return '-'
  if (unit === '1/s') return value.toFixed(0)
  return value.toFixed(Math.abs(value) < 10 ? 2 : 1)
}

const cell = (side, unit) =>
  side ? number(side.median, unit) + (side.min === undefined ? '' : ` (${number(side.min, unit)})`) : '-'

const HEADINGS = {
  floors: ['floors, ns', 'JavaScript (min)', 'C (min)', '', '', ''],
  events: ['one event, ns', 'Kymograph (min)', 'LTTng-UST (min)', 'ratio', 'target', ''],
  disabled: [
    'disabled, ns per site over an empty call',
    'Kymograph (min)',
    'LTTng-UST (min)',
    '',
    'target',
    '',
  ],
  clocks: ['clocks, ns', 'Kymograph (min)', 'monotonic (min)', 'ratio', 'target', ''],
  ring: ['one event by kind of ring, ns', 'Kymograph (min)', '', 'of discard', 'target', ''],
  http: ['HTTP server', 'recorded', 'plain node', 'ratio', 'target', ''],
  start: ['start, as recorded', 'with (min)', 'without (min)', 'more', 'target', ''],
}

/** A median this far above the least value says that the machine was busy with something else. */
const NOISY = 1.25

const isSpread = values => values !== undefined && median(values) > minimum(values) * NOISY

/** Looks at what was measured, not at differences of it: those may be near zero. */
const isNoisy = ({ ours, lttng, base }) =>
  [ours, lttng, base].some(side => isSpread(side?.values) || isSpread(side?.floors))

const verdict = row => {
  if (row.problems?.length) return 'INVALID'
  const target = row.met === undefined ? '' : row.met ? 'met' : 'missed'
  return `${target}${isNoisy(row) ? ' noisy' : ''}`.trim()
}

const line = row => {
  const { section, title, unit, ours, lttng, base, ratio, surplus, target, targetUnit } = row
  const name = section === 'http' || section === 'start' ? `${title}, ${unit}` : title
  const difference =
    surplus === undefined ? (ratio === undefined ? '' : ratio.toFixed(3)) : `+${number(surplus, unit)}`
  const limit = target === undefined ? '' : `≤ ${target}${targetUnit ? ` ${targetUnit}` : ''}`
  return [name, cell(ours, unit), cell(lttng ?? base, unit), difference, limit, verdict(row)]
}

const singleLine = ({ title, latencies }) => [
  title,
  ...['ours', 'lttng'].map(side => {
    const of = latencies[side]
    return of ? [of.p50, of.p999, of.max].map(ns => ns.toFixed(0)).join(' / ') : '-'
  }),
  '',
  '',
  '',
]

const print = rows => {
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => row[column].length)))
  for (const row of rows) {
    console.log(
      row
        .map((text, column) => (column ? text.padStart(widths[column]) : text.padEnd(widths[column])))
        .join('  ')
        .trimEnd(),
    )
  }
  console.log()
}

export class Report {
  rows = []
  skipped = []
  failed = []
  #only

  constructor(only) {
    this.#only = only
  }

  /** `--only` names a section or a case. */
  wants(section, name) {
    return this.#only === undefined || this.#only === section || this.#only === name
  }

  /** True when any of these cases of the section is wanted. */
  wantsAny(section, names) {
    return names.some(name => this.wants(section, name))
  }

  add(row) {
    this.rows.push(row)
    for (const problem of row.problems ?? []) this.failed.push({ name: row.name, why: problem })
  }

  skip(name, why) {
    this.skipped.push({ name, why })
  }

  /** A case that fails is reported by name, and the others still run. */
  async attempt(section, { name }, body) {
    process.stderr.write(`bench: ${section} ${name}\n`)
    try {
      await body()
    } catch (error) {
      this.failed.push({ name, why: error.message })
    }
  }

  /** The work that was done, not its speed: equal for two runs with the same options. */
  get workHash() {
    const work = this.rows
      .filter(row => row.counts)
      .map(({ name, counts }) => [name, counts.map(c => [c.produced, c.recorded])])
    return createHash('sha256').update(JSON.stringify(work)).digest('hex').slice(0, 12)
  }

  print() {
    console.log()
    for (const [section, headings] of Object.entries(HEADINGS)) {
      const rows = this.rows.filter(row => row.section === section)
      if (rows.length) print([headings, ...rows.map(line)])
      const singles = this.rows.filter(row => row.section === 'single')
      if (section === 'events' && singles.length) {
        print([
          ['between two clock reads, ns', 'p50 / p99.9 / max', 'p50 / p99.9 / max', '', '', ''],
          ...singles.map(singleLine),
        ])
      }
    }
    const perRequest = this.rows.find(row => row.eventsPerRequest !== undefined)
    if (perRequest) console.log(`HTTP: ${perRequest.eventsPerRequest.toFixed(1)} events per request`)
    const counted = this.rows.flatMap(row => row.counts ?? [])
    if (counted.length) {
      const sum = key => counted.reduce((total, count) => total + count[key], 0).toLocaleString('en')
      console.log(
        `${sum('produced')} events produced, ${sum('recorded')} recorded, ${sum('discarded')} discarded; ` +
          `work ${this.workHash}`,
      )
    }
    for (const { name, why } of this.skipped) console.log(`skipped ${name}: ${why}`)
    for (const { name, why } of this.failed) console.log(`FAILED ${name}: ${why}`)
  }
}
