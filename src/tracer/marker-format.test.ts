import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { FieldClass } from '../ctf/model/index.ts'
import { parseMarkerFormat } from './marker-format.ts'

/** `i4 10` is a signed integer of 4 bytes, shown in decimal. */
function shape(fieldClass: FieldClass | undefined): string {
  switch (fieldClass?.type) {
    case 'fixed-length-signed-integer':
      return `i${fieldClass.length / 8} ${fieldClass.preferredDisplayBase}`
    case 'fixed-length-unsigned-integer':
      return `u${fieldClass.length / 8} ${fieldClass.preferredDisplayBase}`
    case 'fixed-length-floating-point-number':
      return `f${fieldClass.length / 8}`
    default:
      return String(fieldClass?.type)
  }
}

/** Of the lines `name shape`. */
function fields(format: string): string[] {
  return parseMarkerFormat(format).flatMap(({ name, type }) => {
    const members = type.members(name)
    assert.deepEqual(members, [{ name, fieldClass: type.fieldClass }])
    return `${name} ${type.label}: ${shape(type.fieldClass)}`
  })
}

const FORMATS: readonly (readonly [format: string, fields: readonly string[]])[] = [
  ['', []],
  ['   ', []],
  ['prev_pid %d next_pid %d', ['prev_pid %d: i4 10', 'next_pid %d: i4 10']],
  ['  a   %d  b %s ', ['a %d: i4 10', 'b str: null-terminated-string']],
  ['a %i b %u', ['a %i: i4 10', 'b %u: u4 10']],
  ['a %x b %o c %c', ['a %x: u4 16', 'b %o: u4 8', 'c %c: u1 10']],
  ['a %ld b %li c %lld', ['a %ld: i8 10', 'b %li: i8 10', 'c %lld: i8 10']],
  ['a %lu b %lx c %llu d %llx', ['a %lu: u8 10', 'b %lx: u8 16', 'c %llu: u8 10', 'd %llx: u8 16']],
  ['a %p b %zu', ['a %p: u8 16', 'b %zu: u8 10']],
  ['a %f b %g c %lf', ['a %f: f8', 'b %g: f8', 'c %lf: f8']],
  ['prev_state #2d%ld', ['prev_state %#2dld: i2 10']],
  ['a #1u%d b #4x%ld c #8o%u', ['a %#1ud: u1 10', 'b %#4xld: u4 16', 'c %#8ou: u8 8']],
  ['a #2d%lu', ['a %#2dlu: i2 10']],
  ['größe %d', ['größe %d: i4 10']],
  ['%d %d', ['%d %d: i4 10']],
]

for (const [format, expected] of FORMATS) {
  test(`the fields of ${JSON.stringify(format)}`, () => {
    assert.deepEqual(fields(format), expected)
  })
}

const REFUSED: readonly (readonly [format: string, what: string])[] = [
  ['pid', 'pid has no %type'],
  ['pid %d tid', 'tid has no %type'],
  ['%d', '%d has no %type'],
  ['pid %q', '%q is no %type'],
  ['pid d', 'd is no %type'],
  ['pid %', '% is no %type'],
  ['pid %D', '%D is no %type'],
  ['pid %5d', '%5d is no %type'],
  ['pid %d,', '%d, is no %type'],
  ['pid %toString', '%toString is no %type'],
  ['pid\t%d tid', 'tid is no %type'],
  ['pid #3d%ld', '#3d%ld is no %type'],
  ['pid #16d%ld', '#16d%ld is no %type'],
  ['pid #2q%ld', '#2q%ld is no %type'],
  ['pid #2%ld', '#2%ld is no %type'],
  ['pid #d%ld', '#d%ld is no %type'],
  ['pid #2d', '#2d is no %type'],
  ['name #2d%s', '#2d%s: a size goes with integers'],
  ['ratio #4d%f', '#4d%f: a size goes with integers'],
]

for (const [format, what] of REFUSED) {
  test(`${JSON.stringify(format)} is no format`, () => {
    const message = `a marker format is "name %type" pairs: ${what} in ${JSON.stringify(format)}`
    assert.throws(() => parseMarkerFormat(format), { name: 'KymoError', code: 'KYMO_FORMAT', message })
  })
}

test('a name that every object has is no %type', () => {
  assert.throws(() => parseMarkerFormat('pid %constructor'), { code: 'KYMO_FORMAT' })
})

test('any text is a format or refused as one', () => {
  const word = fc.constantFrom('a', 'pid', '%d', '%ld', '#2d%ld', '%s', '%q', '#', '%', '', ' ', '\0')
  const property = fc.property(fc.array(word, { maxLength: 8 }), words => {
    const format = words.join(' ')
    try {
      const names = parseMarkerFormat(format).map(field => field.name)
      const given = format.split(' ').filter(part => part !== '')
      assert.deepEqual(
        names,
        given.filter((_, i) => i % 2 === 0),
      )
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'KYMO_FORMAT')
    }
  })
  fc.assert(property, { seed: 6, numRuns: 2000 })
})
