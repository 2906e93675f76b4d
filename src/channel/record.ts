/**
 * The recording probe of one event class in one ring: reads and checks the values, reserves, writes header,
 * context and payload, commits. Compiled for its fields; `record-closure.ts` does the same without code from
 * strings. It never throws.
 */
import { KymoError } from '../base/index.ts'
import {
  Constants,
  checkText,
  compileFunction,
  fixedBytes,
  makeEncoder,
  type Plan,
  type ScalarPlan,
  SHORT_TEXT,
  SHORT_TEXT_RESERVE,
  textConstants,
  type Utf8,
  writeFixedText,
  writeStringText,
} from '../ctf/codec/index.ts'
import type { HeaderForm } from '../ctf/model/index.ts'
import { LOSS_BAD_VALUE, LOSS_NESTED, type RingWriter, type StepWriter } from '../ring/index.ts'
import { type ClockSource, HIGH_HALF, LOW_HALF } from './clock-source.ts'
import { headerText, IS_NEAR, MAX_HEADER_BYTES, nearHeaderBytes, sizeText } from './header.ts'
import { closureRecorder } from './record-closure.ts'
import type { Scratch } from './scratch.ts'

// biome-ignore lint/suspicious/noExplicitAny: a site's arguments are checked where it is declared
export type Probe = (...args: any[]) => void

export interface RecordedField {
  readonly plan: Plan
  /** Reads the value from the site's arguments; without it field i takes argument i. */
  readonly extract?: Probe | undefined
}

export interface RecordSpec {
  readonly form: HeaderForm
  readonly eventId: number
  /** The common context of this thread. */
  readonly context: Uint8Array
  readonly fields: readonly RecordedField[]
  /** Number of the site's arguments. */
  readonly arity: number
}

/** What all recording probes of a thread share. */
export interface ThreadState {
  /** The program's generation word and what this thread has seen of it. */
  readonly words: Int32Array
  readonly generationWord: number
  readonly seen: Int32Array
  readonly scratch: Scratch
  /** [0] records whose values are being read by the program's own code right now. */
  readonly depth: Int32Array
  readonly utf8: Utf8
  /** Reads the rules anew; true when `probe` is to go on. */
  refresh(probe: object): boolean
}

/** A record that the reading of another one makes; LTTng allows its signal handlers as many. */
export const MAX_DEPTH = 5
/** Payloads up to this are copied byte by byte, which is faster than a call. */
const COPY_LOOP_BYTES = 64

/** A connected recording probe: `run` is what a site calls. */
export interface Recorder {
  run: Probe
}

export function makeRecorder(
  spec: RecordSpec,
  writer: RingWriter,
  clock: ClockSource,
  thread: ThreadState,
): Recorder {
  const recorder: Recorder = { run: () => undefined }
  const compiled = compileRecorder(recorder, spec, writer, clock, thread)
  if (compiled !== undefined) recorder.run = compiled
  else if (isStepWriter(writer)) recorder.run = closureRecorder(recorder, spec, writer, clock, thread)
  else
    throw new KymoError(
      'KYMO_RESERVATION',
      'a lockless ring needs code from strings, which is forbidden here',
    )
  return recorder
}

function isStepWriter(writer: RingWriter): writer is StepWriter {
  return 'begin' in writer
}

/** `undefined` where code from strings is forbidden. */
export function compileRecorder(
  recorder: Recorder,
  spec: RecordSpec,
  writer: RingWriter,
  clock: ClockSource,
  thread: ThreadState,
): Probe | undefined {
  const text = new RecordText(spec, thread.utf8, writer.text.isExact)
  return compileFunction<Probe>(text.body(writer, clock, thread), {
    ...textConstants(thread.utf8),
    ...clock.constants,
    halves: clock.halves,
    W: writer.words,
    F: writer.doubles,
    V: writer.view,
    U: writer.bytes,
    O: writer.own,
    T: writer.ownDoubles,
    G: thread.words,
    S: thread.seen,
    D: thread.depth,
    X: thread.scratch,
    K: text.constants.values,
    recorder,
    lose: (cause: number) => writer.lose(cause),
    discard: (cause: number) => writer.discard(cause, thread.words, thread.generationWord, thread.seen),
    reserveSlow: (size: number) => writer.reserveSlow(size),
    ...writer.text.functions,
    refresh: (probe: object) => thread.refresh(probe),
  })
}

/** One field's part in the text: `inline` fields are written from their locals, others staged in the scratch. */
interface FieldText {
  readonly read: string
  readonly write: string
  readonly fixed: number
  readonly max: string
  readonly exact: string
}

class RecordText {
  readonly constants = new Constants()
  readonly #spec: RecordSpec
  readonly #utf8: Utf8
  readonly #fields: readonly FieldText[]
  /** Sizes must be right: what is known only when it is written is staged. */
  readonly #isExact: boolean

  constructor(spec: RecordSpec, utf8: Utf8, isExact: boolean) {
    this.#isExact = isExact
    this.#spec = spec
    this.#utf8 = utf8
    this.#fields = spec.fields.map((field, i) => this.#field(field, i))
  }

