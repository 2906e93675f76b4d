/** babeltrace2 as the oracle: what it reads, and what it has to say. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'

const DISCARDED = /^.*WARNING: Tracer discarded (\d+) events? between .*$/
/** Of the header form `sized`: no reader but ours has a use for the size of a record. */
const KNOWN =
  /^.*\/WARN-MEANINGLESS-HEADER-FIELDS .* User field found in event header: ignoring: name="size"$/

export interface Reading {
  readonly events: number
  /** By event name. */
  readonly counts: ReadonlyMap<string, number>
  /** As its warnings say; it said nothing else. */
  readonly discarded: number
  readonly text: string
}

export function readWithBabeltrace(path: string): Reading {
  const ran = spawnSync('babeltrace2', ['--no-delta', path], { encoding: 'utf8', maxBuffer: 2 ** 29 })
  assert.ifError(ran.error)
  assert.equal(ran.status, 0, ran.stderr.slice(-2000))
  let discarded = 0
  for (const line of ran.stderr.split('\n')) {
    if (line === '' || KNOWN.test(line)) continue
    const count = DISCARDED.exec(line)?.[1]
    assert.ok(count !== undefined, `babeltrace2 says: ${line}`)
    discarded += Number(count)
  }
  const counts = new Map<string, number>()
  let events = 0
  for (const [, name] of ran.stdout.matchAll(/^\[[^\]]*\] \S+ (\S+): \{/gm)) {
    counts.set(name as string, (counts.get(name as string) ?? 0) + 1)
    events++
  }
  assert.equal(events, lineCount(ran.stdout), 'each line is an event')
  return { events, counts, discarded, text: ran.stdout }
}

function lineCount(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}
