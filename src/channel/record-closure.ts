/** The recording probe where code from strings is forbidden: the payload is staged, then copied. */
import { fixedBytes, makeEncoder, type Utf8 } from '../ctf/codec/index.ts'
import { LOSS_BAD_VALUE, LOSS_NESTED, OWN_TIME, type RingWriter } from '../ring/index.ts'
import type { ClockSource } from './clock-source.ts'
import { MAX_HEADER_BYTES, writeHeader } from './header.ts'
import { MAX_DEPTH, type Probe, type Recorder, type RecordSpec, type ThreadState } from './record.ts'

export function closureRecorder(
  recorder: Recorder,
  spec: RecordSpec,
  writer: RingWriter,
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
    epochHigh: Number(writer.epoch >> 32n),
    isVariable: spec.fields.some(field => fixedBytes(field.plan) === undefined),
  }
  const { scratch, depth, seen, words, generationWord } = thread
  const { context } = spec

  /** Reads all values into the scratch and returns where they end. */
  const stage = (args: unknown[]): number => {
    encoders.forEach(({ size, encode, extract }, i) => {
      const value = extract === undefined ? args[i] : extract(...args)
      scratch.need(size(value))
      scratch.top = encode(scratch.view, scratch.bytes, scratch.top, value)
    })
    return scratch.top
  }

  const record = (args: unknown[], start: number): void => {
    const end = stage(args)
    if (writer.isNested()) return
    const size = context.length + end - start
    const p = writer.reserve(MAX_HEADER_BYTES[spec.form] + size)
    if (p < 0) return
    writer.begin()
    if (words[generationWord] !== seen[0]) {
      writer.abandon()
      if (thread.refresh(recorder)) recorder.run(...args)
      return
    }
    const last = writer.ownDoubles[OWN_TIME] as number
    const time = Math.max(clock.read(), last)
    const q = writeHeader(writer.view, header, p, time, last, size)
    writer.bytes.set(context, q)
    writer.bytes.set(scratch.bytes.subarray(start, end), q + context.length)
    writer.commit(q + size, time, spec.eventId)
  }

  return (...args) => {
    if ((depth[0] as number) >= MAX_DEPTH) {
      writer.lose(LOSS_NESTED)
      return
    }
    const start = scratch.top
    depth[0] = (depth[0] as number) + 1
    try {
      record(args, start)
    } catch {
      writer.lose(LOSS_BAD_VALUE) // nothing throws between begin() and commit()
    } finally {
      depth[0] = (depth[0] as number) - 1
      scratch.top = start
    }
  }
}
