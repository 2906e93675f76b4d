import assert from 'node:assert/strict'
import test from 'node:test'
import { parseUuid } from './uuid.ts'

test('a UUID is 16 bytes, in either case', () => {
  const text = '01234567-89ab-cdef-0123-456789ABCDEF'
  assert.equal(Buffer.from(parseUuid(text)).toString('hex'), '0123456789abcdef0123456789abcdef')
})

const REFUSED = [
  '',
  '0123456789abcdef0123456789abcdef',
  '01234567-89ab-cdef-0123-456789abcde',
  '01234567-89ab-cdef-0123-456789abcdef0',
  '01234567-89ab-cdef-0123-456789abcdeg',
  '{01234567-89ab-cdef-0123-456789abcdef}',
  '01234567-89ab-cdef-0123-456789abcdef\n',
  '0123456-789ab-cdef-0123-456789abcdef',
]

for (const text of REFUSED) {
  test(`${JSON.stringify(text)} is no UUID`, () => {
    const message = `a UUID has the form 8-4-4-4-12 hexadecimal digits: got ${JSON.stringify(text)}`
    assert.throws(() => parseUuid(text), { name: 'KymoError', code: 'KYMO_UUID', message })
  })
}
