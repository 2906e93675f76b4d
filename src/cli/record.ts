/** `kymo record`: a session around a command, or around all running programs. */
import { rmdirSync, writeFileSync } from 'node:fs'
import { errorText } from '../base/index.ts'
import { listSessions, SessionConsumer, type SessionPlan, type SessionResult } from '../consumer/index.ts'
import { openRunDirectory, type RunDirectory } from '../control/index.ts'
import { runChild, untilSignal } from './child.ts'
import { paintFor } from './paint.ts'
import { type RecordOptions, sessionPlan } from './session-plan.ts'
import { StatusLine } from './status-line.ts'
import { shellWord, summaryText } from './summary.ts'
import { printable } from './table.ts'

const EXIT_ERROR = 1

/** Returns the exit code. Everything said goes to stderr: stdout belongs to the command. */
export async function record(command: readonly string[], options: RecordOptions): Promise<number> {
  const plan = sessionPlan(command, options, new Date())
  const run = openRunDirectory()
  if (options.summary !== undefined) writeFileSync(options.summary, '')
  mentionCrashed(run)
  const status = new StatusLine(process.stderr)
  const say = (line: string): void => {
    status.clear()
    process.stderr.write(`kymo: ${printable(line)}\n`)
  }
  const consumer = SessionConsumer.start(run, plan, {
    say,
    onLook: isLast => status.update(() => consumer.totals(), isLast),
  })
  const end = await untilEnd(command, plan, run)
  const result = withExit(await consumer.stop(), end)
  status.clear()
  if (end.error !== undefined) {
    say(end.error)
    removeIfEmpty(plan.output)
    return EXIT_ERROR
  }
  if (options.summary !== undefined) writeFileSync(options.summary, `${JSON.stringify(result, null, 2)}\n`)
  process.stderr.write(`\n${summaryText(result, paintFor(process.stderr))}`)
  if (result.failure !== undefined) {
    say(result.failure)
    if (end.exitCode === 0) return EXIT_ERROR
  }
  return end.exitCode
}

interface End {
  readonly exitCode: number
  /** Of the command. */
  readonly pid?: number
  /** Why the command could not be started. */
  readonly error?: string
}

async function untilEnd(command: readonly string[], plan: SessionPlan, run: RunDirectory): Promise<End> {
  if (command.length === 0) {
    process.stderr.write(`recording into ${printable(plan.output)}; Ctrl-C stops\n`)
    await untilSignal()
    return { exitCode: 0 }
  }
  try {
    return await runChild(command, { token: plan.token, runDirectory: run.path })
  } catch (error) {
    return { exitCode: EXIT_ERROR, error: errorText(error) }
  }
}

/** What the consumer cannot know: how the command ended, where it was itself a traced program. */
function withExit(result: SessionResult, end: End): SessionResult {
  const programs = result.programs.map(program =>
    program.pid === end.pid ? { ...program, exit: end.exitCode } : program,
  )
  return { ...result, programs }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch {
    // it holds another trace: then it was not made for this one
  }
}

function mentionCrashed(run: RunDirectory): void {
  const crashed = listSessions(run).filter(entry => !entry.alive)
  const first = crashed[0]
  if (first === undefined) return
  const what = crashed.length === 1 ? 'a session' : `${crashed.length} sessions`
  process.stderr.write(
    `kymo: a killed recorder left ${what}: \`kymo crash ${shellWord(first.directory)}\` finishes the trace\n`,
  )
}
