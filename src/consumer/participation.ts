/** Which programs a session is about. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AppAbout, Session } from '../control/index.ts'

/** The environment variable that holds the tokens of the sessions a program was started by. */
const TOKEN_VARIABLE = 'KYMO_SESSION'

/** True when the program records into the session, or would if it hit an event that a rule names. */
export function takesPart(
  session: Session,
  sessionDirectory: string,
  app: { id: string; about: AppAbout },
): boolean {
  if (session.scope === 'all') return true
  return existsSync(join(sessionDirectory, app.id)) || tokens(app.about.pid).includes(session.token)
}

function tokens(pid: number): string[] {
  let environment: string
  try {
    environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch {
    return [] // it is gone, or lives in another PID namespace: its directory in the session tells then
  }
  const prefix = `${TOKEN_VARIABLE}=`
  const entry = environment.split('\0').find(text => text.startsWith(prefix))
  return entry === undefined ? [] : entry.slice(prefix.length).split(',')
}
