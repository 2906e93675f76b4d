/** `kymo crash`: finishes the trace of a recorder that was killed. */
import { recoverSession } from '../consumer/index.ts'
import { paintFor } from './paint.ts'
import { summaryText } from './summary.ts'
import { printable } from './table.ts'

export async function crash(path: string, { output }: { output?: string }): Promise<void> {
  const result = await recoverSession(path, {
    ...(output === undefined ? {} : { output }),
    say: line => process.stderr.write(`kymo: ${printable(line)}\n`),
  })
  process.stderr.write(summaryText(result, paintFor(process.stderr)))
}
