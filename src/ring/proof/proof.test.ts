/**
 * The ring's protocol, in models that spin searches wholly: each state that any order of steps, any delay of a store
 * and any kill leads to. README.md beside this file says what is modelled, scaled and proved.
 *
 *   spin -a model.pml   →   pan.c   →   gcc   →   ./pan   →   errors: 0
 *
 * Models with one mistake each must be found wrong, and for the property that the mistake breaks: a proof that
 * finds nothing may also be one that looks at nothing.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { longForm, needs, shortForm } from '../../testing/index.ts'
import { temporaryFolder } from '../testing/memory.contract.ts'

const run = promisify(execFile)
const MODELS = join(import.meta.dirname, '../../../src/ring/proof')
/** A bound to stop at, not a wish: the largest search in the short list needs 500 MB. */
const MEMORY_MB = 2000
const LIMIT_MS = longForm() ? 600_000 : 120_000
const MAX_DEPTH = 100_000

type Model = 'discard' | 'overwrite'

/** What is searched wholly, and found right. */
const PROOFS: readonly (readonly [model: Model, title: string, flags: string])[] = [
  ['discard', 'a slow reader, losses, a stop', 'ATTEMPTS=5 STOP'],
  ['discard', 'sleeps and wake-ups', 'ATTEMPTS=2 SLEEPS=2 STOP'],
  ['discard', 'the writer is killed, and another goes on', 'ATTEMPTS=3 KILL_WRITER TAKEOVER STOP'],
  ['discard', 'the writer is killed, and nobody goes on', 'ATTEMPTS=2 KILL_WRITER SLEEPS=1 STOP ROOM=1'],
  ['discard', 'the consumer is killed, and another goes on', 'ATTEMPTS=3 KILL_CONSUMER=1 STOP'],
  ['overwrite', 'two positions, one spare, kills', 'KILL_READER=1 KILL_WRITER RECORDS=6'],
  ['overwrite', 'two positions, no spare', 'SPARES=0 RECORDS=7 KILL_WRITER'],
  ['overwrite', 'fewer spares than positions', 'N=3 SPARES=1 ROOM=1 RECORDS=5 KILL_READER=1'],
  ['overwrite', 'spares for all', 'N=3 SPARES=2 ROOM=1 RECORDS=5 KILL_READER=1'],
  ['overwrite', 'four positions', 'N=4 SPARES=3 ROOM=1 RECORDS=6'],
]

/** As these, with more of everything: `KYMO_LONG=1`. */
const LONG_PROOFS: typeof PROOFS = [
  ['discard', 'more laps, three stores delayed', 'ATTEMPTS=7 STOP BUFFER=3'],
  ['discard', 'sleeps and wake-ups, more records', 'ATTEMPTS=3 SLEEPS=2 STOP'],
  ['discard', 'sleeps and wake-ups, losses', 'ATTEMPTS=4 SLEEPS=1 STOP ROOM=1'],
  ['discard', 'a long store buffer', 'ATTEMPTS=3 SLEEPS=1 STOP BUFFER=8'],
  [
    'discard',
    'a writer takes over, and the consumer sleeps',
    'ATTEMPTS=3 KILL_WRITER TAKEOVER SLEEPS=1 STOP',
  ],
  ['discard', 'a writer takes over a full ring', 'ATTEMPTS=4 KILL_WRITER TAKEOVER STOP ROOM=1'],
  ['discard', 'the consumer is killed while records are lost', 'ATTEMPTS=4 KILL_CONSUMER=1 STOP ROOM=1'],
  ['discard', 'two consumers are killed', 'ATTEMPTS=3 KILL_CONSUMER=2 STOP'],
  ['discard', 'a sleeping consumer is killed', 'ATTEMPTS=2 KILL_CONSUMER=1 SLEEPS=1 STOP'],
  ['overwrite', 'two readers are killed', 'KILL_READER=2 SNAPSHOTS=3 KILL_WRITER'],
  ['overwrite', 'spares for all, kills', 'N=3 SPARES=2 ROOM=1 RECORDS=7 KILL_READER=1 SNAPSHOTS=2'],
  [
    'overwrite',
    'a sub-buffer ended by a dead writer is gone on with',
    'BLIND_TAKEOVER KILL_WRITER SNAPSHOTS=2',
  ],
]

