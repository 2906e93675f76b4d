/** The recording probe where code from strings is forbidden: the payload is staged, then copied. */
import { BAD_VALUE, fixedBytes, makeEncoder, type Utf8 } from '../ctf/codec/index.ts'
import { LOSS_BAD_VALUE, LOSS_NESTED, OWN_TIME_HIGH, OWN_TIME_LOW, type StepWriter } from '../ring/index.ts'
import { type ClockSource, HIGH_HALF, LOW_HALF } from './clock-source.ts'
import { laterTime, MAX_HEADER_BYTES, writeHeader } from './header.ts'
import { MAX_DEPTH, type Probe, type Recorder, type RecordSpec, type ThreadState } from './record.ts'

export function closureRecorder(
  recorder: Recorder,
  spec: RecordSpec,
  writer: StepWriter,
  clock: ClockSource,
  thread: ThreadState,
): Probe {
  const encoders = spec.fields.map(({ plan, extract }) => ({
    ...makeEncoder(plan, thread.utf8 as Utf8),
    extract,
  }))
  const header = {
    form: spec.form,
    eventId: spec.eventId,
    isVariable: spec.fields.some(field => fixedBytes(field.plan) === undefined),
  }
  const { scratch, depth, seen, words, generationWord } = thread
  const { context } = spec

  /** Reads all values into the scratch. Growing it leaves what is staged where it is. */
  const stage = (args: unknown[]): Uint8Array[] =>
    encoders.map(({ size, encode, extract }, i) => {
      const value = extract === undefined ? args[i] : extract(...args)
      const room = size(value)
      scratch.need(room)
      const { view, bytes, top } = scratch
      scratch.top = top + room
      const end = encode(view, bytes, top, value)
      if (end > scratch.top) throw BAD_VALUE
      scratch.top = end
      return bytes.subarray(top, end)
    })

  /** Counts a hit that is not recorded, or begins anew when the rules have changed meanwhile. */
  const discard = (cause: number, args: unknown[]): void => {
    if (writer.discard(cause, words, generationWord, seen)) return
    if (thread.refresh(recorder)) recorder.run(...args)
  }

  return (...args) => {
    if ((depth[0] as number) >= MAX_DEPTH) {
      discard(LOSS_NESTED, args)
      return
    }
    const mark = scratch.top
    let isBegun = false
    depth[0] = (depth[0] as number) + 1
    try {
      const staged = stage(args)
      if (writer.isNested()) return
      const size = staged.reduce((sum, bytes) => sum + bytes.length, context.length)
      const p = writer.reserve(MAX_HEADER_BYTES[spec.form] + size)
      if (p < 0) {
        discard(~p, args)
        return
      }
      isBegun = true
      writer.begin()
      if (words[generationWord] !== seen[0]) {
        writer.abandon()
        isBegun = false
        if (thread.refresh(recorder)) recorder.run(...args)
        return
      }
      const { own } = writer
      const last = { low: own[OWN_TIME_LOW] as number, high: own[OWN_TIME_HIGH] as number }
      clock.read()
      const { halves } = clock
      const read = { low: halves[LOW_HALF] as number, high: halves[HIGH_HALF] as number }
      const time = laterTime(read, last)
      let q = writeHeader(writer.view, header, p, time, last, size)
      for (const bytes of [context, ...staged]) {
        writer.bytes.set(bytes, q)
        q += bytes.length
      }
      writer.commit(q, spec.eventId, time.low, time.high)
      isBegun = false
      clock.done()
    } catch {
      if (isBegun) writer.abandon()
      try {
        discard(LOSS_BAD_VALUE, args)
      } catch {
        writer.lose(LOSS_BAD_VALUE) // the stack has no room for a call more
      }
    } finally {
      depth[0] = (depth[0] as number) - 1
      scratch.top = mark
    }
  }
}
