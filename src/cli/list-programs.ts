/** `kymo list -u`: running programs, their events, and whether these are recorded. */
import { existsSync } from 'node:fs'
import { listSessions, type SessionEntry, takesPart } from '../consumer/index.ts'
import {
  type AppEntry,
  type CounterValue,
  type EventDeclaration,
  listApps,
  openRunDirectory,
  readCounters,
  readEvents,
  ruleMatches,
} from '../control/index.ts'
import { type Paint, paintFor } from './paint.ts'
import { formatCount, printable, tableLines } from './table.ts'

export function listPrograms({ fields }: { fields: boolean }): void {
  const paint = paintFor(process.stdout)
  const run = openRunDirectory()
  const sessions = listSessions(run).filter(entry => entry.alive && entry.session.active)
  const blocks = listApps(run)
    // A dead program is of interest for the numbers that it left.
    .filter(app => isRunning(app) || readCounters(app.directory).length > 0)
    .map(app => programLines(app, sessions, fields, paint))
  if (blocks.length === 0) {
    process.stdout.write(
      'no running program has loaded kymograph; `kymo record -- node app.js` runs one with it\n',
    )
  }
  process.stdout.write(blocks.map(lines => `${lines.join('\n')}\n`).join('\n'))
}

/** Without native access a program cannot hold the lock that proves its life. */
function isRunning(app: AppEntry): boolean {
  return app.alive || (app.about.fallback !== undefined && existsSync(`/proc/${app.about.pid}`))
}

function programLines(
  app: AppEntry,
  sessions: readonly SessionEntry[],
  fields: boolean,
  paint: Paint,
): string[] {
  const { procname, pid, argv, node, fallback } = app.about
  const ended = isRunning(app) ? '' : paint('red', ' ended')
  const script = argv.slice(1, 3).join(' ')
  const lines = [
    `${paint('bold', printable(procname))} (pid ${pid})${ended}, node ${printable(node)}: ${printable(script)}`,
  ]
  if (fallback !== undefined) lines.push(paint('yellow', `  without shared memory: ${printable(fallback)}`))
  const events = readEvents(app.directory)
  const mine = sessions.filter(({ session, directory }) => takesPart(session, directory, app))
  if (events.length === 0) lines.push(paint('dim', '  no event yet'))
  else if (fields) for (const event of events) lines.push(...eventWithFields(event, mine, paint))
  else {
    const rows = events.map(event => eventRow(event, mine, paint))
    lines.push(...tableLines([{}, {}, {}, {}], rows, '  '))
  }
  lines.push(...conflictLines(events, paint), ...counterLines(readCounters(app.directory), paint))
  return lines
}

function eventRow(event: EventDeclaration, sessions: readonly SessionEntry[], paint: Paint): string[] {
  const kind = event.format === undefined ? event.kind : `${event.kind} "${printable(event.format)}"`
  return [printable(event.name), printable(event.logLevel), state(event, sessions, paint), kind]
}

function state(event: EventDeclaration, sessions: readonly SessionEntry[], paint: Paint): string {
  const names = sessions
    .filter(({ session }) => session.rules.some(rule => ruleMatches(rule, event)))
    .map(({ session }) => session.name)
  return names.length === 0 ? paint('dim', 'off') : paint('green', `on (${names.join(', ')})`)
}

function eventWithFields(event: EventDeclaration, sessions: readonly SessionEntry[], paint: Paint): string[] {
  const fields = event.fields.map(({ name, type }) => [printable(name), paint('dim', printable(type))])
  return [`  ${eventRow(event, sessions, paint).join('  ')}`, ...tableLines([{}, {}], fields, '      ')]
}

/** Two definitions of one name are two event classes of one name in the trace: rarely what somebody wants. */
function conflictLines(events: readonly EventDeclaration[], paint: Paint): string[] {
  const shapes = new Map<string, Set<string>>()
  for (const { name, fields } of events) {
    const shape = fields.map(field => `${field.name} ${field.type}`).join(', ')
    shapes.set(name, (shapes.get(name) ?? new Set()).add(shape))
  }
  return [...shapes]
    .filter(([, variants]) => variants.size > 1)
    .map(([name, variants]) => {
      const list = [...variants].map(shape => `(${printable(shape)})`).join(' and ')
      return paint(
        'yellow',
        `  ${printable(name)} is defined ${variants.size} times with different fields: ${list}`,
      )
    })
}

function counterLines(counters: readonly CounterValue[], paint: Paint): string[] {
  if (counters.length === 0) return []
  const rows = counters.map(({ name, kind, count, sum, buckets }) => {
    if (kind === 'counter') return [printable(name), kind, formatCount(count), '']
    const mean = count === 0 ? 0 : sum / count
    return [printable(name), kind, formatCount(count), `mean ${mean.toPrecision(4)}, ${bucketText(buckets)}`]
  })
  return [paint('dim', '  counting probes'), ...tableLines([{}, {}, { align: 'right' }, {}], rows, '    ')]
}

/** Bucket b holds values below 2^b. */
function bucketText(buckets: readonly number[]): string {
  const parts = buckets.map((count, b) =>
    count === 0 ? '' : `<${formatCount(2 ** b)}: ${formatCount(count)}`,
  )
  return parts.filter(part => part !== '').join(', ')
}