  body(writer: RingWriter, clock: ClockSource, thread: ThreadState): string {
    const { form, context, arity, eventId } = this.#spec
    const args = Array.from({ length: arity }, (_, i) => `a${i}`).join(', ')
    const fixed = context.length + this.#fields.reduce((sum, field) => sum + field.fixed, 0)
    const variable = (which: 'max' | 'exact'): string => this.#fields.map(field => field[which]).join('')
    const counter = writer.classCounters + Math.min(eventId, writer.classCapacity - 1)
    const isVariable = this.#spec.fields.some(field => fixedBytes(field.plan) === undefined)
    const again = `if (refresh(recorder)) recorder.run(${args}); return;`
    const discard = (cause: string): string =>
      `if (!discard(${cause}) && refresh(recorder)) recorder.run(${args}); return;`
    const header = { form, eventId, isVariable }
    return `const C = ${counter - eventId};
return function record(${args}) { // event ${eventId}, ring at ${writer.created}
  let isBegun = false, isInside = false, mark = 0;
  try {
    ${this.#enter(discard)}
    ${this.#fields.map(field => field.read).join('\n')}
    ${writer.text.record({
      eventId,
      maxBytes: `${fixed}${variable('max')}`,
      exactBytes: `${fixed}${variable('exact')}`,
      maxHeaderBytes: MAX_HEADER_BYTES[form],
      isNear: IS_NEAR[form],
      nearHeaderBytes: nearHeaderBytes(header),
      isStale: `G[${thread.generationWord}] !== S[0]`,
      again,
      discard,
      readClock: clock.text,
      low: `halves[${LOW_HALF}]`,
      high: `halves[${HIGH_HALF}]`,
      write: `${headerText(header, writer.text.isExact ? 'goes on' : 'may go back')}
        ${form === 'sized' ? 'const start = q;' : ''}
        ${this.#contextText()}
        ${this.#fields.map(field => field.write).join('\n')}
        ${sizeText(form)}`,
    })}
    ${clock.after}
  } catch (error) {
    ${writer.text.recover}
    let isCounted = false;
    try {
      if (!discard(${LOSS_BAD_VALUE}) && refresh(recorder)) recorder.run(${args});
      isCounted = true;
    } catch (error) {}
    // The stack has no room for a call.
    if (!isCounted) { ${writer.text.lose(LOSS_BAD_VALUE)} }
  }${this.#leave()}
}`
  }

  get #runsProgramCode(): boolean {
    return this.#spec.fields.some(field => field.extract !== undefined || !this.#isInline(field.plan))
  }

  #enter(discard: (cause: string) => string): string {
    if (!this.#runsProgramCode) return ''
    return `if (D[0] >= ${MAX_DEPTH}) { ${discard(`${LOSS_NESTED}`)} }
      D[0]++; mark = X.top; isInside = true;`
  }

  #leave(): string {
    return this.#runsProgramCode ? ' finally { if (isInside) { D[0]--; X.top = mark; } }' : ''
  }

  #contextText(): string {
    const { context } = this.#spec
    const view = new DataView(context.buffer, context.byteOffset, context.byteLength)
    const stores: string[] = []
    let at = 0
    for (; at + 4 <= context.length; at += 4)
      stores.push(`V.setInt32(q + ${at}, ${view.getInt32(at, true)}, true);`)
    for (; at < context.length; at++) stores.push(`V.setUint8(q + ${at}, ${context[at]});`)
    return at === 0 ? '' : `${stores.join(' ')} q += ${at};`
  }

  #field({ plan, extract }: RecordedField, i: number): FieldText {
    const v = `v${i}`
    const args = Array.from({ length: this.#spec.arity }, (_, k) => `a${k}`).join(', ')
    const value = extract === undefined ? `a${i}` : `${this.constants.add(extract)}(${args})`
    if (!this.#isInline(plan)) return this.#staged(plan, v, value, i)
    const read = `let ${v} = ${value}; ${checkText(plan, v, this.constants)}`
    if (plan.kind === 'string') {
      const exact = ` + (${v}l <= ${SHORT_TEXT} ? ${SHORT_TEXT_RESERVE(`${v}l`)} : utf8.byteLength(${v}) + 1)`
      return { read, write: writeStringText(v), fixed: 0, max: ` + ${SHORT_TEXT_RESERVE(`${v}l`)}`, exact }
    }
    const bytes = fixedBytes(plan) as number
    return { read, write: `${writeFixedText(plan, v, 'q')} q += ${bytes};`, fixed: bytes, max: '', exact: '' }
  }

  #staged(plan: Plan, v: string, value: string, i: number): FieldText {
    const encoder = this.constants.add(makeEncoder(plan, this.#utf8))
    // What the program's own code records meanwhile lies above, and may leave `b` behind by growing the scratch.
    const read = `const ${v}o = ${value}, ${v}z = ${encoder}.size(${v}o); X.need(${v}z);
      const ${v}s = X.top, ${v}b = X.bytes; X.top += ${v}z;
      const ${v}e = ${encoder}.encode(X.view, ${v}b, ${v}s, ${v}o), ${v}l = ${v}e - ${v}s;
      if (${v}l > ${v}z) throw BAD_VALUE;
      X.top = ${v}e;`
    // Where a record that is not finished keeps its sub-buffer from the reader, nothing is called within one.
    const mostBytes = this.#isExact ? 'Infinity' : COPY_LOOP_BYTES
    const write = `
      if (${v}l <= ${mostBytes}) for (let i${i} = ${v}s; i${i} < ${v}e; i${i}++) U[q++] = ${v}b[i${i}];
      else { U.set(${v}b.subarray(${v}s, ${v}e), q); q += ${v}l; }`
    const size = ` + ${v}l`
    return { read, write, fixed: 0, max: size, exact: size }
  }

  /** Values that can be read without running the program's code and stored without a copy. */
  #isInline(plan: Plan): plan is ScalarPlan {
    if (plan.kind === 'integer') return plan.isPlain
    if (plan.kind === 'string') return !this.#isExact
    return plan.kind === 'float' || plan.kind === 'boolean'
  }
}
