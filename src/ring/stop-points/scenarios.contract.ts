/** What a writer or a reader is at when it is stopped, for every store that it makes there. */
import assert from 'node:assert/strict'
import { LOSS_BAD_VALUE, LOSS_NESTED, RingReader, type SingleWriter } from '../index.ts'
import { LOSS_FULL, LOSS_TOO_BIG, RELEASED_WORD } from '../layout.ts'
import { lossCount } from '../testing/drain.contract.ts'
import { COMMITTED, LOST, makeProbe, OWNER, type ProbeOptions } from '../testing/record.contract.ts'
import { assertStream, Consumer, type Stream } from './consumer.contract.ts'
import { SUB_BUFFER_BYTES, SUB_BUFFERS } from './model.contract.ts'
import { SteppedWriter } from './stepping.contract.ts'
import type { StepVariant } from './watched-ring.contract.ts'

const QUARTER = SUB_BUFFER_BYTES / 4
const HEIR = OWNER + 1
/** The rules as they are, and as they have become. */
const SAME = { words: new Int32Array([0]), word: 0, seen: new Int32Array(1) }
const CHANGED = { words: new Int32Array([1]), word: 0, seen: new Int32Array(1) }

/** One writer and one consumer at work. */
export class Stage {
  readonly buffer: ArrayBufferLike
  readonly stream: Stream
  readonly variant: StepVariant
  writer: SingleWriter
  consumer: Consumer
  attempts = 0

  constructor(buffer: ArrayBufferLike, stream: Stream, variant: StepVariant) {
    this.buffer = buffer
    this.stream = stream
    this.variant = variant
    this.writer = this.newWriter(OWNER)
    this.consumer = new Consumer(buffer, stream)
  }

  /** Waking the reader is a step: it is seen in another process. */
  newWriter(owner: number): SingleWriter {
    return new SteppedWriter(this.buffer, owner, this.variant.commitStore, () =>
      globalThis.kymographRingStep(),
    )
  }

  write(size: number, options: ProbeOptions = {}): number {
    return makeProbe(this.writer, this.variant.by, options)(++this.attempts, size)
  }

  fill(records: number): void {
    for (let i = 0; i < records; i++) assert.equal(this.write(QUARTER), COMMITTED)
  }

  discard(cause: number): void {
    this.attempts++
    this.writer.discard(cause, SAME.words, SAME.word, SAME.seen)
  }
}

export interface Scenario {
  readonly name: string
  prepare(stage: Stage): void
  run(stage: Stage): void
}

const nothing = (): void => undefined

export const WRITING: readonly Scenario[] = [
  { name: 'the first record', prepare: nothing, run: stage => stage.write(100) },
  {
    name: 'a record in the midst of a sub-buffer',
    prepare: stage => stage.fill(2),
    run: stage => stage.write(100),
  },
  { name: 'a record that switches', prepare: stage => stage.fill(4), run: stage => stage.write(QUARTER) },
  {
    name: 'a record that switches to where the first one was',
    prepare: stage => {
      stage.fill(12)
      stage.consumer.take('complete')
      stage.writer.lose(LOSS_BAD_VALUE)
      stage.attempts++
    },
    run: stage => stage.write(300),
  },
  {
    name: 'a record that wakes the reader, and switches',
    prepare: stage => {
      stage.fill(4)
      stage.consumer.reader.setWait(true)
    },
    run: stage => stage.write(100),
  },
  {
    name: 'a record that is taken back after a switch',
    prepare: stage => stage.fill(4),
    run: stage => {
      stage.attempts--
      stage.write(100, { generation: CHANGED })
    },
  },
  {
    name: 'a record for which there is no room',
    prepare: stage => {
      stage.fill(12)
      stage.consumer.reader.setWait(true)
    },
    run: stage => stage.write(100),
  },
  ...[LOSS_FULL, LOSS_TOO_BIG, LOSS_NESTED, LOSS_BAD_VALUE].map(cause => ({
    name: `a loss of cause ${cause}`,
    prepare: (stage: Stage): void => stage.fill(1),
    run: (stage: Stage): void => stage.discard(cause),
  })),
  {
    name: 'a record that is too big',
    prepare: stage => stage.fill(3),
    run: stage => stage.write(SUB_BUFFER_BYTES + 1),
  },
  {
    name: 'a new owner, of a ring whose last one died in a record',
    prepare: stage => {
      stage.fill(5)
      stage.writer.begin()
    },
    run: stage => {
      stage.writer = stage.newWriter(HEIR)
    },
  },
]

