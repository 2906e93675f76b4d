/** `kymo list`: the sessions of this user, with what to do about those that a killed recorder left. */
import { listSessions, type SessionEntry } from '../consumer/index.ts'
import { openRunDirectory } from '../control/index.ts'
import { paintFor } from './paint.ts'
import { shellWord } from './summary.ts'
import { printable } from './table.ts'

export function printSessions(): void {
  const paint = paintFor(process.stdout)
  const sessions = listSessions(openRunDirectory())
  if (sessions.length === 0) process.stdout.write('no session; `kymo record -- COMMAND` starts one\n')
  for (const { session, alive, directory } of sessions) {
    const state = alive
      ? paint('green', session.active ? 'recording' : 'stopping')
      : paint('red', 'left by a killed recorder')
    process.stdout.write(`${paint('bold', session.name)}: ${state} (pid ${session.pid})\n`)
    process.stdout.write(`  into ${printable(session.output)}\n`)
    process.stdout.write(`  ${rulesText({ session, alive, directory })}\n`)
    if (!alive) process.stdout.write(`  finish its trace: kymo crash ${shellWord(directory)}\n`)
  }
}

function rulesText({ session }: SessionEntry): string {
  const rules = session.rules.map(({ pattern, level, levelOnly, enabled }) => {
    const levelText =
      level === undefined ? '' : ` (${level}${levelOnly === true ? ' only' : ' and more severe'})`
    return `${printable(pattern)}${levelText}${enabled === false ? ' (off)' : ''}`
  })
  const where = session.scope === 'all' ? 'all programs' : 'its command'
  return `events ${rules.join(', ')} of ${where}`
}
