import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { globMatches, splitPatterns } from './glob.ts'

const MATCHES: readonly (readonly [pattern: string, name: string, matches: boolean])[] = [
  ['shop:order', 'shop:order', true],
  ['shop:order', 'shop:orders', false],
  ['shop:order', 'Shop:order', false],
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['*', 'shop:order', true],
  ['**', 'shop:order', true],
  ['shop:*', 'shop:order', true],
  ['shop:*', 'shop:', true],
  ['shop:*', 'shop', false],
  ['shop:*', 'myshop:order', false],
  ['*:order', 'shop:order', true],
  ['*:order', 'shop:order_paid', false],
  ['*order*', 'shop:order_paid', true],
  ['s*p:o*r', 'shop:order', true],
  ['s*p:o*r', 'shop:orders', false],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'ac', false],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['ab*ba', 'aba', false],
  ['*ab*ab*', 'ab', false],
  ['*ab*ab*', 'abab', true],
  ['a*bc*c', 'abc', false],
  ['a*bc*c', 'abcc', true],
  ['?', 'a', false],
  ['?', '?', true],
  ['[ab]', 'a', false],
  ['.*', 'x', false],
  ['.*', '.x', true],
  ['\\*', '*', true],
  ['\\*', 'a', false],
  ['a\\**', 'a*b', true],
  ['a\\**', 'ab', false],
  ['*\\*', 'ab*', true],
  ['*\\*', 'ab', false],
  ['\\\\*', '\\b', true],
  ['\\\\*', '*', false],
  ['\\a', 'a', true],
  ['a\\', 'a\\', true],
  ['größe:*', 'größe:😀', true],
]

for (const [pattern, name, matches] of MATCHES) {
  test(`${pattern} ${matches ? 'matches' : 'does not match'} ${name}`, () => {
    assert.equal(globMatches(pattern, name), matches)
  })
}

test('a pattern matches what a regular expression does', () => {
  const letters = (from: string[]): fc.Arbitrary<string> =>
    fc.string({ unit: fc.constantFrom(...from), maxLength: 8 })
  const property = fc.property(letters(['a', 'b', '*']), letters(['a', 'b']), (pattern, name) => {
    assert.equal(globMatches(pattern, name), new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name))
  })
  fc.assert(property, { seed: 4, numRuns: 5000 })
})

test('many stars are no trap', () => {
  const start = process.hrtime.bigint()
  assert.equal(globMatches(`${'*a'.repeat(1000)}b*`, 'a'.repeat(100_000)), false)
  assert.equal(process.hrtime.bigint() - start < 2_000_000_000n, true)
})

const LISTS: readonly (readonly [list: string, patterns: readonly string[]])[] = [
  ['', []],
  [' , ,', []],
  ['shop:*', ['shop:*']],
  ['shop:*,node_http:*', ['shop:*', 'node_http:*']],
  [' shop:* , gc:start ', ['shop:*', 'gc:start']],
  ['a\\,b', ['a,b']],
  ['a\\,b,c\\,d', ['a,b', 'c,d']],
  ['a\\*,b', ['a\\*', 'b']],
]

for (const [list, patterns] of LISTS) {
  test(`patterns of ${JSON.stringify(list)}`, () => {
    assert.deepEqual(splitPatterns(list), patterns)
  })
}
