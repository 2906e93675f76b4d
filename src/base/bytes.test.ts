import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { alignUp, formatSize, high32, isPowerOfTwo, low32, parseSize } from './bytes.ts'

const SIZES: readonly (readonly [text: string, bytes: number | undefined])[] = [
  ['0', 0],
  ['512', 512],
  ['512B', 512],
  ['4k', 4096],
  ['4kB', 4096],
  ['4kiB', 4096],
  [' 1 M ', 1048576],
  ['1MiB', 1048576],
  ['2G', 2147483648],
  ['8388607G', 8388607 * 2 ** 30],
  ['8388608G', undefined],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['9007199254740992', undefined],
  ['', undefined],
  ['k', undefined],
  ['-1', undefined],
  ['+1', undefined],
  ['1.5M', undefined],
  ['1e3', undefined],
  ['0x10', undefined],
  ['4K', undefined],
  ['4m', undefined],
  ['4T', undefined],
  ['4 k B', undefined],
  ['4k4', undefined],
  ['NaN', undefined],
]

for (const [text, bytes] of SIZES) {
  test(`${JSON.stringify(text)} is ${bytes} bytes`, () => {
    assert.equal(parseSize(text), bytes)
  })
}

const FORMATTED: readonly (readonly [bytes: number, text: string])[] = [
  [0, '0 B'],
  [1, '1 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [18140365, '17.3 MiB'],
  [2 ** 20 - 1, '1.0 MiB'],
  [2 ** 30, '1.0 GiB'],
  [2 ** 40, '1.0 TiB'],
  [2 ** 50, '1024.0 TiB'],
]

for (const [bytes, text] of FORMATTED) {
  test(`${bytes} bytes are ${text}`, () => {
    assert.equal(formatSize(bytes), text)
  })
}

test('a negative size is refused', () => {
  const message = 'assertion failed: a size is not negative'
  assert.throws(() => formatSize(-1), { code: 'KYMO_ASSERT', message })
})

test('alignUp gives the next multiple', () => {
  const cases = [0, 1, 7, 8, 9, 2 ** 40 + 1].map(value => alignUp(value, 8))
  assert.deepEqual(cases, [0, 8, 8, 8, 16, 2 ** 40 + 8])
})

test('powers of two', () => {
  const found = [-2, -1, 0, 0.5, 1, 2, 3, 4, 6, 2 ** 31, 2 ** 52, 2 ** 53, NaN, Infinity].filter(isPowerOfTwo)
  assert.deepEqual(found, [1, 2, 4, 2 ** 31, 2 ** 52])
})

test('the halves of an integer are those of its 64 bits', () => {
  const property = fc.property(fc.maxSafeInteger(), value => {
    const bits = BigInt.asUintN(64, BigInt(value))
    assert.equal(low32(value), Number(bits & 0xffffffffn))
    assert.equal(high32(value), Number(BigInt.asIntN(32, bits >> 32n)))
  })
  fc.assert(property, { seed: 5, numRuns: 1000 })
})
