import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test from 'node:test'

const here = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href)

/** Runs a program that writes its events as JSON lines to descriptor 1. */
function run(program: string): { events: unknown[][]; code: number | null; signal: string | null } {
  const code = `
    import { writeSync } from 'node:fs'
    const say = (...args) => void writeSync(1, JSON.stringify(args) + '\\n')
    const { exit, warning, uncaughtException } = await import(${here('./process.js')})
    const { signal } = await import(${here('./signals.js')})
    exit.connect((...args) => say('exit', ...args))
    warning.connect((...args) => say('warning', ...args))
    uncaughtException.connect((...args) => say('uncaught', ...args))
    signal.connect((...args) => say('signal', ...args))
    ${program}`
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' })
  const events = result.stdout.split('\n').filter(line => line.startsWith('['))
  return { events: events.map(line => JSON.parse(line)), code: result.status, signal: result.signal }
}

test('exit with its code', () => {
  assert.deepEqual(run('process.exit(3)'), { events: [['exit', 3]], code: 3, signal: null })
})

test('a signal that the program hears, before its listener', () => {
  const { events, code } = run(`
    process.once('SIGUSR2', () => say('program'))
    setTimeout(() => process.kill(process.pid, 'SIGUSR2'), 10)
    setTimeout(() => undefined, 100)`)
  assert.equal(code, 0)
  assert.deepEqual(events, [['signal', 'SIGUSR2', 12], ['program'], ['exit', 0]])
})

test('a signal that nobody hears, or hears no more, kills as ever', () => {
  for (const before of ['', `process.on('SIGTERM', say); process.off('SIGTERM', say)`]) {
    const { signal, events } = run(`${before}
      setTimeout(() => process.kill(process.pid, 'SIGTERM'), 10)
      setTimeout(() => undefined, 5000)`)
    assert.equal(signal, 'SIGTERM')
    assert.deepEqual(events, [])
  }
})

test('the program counts its own listeners only, and its own emit of the name is no signal', () => {
  const { events } = run(`
    process.on('SIGTERM', () => say('program', process.listenerCount('SIGTERM'), process.emit.name))
    process.emit('SIGTERM')`)
  assert.deepEqual(events, [
    ['program', 1, 'emit'],
    ['exit', 0],
  ])
})

test('uncaught exceptions and rejections, whatever is thrown', () => {
  assert.deepEqual(run('setTimeout(() => { throw new TypeError("bad") }, 1)'), {
    events: [
      ['uncaught', 'TypeError', 'bad', 'uncaughtException'],
      ['exit', 1],
    ],
    code: 1,
    signal: null,
  })
  assert.deepEqual(run('setTimeout(() => Promise.reject(new RangeError("far")), 1)').events[0], [
    'uncaught',
    'RangeError',
    'far',
    'unhandledRejection',
  ])
  const proxy = `new Proxy({}, { get() { throw 1 } })`
  const { events } = run(`process.on('uncaughtException', () => {}); setTimeout(() => { throw ${proxy} }, 1)`)
  assert.deepEqual(events[0], ['uncaught', 'unreadable', '', 'uncaughtException'])
})

test('warnings', () => {
  const { events } = run(`process.emitWarning('careful', { type: 'MyWarning', code: 'MY001' })`)
  assert.deepEqual(events[0], ['warning', 'MyWarning', 'MY001', 'careful'])
})
