/** The common context of one thread's records. All of its fields are constant for a thread, so they are bytes. */
import { makeEncoder, planOf, type Utf8 } from '../ctf/codec/index.ts'
import { contextClass, NAME_BYTES } from '../ctf/model/index.ts'

export interface ThreadIdentity {
  readonly vpid: number
  readonly vtid: number
  readonly procname: string
  readonly thread_name: string
}

export function contextBytes(names: readonly string[], thread: ThreadIdentity, utf8: Utf8): Uint8Array {
  const bytes = new Uint8Array(names.length * NAME_BYTES)
  const end = makeEncoder(planOf(contextClass(names)), utf8).encode(
    new DataView(bytes.buffer),
    bytes,
    0,
    thread,
  )
  return bytes.slice(0, end)
}
