import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { BEGUN_WORD, COMMITTED_WORD } from '../ring/layout.ts'
import { makeRecorder } from './record.ts'
import { EPOCH_HIGH, MAKER_NAMES, NOTHING_LOST, Recording } from './recording.contract.ts'

const BAD: readonly (readonly [layout: 'u8' | 'i32' | 'u64' | 'f64' | 'str', values: readonly unknown[]])[] =
  [
    ['u8', [undefined, null, NaN, 256, -1, {}, Symbol('s'), '1']],
    ['i32', [undefined, Infinity, 2 ** 31, [], () => 1, 2n ** 31n]],
    ['u64', [undefined, -1, -1n, 2 ** 53, 2n ** 64n, '1']],
    ['f64', [undefined, '1', 1n, true, null]],
    ['str', [undefined, null, 1, {}, Symbol('s'), ['a']]],
  ]

for (const maker of MAKER_NAMES) {
  test(`${maker}: arguments by position, as many as there are fields`, () => {
    const recording = new Recording({ maker })
    const { run } = recording.recorder(['i32', 'str', 'u64', 'f64', 'u8'])
    run(-5, 'kymo', 2n ** 64n - 1n, 0.1, 255, 'one too many')
    run(1.9, '', 0, -0, 0)
    const values = recording.take().map(record => record.values)
    assert.deepEqual(values, [
      [-5, 'kymo', 2n ** 64n - 1n, 0.1, 255],
      [1, '', 0n, -0, 0],
    ])
  })

  test(`${maker}: values read from the arguments`, () => {
    const recording = new Recording({ maker })
    const extracts = [(request: { n: number }) => request.n, (_: unknown, name: string) => name, undefined]
    const { run } = recording.recorder(['i32', 'str', 'u8'], { extracts })
    run({ n: 9 }, 'second', 3)
    assert.deepEqual(recording.take()[0]?.values, [9, 'second', 3])
  })

  for (const [kind, values] of BAD) {
    test(`${maker}: wrong values for ${kind} are counted, by argument and in an object`, () => {
      const recording = new Recording({ maker })
      const plain = recording.recorder([kind])
      const object = recording.recorder([kind], { id: 2, isObject: true })
      for (const value of values) {
        plain.run(value)
        object.run({ a: value })
        object.run(value)
      }
      assert.deepEqual(recording.take(), [])
      assert.deepEqual(recording.reader.losses(), { ...NOTHING_LOST, 'bad value': values.length * 3 })
    })
  }

  test(`${maker}: what the program's own code throws is a bad value`, () => {
    const recording = new Recording({ maker })
    const fail = (): never => {
      throw new Error('mine')
    }
    recording.recorder(['i32'], { extracts: [fail] }).run(1)
    recording.recorder(['i32'], { isObject: true }).run(Object.defineProperty({}, 'a', { get: fail }))
    recording.recorder(['str', 'u8'], { isObject: true }).run(new Proxy({}, { get: fail }))
    assert.deepEqual(recording.take(), [])
    assert.deepEqual(recording.reader.losses(), { ...NOTHING_LOST, 'bad value': 3 })
  })

  test(`${maker}: a value that grows while it is read is a bad value`, () => {
    const recording = new Recording({ maker, subBufferBytes: 65536 })
    const texts = ['a', 'b'.repeat(200), 'c', 'd'.repeat(20_000)]
    const lying = Object.defineProperty({}, 'a', { get: () => texts.shift() })
    const { run } = recording.recorder(['str'], { isObject: true })
    run(lying)
    run(lying)
    run({ a: 'honest' })
    assert.deepEqual(
      recording.take().map(record => record.values),
      [['honest']],
    )
    assert.deepEqual(recording.reader.losses(), { ...NOTHING_LOST, 'bad value': 2 })
  })

  test(`${maker}: a record that is larger than a sub-buffer`, () => {
    const recording = new Recording({ maker })
    const text = recording.recorder(['str'])
    const object = recording.recorder(['str'], { id: 2, isObject: true })
    // 13 bytes for the longest header, 1 for the end of the text.
    text.run('x'.repeat(4096 - 13))
    object.run({ a: 'x'.repeat(5000) })
    text.run('y'.repeat(4096 - 14))
    const values = recording.take().map(record => record.values)
    assert.deepEqual(values, [['y'.repeat(4082)]])
    assert.deepEqual(recording.reader.losses(), { ...NOTHING_LOST, 'too big': 2 })
  })

  test(`${maker}: a full ring loses what comes until it is read`, () => {
    const recording = new Recording({ maker })
    const { run } = recording.recorder(['str'])
    for (let i = 0; i < 5; i++) run(`${i}${'x'.repeat(2000)}`)
    const firsts = (): unknown[] => recording.take().map(({ values }) => String(values[0])[0])
    assert.deepEqual(firsts(), ['0', '1', '2', '3'])
    assert.deepEqual(recording.reader.losses(), { ...NOTHING_LOST, full: 1 })
    run(`5${'x'.repeat(2000)}`)
    assert.deepEqual(firsts(), ['5'])
  })

  test(`${maker}: a getter that hits another site: both records whole, the inner first`, () => {
    const recording = new Recording({ maker, subBufferBytes: 65536 })
    const inner = recording.recorder(['str', 'i32'], { id: 2, isObject: true })
    const outer = recording.recorder(['str', 'i32', 'str'], { id: 3, isObject: true })
    for (const length of [1, 30, 100, 6000]) {
      let hits = 0
      const text = (hit: number): string => 'i'.repeat(length * hit)
      const nesting = {
        a: 'before'.repeat(20),
        get b() {
          inner.run({ a: text(++hits), b: hits })
          return -1
        },
        c: 'behind'.repeat(20),
      }
      outer.run(nesting)
      const records = recording.take().map(({ id, values }) => [id, ...values])
      const expected: unknown[][] = Array.from({ length: hits }, (_, i) => [2, text(i + 1), i + 1])
      assert.notEqual(hits, 0)
      assert.deepEqual(records, [...expected, [3, nesting.a, -1, nesting.c]])
    }
    assert.deepEqual(recording.reader.losses(), NOTHING_LOST)
  })

  test(`${maker}: a Proxy trap and an extractor that hit another site`, () => {
    const recording = new Recording({ maker })
    const inner = recording.recorder(['str'], { id: 2 })
    const get = (_: object, name: string | symbol): unknown => {
      inner.run(`trap ${String(name)}`)
      return 5
    }
    const extract = (value: number): number => {
      inner.run('extractor')
      return value * 2
    }
    recording.recorder(['i32', 'u8'], { id: 3, isObject: true }).run(new Proxy({}, { get }))
    recording.recorder(['str', 'i32'], { id: 4, extracts: [() => 'read', extract] }).run(4, 4)
    assert.deepEqual(
      recording.take().map(({ id, values }) => [id, ...values]),
      [
        [2, 'trap a'],
        [2, 'trap b'],
        [3, 5, 5],
        [2, 'extractor'],
        [4, 'read', 8],
      ],
    )
  })

  test(`${maker}: a getter that hits a site and throws: only the inner record`, () => {
    const recording = new Recording({ maker })
    const inner = recording.recorder(['str'], { id: 2, isObject: true })
    const trap = {
      get a(): never {
        inner.run({ a: 'inner' })
        throw new Error('mine')
      },
    }
    recording.recorder(['u8'], { id: 3, isObject: true }).run(trap)
    assert.deepEqual(
      recording.take().map(({ id, values }) => [id, ...values]),
      [[2, 'inner']],
    )
    assert.deepEqual(recording.reader.losses(), { ...NOTHING_LOST, 'bad value': 1 })
  })

  test(`${maker}: endless recursion is cut at five records and counted`, () => {
    const recording = new Recording({ maker })
    const recorder = recording.recorder(['i32'], {
      extracts: [
        (depth: number) => {
          recorder.run(depth + 1)
          return depth
        },
      ],
    })
    recorder.run(0)
    assert.deepEqual(
      recording.take().map(record => record.values),
      [[4], [3], [2], [1], [0]],
    )
    assert.deepEqual(recording.reader.losses(), { ...NOTHING_LOST, nested: 1 })
    recorder.run(10)
    assert.deepEqual(
      recording.take().map(record => record.values),
      [[14], [13], [12], [11], [10]],
    )
  })

  test(`${maker}: a hit while a record is under way is nested, and the record whole`, () => {
    const recording = new Recording({ maker })
    const { run } = recording.recorder(['i32', 'str'])
    const { writer } = recording
    writer.begin()
    run(1, 'inside')
    run(2, 'inside')
    writer.abandon()
    run(3, 'behind')
    assert.deepEqual(
      recording.take().map(record => record.values),
      [[3, 'behind']],
    )
    assert.deepEqual(recording.reader.losses(), { ...NOTHING_LOST, nested: 2 })
  })

  test(`${maker}: when the rules have changed, the record goes on, is dropped, or goes elsewhere`, () => {
    const recording = new Recording({ maker })
    const recorder = recording.recorder(['str', 'i32'])
    const asked: object[] = []
    const answers: (() => boolean)[] = [
      () => true,
      () => false,
      () => {
        recorder.run = recording.recorder(['str', 'i32'], { id: 7 }).run
        return true
      },
      () => {
        throw new Error('no rules')
      },
    ]
    const { run } = recorder
    for (const answer of answers) {
      recording.refresh = probe => {
        asked.push(probe)
        return answer()
      }
      Atomics.add(recording.thread.words, 1, 1)
      run('changed', asked.length)
      run('same', asked.length)
    }
    assert.deepEqual(asked, [recorder, recorder, recorder, recorder])
    assert.deepEqual(
      recording.take().map(({ id, values }) => [id, ...values]),
      [
        [1, 'changed', 0],
        [1, 'same', 1],
        [1, 'same', 2],
        [7, 'changed', 2],
        [1, 'same', 3],
        [1, 'same', 4],
      ],
    )
    assert.deepEqual(recording.reader.losses(), { ...NOTHING_LOST, 'bad value': 1 })
  })

  test(`${maker}: what fails between begin and commit leaves nothing begun`, () => {
    const failing = { isOn: true }
    const next = (): void => {
      if (failing.isOn) throw new RangeError('Maximum call stack size exceeded')
    }
    const halves = Int32Array.of(5, EPOCH_HIGH)
    const clock = {
      halves,
      read: next,
      text: 'next();',
      after: '',
      done: () => undefined,
      constants: { next },
    }
    const recording = new Recording({ maker, clock })
    const { run } = recording.recorder(['i32'])
    run(1)
    recording.assertIdle()
    failing.isOn = false
    run(2)
    assert.deepEqual(
      recording.take().map(record => record.values),
      [[2]],
    )
    assert.deepEqual(recording.reader.losses(), { ...NOTHING_LOST, 'bad value': 1 })
  })

  test(`${maker}: nothing is begun, whatever the depth of the stack`, () => {
    const recording = new Recording({ maker, subBufferBytes: 65536 })
    const { run } = recording.recorder(['str', 'i32'])
    const object = recording.recorder(['str', 'i32'], { id: 2, isObject: true })
    let hits = 0
    const deep = (): void => {
      hits++
      run('deep', 1)
      object.run({ a: 'object', b: 2 })
      if (recording.lost > 0) recording.take()
      deep()
    }
    assert.throws(deep, RangeError)
    const { words } = recording.writer
    assert.equal(words[BEGUN_WORD], words[COMMITTED_WORD])
    recording.take()
    run('still', 3)
    assert.deepEqual(
      recording.take().map(record => record.values),
      [['still', 3]],
    )
    assert.notEqual(hits, 0)
  })

  test(`${maker}: produced is recorded and lost, of any mix`, () => {
    const hit = fc.oneof(
      fc.record({ kind: fc.constant('plain'), value: fc.oneof(fc.integer(), fc.constant(undefined)) }),
      fc.record({ kind: fc.constant('text'), value: fc.nat(6000).map(length => 'x'.repeat(length)) }),
      fc.record({
        kind: fc.constant('object'),
        value: fc.nat(5000).map(length => ({ a: 'é'.repeat(length) })),
      }),
      fc.record({ kind: fc.constant('deep'), value: fc.nat(7) }),
      fc.record({ kind: fc.constant('read'), value: fc.constant(0) }),
    )
    const property = fc.property(fc.array(hit, { maxLength: 60 }), hits => {
      const recording = new Recording({ maker })
      let produced = 0
      const counted = (run: (value: unknown) => void) => (value: unknown) => {
        produced++
        run(value)
      }
      const deeper = (left: number): number => {
        if (left > 0) kinds.deep?.(left - 1)
        return left
      }
      const kinds: Record<string, (value: unknown) => void> = {
        plain: counted(recording.recorder(['i32'], { id: 1 }).run),
        text: counted(recording.recorder(['str'], { id: 2 }).run),
        object: counted(recording.recorder(['str'], { id: 3, isObject: true }).run),
        deep: counted(recording.recorder(['i32'], { id: 4, extracts: [deeper] }).run),
        read: () => (recorded += recording.take().length),
      }
      let recorded = 0
      for (const { kind, value } of hits) kinds[kind]?.(value)
      kinds.read?.(0)
      assert.equal(recorded + recording.lost, produced)
      assert.equal(
        recording.reader.classCounts().reduce((sum, count) => sum + count),
        recorded,
      )
      assert.equal(recording.reader.state().committed, recorded)
    })
    fc.assert(property, { seed: 9, numRuns: 100 })
  })
}

test('a recorder is compiled where code from strings is allowed', () => {
  const recording = new Recording({ maker: 'compiled' })
  const { writer, thread } = recording
  const spec = { form: 'compact', eventId: 3, context: new Uint8Array(0), fields: [], arity: 0 } as const
  const done = (): void => undefined
  const clock = { halves: new Int32Array(2), read: done, text: '', after: '', done, constants: {} }
  assert.match(String(makeRecorder(spec, writer, clock, thread).run), /^function record\(\) \{ \/\/ event 3/)
})
