import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test from 'node:test'
import fc from 'fast-check'
import { samples } from './classes.contract.ts'
import { closureEncoder } from './closures.ts'
import { encodeGuarded, encoderContract } from './encoder.contract.ts'
import { compileEncoder, type Encoder, makeEncoder } from './encoder.ts'
import { type Plan, planOf } from './plan.ts'
import { portableUtf8, type Utf8 } from './value.ts'

const { utf8Write } = Buffer.prototype as unknown as {
  utf8Write: (this: Uint8Array, text: string, at: number) => number
}
/** As the tracer has it. */
const platformUtf8: Utf8 = {
  byteLength: text => Buffer.byteLength(text),
  write: (text, bytes, at) => utf8Write.call(bytes, text, at),
}

function compiled(utf8: Utf8): (plan: Plan) => Encoder {
  return plan => {
    const encoder = compileEncoder(plan, utf8)
    assert.notEqual(encoder, undefined)
    return encoder as Encoder
  }
}

encoderContract('compiled', compiled(portableUtf8))
encoderContract("compiled, with the platform's UTF-8", compiled(platformUtf8))
encoderContract('closures', plan => closureEncoder(plan, portableUtf8))
encoderContract("closures, with the platform's UTF-8", plan => closureEncoder(plan, platformUtf8))

test('compiled and closures write the same bytes', () => {
  const property = fc.property(samples, ({ fieldClass, value }) => {
    const plan = planOf(fieldClass)
    const [one, other] = [compiled(platformUtf8)(plan), closureEncoder(plan, portableUtf8)]
    assert.deepEqual(encodeGuarded(one, value), encodeGuarded(other, value))
  })
  fc.assert(property, { seed: 21, numRuns: 1500 })
})

test('where code from strings is forbidden, closures do it', () => {
  const program = `
    import { makeEncoder, planOf, portableUtf8 } from ${JSON.stringify(new URL('./index.js', import.meta.url).href)}
    const plan = planOf({ type: 'null-terminated-string' })
    const bytes = new Uint8Array(16)
    const end = makeEncoder(plan, portableUtf8).encode(new DataView(bytes.buffer), bytes, 0, 'kymo')
    process.stdout.write(Buffer.from(bytes.subarray(0, end)).toString('hex'))
  `
  const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', program]
  const { stdout, stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8' })
  assert.deepEqual({ stdout, stderr }, { stdout: '6b796d6f00', stderr: '' })
})

test('an encoder is compiled where code from strings is allowed', () => {
  const encoder = makeEncoder(planOf({ type: 'null-terminated-string' }), portableUtf8)
  assert.match(String(encoder.encode), /^encode\(V, U, q, v\)/)
})
