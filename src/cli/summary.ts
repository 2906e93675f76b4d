/** The table at the end of a recording. */
import { relative } from 'node:path'
import { formatSize } from '../base/index.ts'
import { discardedTotal, type SessionResult } from '../consumer/index.ts'
import type { Paint } from './paint.ts'
import { formatCount, printable, tableLines } from './table.ts'

const MAX_EVENTS = 20
const MAX_PROGRAMS = 10
/** What to do about a cause of losses. */
const ADVICE = [
  ['full', 'larger rings: --subbuf-size, --num-subbuf'],
  ['too big', 'larger sub-buffers: --subbuf-size'],
  ['no ring', 'no memory for rings: make room in /dev/shm'],
] as const

export function summaryText(result: SessionResult, paint: Paint): string {
  const sections = [eventLines(result, paint), factLines(result, paint), nextLines(result, paint)]
  return sections.map(lines => `${lines.join('\n')}\n`).join('\n')
}

function eventLines(result: SessionResult, paint: Paint): string[] {
  if (result.events.length === 0) return [paint('bold', 'No event was recorded.'), ...whyNothing(result)]
  const shown = result.events.slice(0, MAX_EVENTS)
  const rows = [
    [paint('bold', 'event'), paint('bold', 'count')],
    ...shown.map(({ name, count }) => [printable(name), formatCount(count)]),
  ]
  const rest = result.events.slice(MAX_EVENTS)
  if (rest.length > 0) {
    const count = rest.reduce((sum, event) => sum + event.count, 0)
    rows.push([paint('dim', `… ${rest.length} more`), paint('dim', formatCount(count))])
  }
  return tableLines([{}, { align: 'right' }], rows)
}

function whyNothing(result: SessionResult): string[] {
  if (result.failure !== undefined) return ['What was hit could not be written, and is kept in memory.']
  if (discardedTotal(result.discarded) > 0) return ['All that were hit were discarded.']
  if (result.rules.every(rule => !rule.matched)) {
    return [
      'No program that loads kymograph had an event that the rules name; `kymo list -u` shows what there is.',
    ]
  }
  return ['The events that the rules name were not hit.']
}

function factLines(result: SessionResult, paint: Paint): string[] {
  const rows = [
    [
      'recorded',
      `${formatCount(result.recorded)} in ${duration(result.durationMs)}, ${formatSize(result.bytes)}`,
    ],
    ['discarded', discardedText(result, paint)],
    ...programRows(result),
  ]
  const waiting = result.rules.filter(rule => !rule.matched)
  if (waiting.length > 0) {
    const patterns = waiting.map(rule => `'${printable(rule.pattern)}'`).join(', ')
    rows.push([paint('yellow', 'waiting'), `${patterns} (no program has such an event yet)`])
  }
  return tableLines([{}, {}], rows)
}

function discardedText(result: SessionResult, paint: Paint): string {
  const total = discardedTotal(result.discarded)
  if (total === 0) return '0'
  const causes = Object.entries(result.discarded).map(([cause, count]) => `${cause} ${formatCount(count)}`)
  const advice = ADVICE.filter(([cause]) => result.discarded[cause] !== undefined).map(
    ([, text]) => `; ${text}`,
  )
  return `${paint('red', formatCount(total))} (${causes.join(', ')})${advice.join('')}`
}

function programRows(result: SessionResult): string[][] {
  const rows = result.programs.slice(0, MAX_PROGRAMS).map(({ pid, procname, threads, exit }, i) => {
    const ended = exit === undefined ? '' : `, exit code ${exit}`
    const count = threads === 1 ? '1 thread' : `${threads} threads`
    return [i === 0 ? 'programs' : '', `${printable(procname)} (pid ${pid}), ${count}${ended}`]
  })
  const rest = result.programs.length - MAX_PROGRAMS
  if (rest > 0) rows.push(['', `… ${rest} more`])
  return rows
}

function nextLines(result: SessionResult, paint: Paint): string[] {
  const folder = shellWord(relative(process.cwd(), result.output) || '.')
  const rows = [['kymo list -u', 'running programs and their events']]
  if (result.recorded > 0) rows.unshift([`babeltrace2 ${folder}`, 'the trace as text'])
  return [paint('bold', 'next'), ...tableLines([{}, {}], rows, '  ')]
}

function duration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const minutes = Math.floor(ms / 60_000)
  return `${minutes} min ${Math.floor((ms - minutes * 60_000) / 1000)} s`
}

/** As a shell takes it for one word. */
export function shellWord(text: string): string {
  return /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
