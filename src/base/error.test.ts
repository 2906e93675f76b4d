import assert from 'node:assert/strict'
import test from 'node:test'
import { assert as assertOwn, assertUnreachable } from './assert.ts'
import { errorCode, errorText, KymoError } from './error.ts'
import { fileNameDate } from './time.ts'

test('an error has a code, and its numbers as fields', () => {
  const error = new KymoError('KYMO_SIZE', 'a size is a number: got x', { got: 'x' })
  const { name, code, message, fields } = error
  assert.deepEqual(
    { name, code, message, fields, isError: error instanceof Error },
    {
      name: 'KymoError',
      code: 'KYMO_SIZE',
      message: 'a size is a number: got x',
      fields: { got: 'x' },
      isError: true,
    },
  )
})

const THROWN: readonly (readonly [thrown: unknown, code: string, text: string])[] = [
  [new KymoError('KYMO_X', 'what'), 'KYMO_X', 'what'],
  [Object.assign(new Error('no such file'), { code: 'ENOENT' }), 'ENOENT', 'no such file'],
  [Object.assign(new Error('number'), { code: 5 }), '', 'number'],
  [{ code: 'KYMO_OTHER_COPY' }, 'KYMO_OTHER_COPY', '[object Object]'],
  ['text', '', 'text'],
  [null, '', 'null'],
  [undefined, '', 'undefined'],
]

for (const [thrown, code, text] of THROWN) {
  test(`code and text of a thrown ${text}`, () => {
    assert.deepEqual([errorCode(thrown), errorText(thrown)], [code, text])
  })
}

test('an assertion says what was to hold', () => {
  assertOwn(1, 'one')
  const message = 'assertion failed: zero'
  assert.throws(() => assertOwn(0, 'zero'), { name: 'KymoError', code: 'KYMO_ASSERT', message })
  assert.throws(() => assertUnreachable({ kind: 'new' } as never), {
    code: 'KYMO_ASSERT',
    message: 'unreachable: {"kind":"new"}',
  })
})

test('the date of a trace folder is local time, in digits of fixed number', () => {
  assert.equal(fileNameDate(new Date(2026, 0, 2, 3, 4, 5)), '20260102-030405')
  assert.equal(fileNameDate(new Date(2026, 11, 31, 23, 59, 59)), '20261231-235959')
})
