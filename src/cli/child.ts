/** The command of `record -- COMMAND`: started with the tracer, told of our signals, waited for. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { KymoError } from '../base/index.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** A shell's way to say in an exit code that a signal ended the program. */
const SIGNAL_EXIT_BASE = 128

export interface ChildEnd {
  readonly pid: number
  /** The command's own, or 128 + the number of the signal that ended it. */
  readonly exitCode: number
}

export interface ChildOptions {
  readonly token: string
  readonly runDirectory: string
}

/** Resolves when the command has ended; rejects when it could not be started. */
export function runChild(command: readonly string[], options: ChildOptions): Promise<ChildEnd> {
  const [file, ...args] = command as [string, ...string[]]
  const pass = (signal: NodeJS.Signals): void => {
    if (signal !== 'SIGINT' || !isForeground(readFileSync('/proc/self/stat', 'utf8'))) child.kill(signal)
  }
  // Before the command runs: what it does first may be to have us told to stop.
  for (const signal of SIGNALS) process.on(signal, pass)
  const child = spawn(file, args, { stdio: 'inherit', env: childEnvironment(process.env, options) })
  return new Promise((resolve, reject) => {
    child.on('error', error => {
      const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such command' : error.message
      reject(new KymoError('KYMO_COMMAND', `cannot run ${file}: ${why}`, { file }))
    })
    child.on('exit', (code, signal) => {
      const exitCode = signal === null ? (code ?? 0) : SIGNAL_EXIT_BASE + constants.signals[signal]
      resolve({ pid: child.pid as number, exitCode })
    })
  })
}

/** Resolves with the first signal that asks us to stop; later ones do not cut the trace short. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    for (const signal of SIGNALS) process.on(signal, resolve)
  })
}

export function childEnvironment(
  environment: NodeJS.ProcessEnv,
  { token, runDirectory }: ChildOptions,
): NodeJS.ProcessEnv {
  // Not --import, which does not reach workers made of a string. What stands in quotes is one word of NODE_OPTIONS.
  const file = fileURLToPath(new URL('../tracer/auto/preload.cjs', import.meta.url))
  const preload = `--require="${file.replaceAll(/["\\]/g, '\\$&')}"`
  return {
    ...environment,
    NODE_OPTIONS: join(environment.NODE_OPTIONS, ' ', preload),
    KYMO_SESSION: join(environment.KYMO_SESSION, ',', token),
    KYMO_RUNDIR: runDirectory,
  }
}

function join(before: string | undefined, separator: string, added: string): string {
  return before === undefined || before === '' ? added : `${before}${separator}${added}`
}

/**
 * True when our process group is the one that the terminal sends Ctrl-C to: then the kernel has told the
 * command already. `stat` is the text of /proc/self/stat (proc(5)): after the name, which may hold anything,
 * come state, ppid, pgrp, session, tty and the terminal's foreground group.
 */
export function isForeground(stat: string): boolean {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[5]) > 0 && fields[5] === fields[2]
}
