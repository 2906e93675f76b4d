import { contextClass, type DataStreamClass, eventHeaderClass, type HeaderForm } from '../ctf/model/index.ts'
import { PACKET_CONTEXT } from './packet.ts'

/** The stream class of a channel of this form. */
export function streamClassFor(
  id: number,
  form: { readonly header: HeaderForm; readonly contexts: readonly string[] },
): DataStreamClass {
  const context = contextClass(form.contexts)
  return {
    id,
    packetContext: PACKET_CONTEXT,
    eventRecordHeader: eventHeaderClass(form.header),
    ...(context.memberClasses.length === 0 ? {} : { eventRecordCommonContext: context }),
  }
}
