/** What a dead recorder left becomes a trace: its session is taken over, its rings are drained from where they are. */
import { dirname, resolve } from 'node:path'
import { openRunDirectory, readSession, writeSession } from '../control/index.ts'
import { Programs } from './programs.ts'
import { becomeQuiet } from './quiet.ts'
import type { SessionResult } from './result.ts'
import { adoptSessionDirectory, findSessionDirectory } from './session-directory.ts'

export interface RecoverOptions {
  /** Another folder for the trace, which then holds only what was not written before. */
  readonly output?: string
  readonly say: (line: string) => void
}

/**
 * `path` is the session's directory or the folder of its trace. Living programs are told to stop recording.
 * Throws when the recorder is alive, when nothing is left, or when the trace cannot be written: then all stays.
 */
export async function recoverSession(path: string, options: RecoverOptions): Promise<SessionResult> {
  const sessionPath = findSessionDirectory(path)
  const found = readSession(sessionPath)
  const run = openRunDirectory(dirname(dirname(sessionPath)))
  const directory = adoptSessionDirectory(sessionPath, found.output, found.name)
  const output = options.output === undefined ? found.output : resolve(options.output)
  const session = { ...found, active: false, pid: process.pid, output }
  const problems: string[] = []
  const surroundings = {
    session,
    sessionDirectory: sessionPath,
    offsetFromEpoch: directory.offsetFromEpoch,
    resumes: output === found.output,
    say(line: string) {
      problems.push(line)
      options.say(line)
    },
  }
  const startedMs = performance.now()
  const programs = new Programs(run, surroundings, () => {})
  let isComplete = false
  try {
    writeSession(sessionPath, { ...session, output: found.output })
    programs.discover()
    programs.bump('rules')
    await becomeQuiet(programs, surroundings.say)
    programs.discover()
    const rules = programs.rules()
    programs.endAll(process.hrtime.bigint())
    programs.removeEnded()
    isComplete = true
    const { tally } = programs
    return {
      name: session.name,
      output,
      events: tally.eventCounts(),
      recorded: tally.recorded,
      discarded: Object.fromEntries(tally.discarded),
      programs: tally.programs,
      durationMs: performance.now() - startedMs,
      bytes: tally.bytes,
      rules,
      problems,
    }
  } finally {
    programs.close()
    directory.close(isComplete)
  }
}