export const READING: readonly Scenario[] = [
  {
    name: 'a partial piece',
    prepare: stage => stage.fill(2),
    run: stage => {
      stage.consumer.take('partial')
    },
  },
  {
    name: 'a complete piece',
    prepare: stage => stage.fill(9),
    run: stage => {
      stage.consumer.take('complete')
    },
  },
  {
    name: 'a complete piece of a ring that is full',
    prepare: stage => stage.fill(12),
    run: stage => {
      stage.consumer.take('complete')
    },
  },
  {
    name: 'the rest of a piece, and all after it',
    prepare: stage => {
      stage.fill(2)
      stage.consumer.take('partial')
      stage.fill(7)
    },
    run: stage => stage.consumer.takeAll(),
  },
  {
    name: 'the passing over of a sub-buffer that was taken to its end',
    prepare: stage => {
      stage.fill(4)
      stage.consumer.take('partial')
      stage.fill(1)
    },
    run: stage => stage.consumer.takeAll(),
  },
  {
    name: 'a piece, by a reader whose predecessor died before it freed the space',
    prepare: stage => {
      stage.fill(12)
      stage.consumer.take('complete')
      new Int32Array(stage.buffer)[RELEASED_WORD] = 0
      replaceConsumer(stage)
    },
    run: stage => {
      stage.consumer.take('complete')
    },
  },
  {
    name: 'a packet for what was lost before the first record',
    prepare: stage => {
      stage.discard(LOSS_BAD_VALUE)
      stage.fill(5)
    },
    run: stage => {
      stage.consumer.take('partial')
    },
  },
  {
    name: 'a packet for what was lost after the last record',
    prepare: stage => {
      stage.fill(5)
      stage.consumer.takeAll()
      stage.discard(LOSS_BAD_VALUE)
    },
    run: stage => stage.consumer.takeLosses(1),
  },
  {
    name: 'going to sleep',
    prepare: stage => stage.fill(1),
    run: stage => stage.consumer.reader.setWait(true),
  },
]

/** Where a ring's books stand. */
export interface Account {
  readonly recorded: number
  readonly lost: number
}

export function accountOf(buffer: ArrayBufferLike): Account {
  const reader = new RingReader(buffer)
  return { recorded: reader.committed(), lost: lossCount(reader) }
}

/**
 * After a stop: the attempt was made or was not, nothing between; whoever is left and whoever comes goes on, for two
 * laps of the ring; all that was committed is in the stream once, and every loss is told.
 */
export function assertGoesOn(stage: Stage, legal: readonly Account[]): void {
  const { buffer } = stage
  const account = accountOf(buffer)
  const isLegal = legal.some(({ recorded, lost }) => recorded === account.recorded && lost === account.lost)
  if (!isLegal) assert.fail(`${JSON.stringify(account)}, of ${JSON.stringify(legal)}`)
  assert.equal(new RingReader(buffer).isQuiet(), true, 'whoever writes now has begun nothing')
  let { recorded, lost } = account
  for (let i = 0; i < 8 * SUB_BUFFERS; i++) {
    const outcome = stage.write(QUARTER)
    if (outcome === COMMITTED) recorded++
    if (outcome === LOST) lost++
    // Rarely enough that the ring is full from time to time.
    if (i % 13 === 12) stage.consumer.take('complete')
  }
  stage.consumer.takeAll()
  assert.equal(stage.write(QUARTER), COMMITTED, 'what was read is free')
  stage.consumer.takeAll()
  stage.consumer.takeLosses(lost)
  assert.deepEqual(accountOf(buffer), { recorded: recorded + 1, lost })
  assertStream(stage.stream, recorded + 1, lost)
}

/** Another writer in the place of one that died; its attempts come after those of the dead one. */
export function replaceWriter(stage: Stage): void {
  stage.attempts += 2
  stage.writer = stage.newWriter(HEIR)
}

export function replaceConsumer(stage: Stage): void {
  stage.consumer = new Consumer(stage.buffer, stage.stream)
}

/** What the books may say after a stop in `scenario`: that of before, or that of after. */
export function legalAccounts(make: () => Stage, scenario: Scenario): Account[] {
  const stage = make()
  scenario.prepare(stage)
  const before = accountOf(stage.buffer)
  scenario.run(stage)
  return [before, accountOf(stage.buffer)]
}
