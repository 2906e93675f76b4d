import assert from 'node:assert/strict'
import test from 'node:test'
import { hostOf, pathOf } from './url.ts'

test('paths without what may be secret', () => {
  for (const [url, path] of [
    ['/a/b', '/a/b'],
    ['/a?b=1#c', '/a'],
    ['/a#b?c', '/a'],
    ['/a@b?c', '/a@b'],
    ['*', '*'],
    ['', ''],
    ['http://u:p@h:1/x?y', 'http://h:1/x'],
    ['http://h/x@y', 'http://h/x@y'],
    ['u:p@h:443', 'h:443'],
  ] as const)
    assert.equal(pathOf(url), path)
})

test('hosts of origins', () => {
  assert.equal(hostOf('https://h:1'), 'h:1')
  assert.equal(hostOf(new URL('http://h')), 'h')
  assert.equal(hostOf(undefined), 'undefined')
})
