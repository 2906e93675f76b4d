import { setTimeout as delay } from 'node:timers/promises'
import { requireLibc } from '../native/index.ts'
import type { Programs } from './programs.ts'

/** A thread that has not finished its record by then is stopped itself (SIGSTOP, a debugger). */
const QUIET_MS = 1000

/** A program without mapped memory has so long to write its part of the trace by itself. */
const SELF_CONSUMED_MS = 3000

export async function selfConsumed(programs: Programs, say: (line: string) => void): Promise<void> {
  const endMs = performance.now() + SELF_CONSUMED_MS
  const isBusy = (): boolean => [...programs.all()].some(program => program.isConsumingItself())
  while (isBusy() && performance.now() < endMs) await delay(5)
  for (const program of programs.all()) {
    if (program.isConsumingItself()) say(`${program.label}: has not written its part of the trace in time`)
  }
}

/**
 * Waits until no record is under way that began before the rules changed: after the barrier a thread has
 * either said that it is writing, or sees the new rules. Names the threads that did not finish in time.
 */
export async function becomeQuiet(programs: Programs, say: (line: string) => void): Promise<void> {
  requireLibc().memoryBarrier()
  const endMs = performance.now() + QUIET_MS
  const busy = new Map<number, string>()
  for (;;) {
    busy.clear()
    programs.eachRing((ring, program) => {
      if (!ring.reader.isQuiet() && program.isAlive()) busy.set(ring.reader.owner, program.label)
    })
    if (busy.size === 0) return
    if (performance.now() >= endMs) break
    await delay(1)
  }
  for (const [thread, label] of busy) {
    say(`${label}: thread ${thread} is stuck in the middle of a record, which is not in the trace`)
  }
}
