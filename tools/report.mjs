/** A reporter for `node --test`: the `spec` report, then every skipped test by name, with its reason. */
import path from 'node:path'
import { Readable } from 'node:stream'
import { spec as Spec } from 'node:test/reporters'

export default async function* report(source) {
  const skipped = []
  yield* Readable.from(watch(source, skipped)).pipe(new Spec())
  if (skipped.length > 0) yield `\nSkipped, by name:\n${skipped.map(line => `  ${line}\n`).join('')}`
}

/** Passes events through and notes the skipped ones, each with the names of the tests around it. */
async function* watch(source, skipped) {
  const names = []
  for await (const event of source) {
    const { type, data } = event
    if (type === 'test:start') names[data.nesting] = data.name
    if (type === 'test:pass' && data.skip !== undefined && data.skip !== false) {
      const name = [...names.slice(0, data.nesting), data.name].join(' > ')
      const file = data.file === undefined ? '' : `${path.relative('.', data.file)}: `
      skipped.push(
        `${file}${name} (${typeof data.skip === 'string' && data.skip ? data.skip : 'no reason given'})`,
      )
    }
    yield event
  }
}
