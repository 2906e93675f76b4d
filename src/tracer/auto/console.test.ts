import assert from 'node:assert/strict'
import test from 'node:test'

const original = Object.fromEntries(Object.entries(console))
const { sites, text } = await import('./console.ts')

test('methods look as they did', () => {
  for (const level of ['log', 'info', 'debug', 'warn', 'error'] as const) {
    assert.equal(console[level].name, level)
    assert.equal(console[level].length, original[level].length)
    assert.equal('prototype' in console[level], 'prototype' in original[level])
    assert.deepEqual(Object.keys(console), Object.keys(original))
  }
})

test('levels, number of arguments, characters of strings; text only where it is asked for', () => {
  const events: unknown[][] = []
  const disconnects = Object.entries(sites).map(([level, site]) =>
    site.connect((...args) => events.push([level, ...args])),
  )
  for (const level of ['debug', 'log', 'info', 'warn', 'error'] as const) console[level]('%s!', 'héllo', 1)
  assert.deepEqual(events, [
    ['debug', 3, 8],
    ['log', 3, 8],
    ['info', 3, 8],
    ['warn', 3, 8],
    ['error', 3, 8],
  ])
  for (const disconnect of disconnects) disconnect()
  events.length = 0
  text.connect((...args) => events.push(args))
  console.warn('%s!', 'héllo', 1)
  console.log('x'.repeat(5000))
  assert.deepEqual(events, [
    ['warn', 'héllo! 1'],
    ['log', 'x'.repeat(4096)],
  ])
})

test('an inspection that throws reaches the program once, from where it always did', () => {
  const inspected = Symbol.for('nodejs.util.inspect.custom')
  const bomb = {
    [inspected](): string {
      throw new Error('mine')
    },
  }
  assert.throws(() => console.log(bomb), /^Error: mine$/)
})
