import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { longForm, needs, needsKernel, sharedData, shortForm } from './index.ts'

/** Stands in for a test and notes why it was skipped. */
class Skippable {
  reasons: (string | undefined)[] = []
  skip(reason?: string): void {
    this.reasons.push(reason)
  }
}

function skips(run: (t: TestContext) => unknown): (string | undefined)[] {
  const t = new Skippable()
  run(t as unknown as TestContext)
  return t.reasons
}

function withEnv(env: Readonly<Record<string, string | undefined>>, run: () => void): void {
  const before = { ...process.env }
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  try {
    run()
  } finally {
    for (const name of Object.keys(env)) delete process.env[name]
    Object.assign(process.env, before)
  }
}

test('a tool that is there is no reason to skip', () => {
  assert.deepEqual(
    skips(t => assert.equal(needs(t, 'sh'), true)),
    [],
  )
})

test('a missing tool skips by name, and fails in CI', () => {
  withEnv({ CI: undefined }, () => {
    assert.deepEqual(
      skips(t => assert.equal(needs(t, 'no-such-tool'), false)),
      ['needs no-such-tool, which is not installed'],
    )
  })
  withEnv({ CI: 'true' }, () => {
    assert.throws(() => skips(t => needs(t, 'no-such-tool')), {
      message: 'needs no-such-tool, which is not installed',
    })
  })
})

test('shared data is found below KYMO_SHARED, and skips by name in CI too', () => {
  withEnv({ CI: 'true', KYMO_SHARED: '/etc' }, () => {
    assert.deepEqual(
      skips(t => assert.equal(sharedData(t, 'passwd'), '/etc/passwd')),
      [],
    )
    assert.deepEqual(
      skips(t => assert.equal(sharedData(t, 'corpus/none'), undefined)),
      ['needs shared data corpus/none, which is not there'],
    )
  })
})

test('what the kernel lacks skips by name, in CI too', () => {
  withEnv({ CI: 'true' }, () => {
    assert.deepEqual(
      skips(t => needsKernel(t, 'tracefs', false)),
      ['needs tracefs, which this kernel does not give us'],
    )
    assert.deepEqual(
      skips(t => needsKernel(t, 'tracefs', true)),
      [],
    )
  })
})

test('long and short forms are asked for by KYMO_LONG and KYMO_MATRIX', () => {
  withEnv({ KYMO_LONG: '1', KYMO_MATRIX: undefined }, () =>
    assert.deepEqual([longForm(), shortForm()], [true, false]),
  )
  withEnv({ KYMO_LONG: undefined, KYMO_MATRIX: '1' }, () =>
    assert.deepEqual([longForm(), shortForm()], [false, true]),
  )
})