/** A mistake, where it shows, and a part of the property that it breaks. */
const MISTAKES: readonly (readonly [model: Model, flags: string, broken: string])[] = [
  ['discard', 'NO_BARRIER_BEFORE_SLEEP ATTEMPTS=3 SLEEPS=1', 'fifo'],
  ['discard', 'LOOK_BEFORE_QUIET ATTEMPTS=3 SLEEPS=1', 'fifo'],
  ['discard', 'NO_BARRIER_AT_STOP ATTEMPTS=3 STOP', '!(stopped)'],
  ['discard', 'NO_SECOND_LOOK ATTEMPTS=3 STOP', '!(stopped)'],
  ['discard', 'LOSS_OUTSIDE ATTEMPTS=6 STOP', '!(stopped)'],
  ['discard', 'TIME_AFTER_COMMIT ATTEMPTS=4', 'stateTime'],
  ['discard', 'UNSAFE_DISTANCE ATTEMPTS=6', 'stateTime'],
  ['discard', 'RELEASED_EARLY ATTEMPTS=6', 'mem[address]<=fileRecords'],
  ['discard', 'POSITION_IN_PLACE ATTEMPTS=2 KILL_CONSUMER=1', 'fileRecords'],
  ['discard', 'FILE_IGNORED ATTEMPTS=2 KILL_CONSUMER=1', 'filePackets==packets'],
  ['overwrite', 'NO_PUT_BACK', 'isIdle'],
  ['overwrite', 'PLAIN_TAKE', 'held'],
  ['overwrite', 'SEQUENCE_AFTER_DATA SPARES=0', 'copied'],
  ['overwrite', 'NO_LOOK_AFTER_COPY SPARES=0', 'copied'],
  ['overwrite', 'NO_REPAIR KILL_READER=1', 'isIdle'],
  ['overwrite', 'NO_REPAIR NO_LOOK_AT_PINNED KILL_READER=1 SNAPSHOTS=2', 'pinned'],
  ['overwrite', 'ZERO_HEADERS KILL_READER=1 RECORDS=4', 'pinned'],
]

/** Compiles the model and searches it: what the verifier prints. */
async function search(t: TestContext, model: Model, flags: string, optimise: string): Promise<string> {
  const cwd = temporaryFolder(t)
  const limits = { cwd, timeout: LIMIT_MS, maxBuffer: 2 ** 26 }
  const defines = flags.split(' ').map(flag => `-D${flag}`)
  await run('spin', ['-a', ...defines, join(MODELS, `${model}.pml`)], limits)
  const settings = ['-DSAFETY', '-DCOLLAPSE', `-DMEMLIM=${MEMORY_MB}`]
  await run('gcc', [optimise, '-w', ...settings, '-o', 'pan', 'pan.c'], limits)
  const { stdout } = await run('./pan', [`-m${MAX_DEPTH}`, '-n'], limits)
  return stdout
}

function hasTools(t: TestContext): boolean {
  return needs(t, 'spin') && needs(t, 'gcc')
}

for (const [model, title, flags] of longForm() ? [...PROOFS, ...LONG_PROOFS] : PROOFS) {
  test(`${model}: ${title} (${flags})`, async t => {
    if (!hasTools(t)) return
    if (shortForm()) {
      t.skip('searched under another Node')
      return
    }
    const said = await search(t, model, flags, '-O2')
    assert.match(said, /errors: 0\b/, said)
    // Both of these end a search early, and with `errors: 0`.
    assert.doesNotMatch(said, /max search depth too small|out of memory|not completed/i, said)
    t.diagnostic(`${/(\d+(?:\.\d+e\+\d+)?) states, stored/.exec(said)?.[1]} states`)
  })
}

for (const [model, flags, broken] of MISTAKES) {
  test(`${model} with a mistake is found wrong: ${flags}`, async t => {
    if (!hasTools(t)) return
    // The search ends at once: not worth the compiler's time.
    const said = await search(t, model, flags, '-O0')
    assert.match(said, /errors: [1-9]/, said)
    const violated = /assertion violated (.*) \(at depth/.exec(said)?.[1] ?? ''
    assert(violated.includes(broken), `${broken} must be violated, not ${violated || said}`)
  })
}
