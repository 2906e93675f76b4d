/** A module that a program imports while it is recorded: its events are new to everyone. */
import { i32, str, tracepoint } from '../../../tracer/index.ts'

const arrived = tracepoint('later:arrived', i32('n'), str('what'))
const unwanted = tracepoint('other:unwanted')

export function hit(): void {
  for (let n = 1; n <= 5; n++) arrived(n, 'parcel')
  unwanted()
}
