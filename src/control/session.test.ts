import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  CONTROL_VERSION,
  type NamedEvent,
  parseSession,
  type Rule,
  readSession,
  ruleMatches,
  type Session,
  writeSession,
} from './index.ts'

const SESSION: Session = {
  version: CONTROL_VERSION,
  name: 'shop',
  pid: 4711,
  active: true,
  scope: 'children',
  token: 'abc',
  output: '/traces/shop',
  channels: [
    {
      name: 'channel0',
      subBufferBytes: 1048576,
      subBufferCount: 8,
      clock: 'monotonic',
      header: 'auto',
      contexts: ['vpid', 'vtid', 'procname', 'thread_name'],
    },
  ],
  rules: [
    { channel: 'channel0', pattern: 'shop:*' },
    { channel: 'channel0', pattern: '*', level: 'WARNING', levelOnly: true, enabled: false },
  ],
}
const CHANNEL = SESSION.channels[0] as Session['channels'][0]
const NAMES = 'letters, digits, _, - and . (64 at most)'
const LEVELS =
  'EMERG | ALERT | CRIT | ERR | WARNING | NOTICE | INFO | DEBUG_SYSTEM | DEBUG_PROGRAM | DEBUG_PROCESS | ' +
  'DEBUG_MODULE | DEBUG_UNIT | DEBUG_FUNCTION | DEBUG_LINE | DEBUG'

test('a session is written whole, private, and read back as it was', t => {
  const folder = mkdtempSync('/dev/shm/kymo-control-')
  t.after(() => rmSync(folder, { recursive: true }))
  writeSession(folder, { ...SESSION, active: false })
  writeSession(folder, SESSION)
  assert.deepEqual(readSession(folder), SESSION)
  assert.deepEqual(readdirSync(folder), ['session.json'])
  assert.equal(statSync(join(folder, 'session.json')).mode & 0o777, 0o600)
})

test('members that nobody knows are left out', () => {
  const odd = { ...SESSION, more: 1, rules: [{ ...SESSION.rules[0], more: {} }], __proto__: { name: 'no' } }
  assert.deepEqual(parseSession(JSON.stringify(odd)), { ...SESSION, rules: [SESSION.rules[0]] })
})

test('a session that is wrong is refused with the member, what it should be and what it is', () => {
  const channel = (change: object): object => ({ ...SESSION, channels: [CHANNEL, { ...CHANNEL, ...change }] })
  const rule = (change: object): object => ({ ...SESSION, rules: [{ ...SESSION.rules[0], ...change }] })
  const cases: [value: unknown, wrong: string][] = [
    [null, ' must be an object: got null'],
    [[], ' must be an object: got []'],
    ['text', ' must be an object: got "text"'],
    [{}, ': version must be a whole number: got undefined'],
    [{ ...SESSION, version: '1' }, ': version must be a whole number: got "1"'],
    [{ ...SESSION, version: -1 }, ': version must be a whole number: got -1'],
    [{ ...SESSION, version: 1.5 }, ': version must be a whole number: got 1.5'],
    [{ ...SESSION, name: 7 }, ': name must be a string: got 7'],
    [{ ...SESSION, pid: 2 ** 60 }, ': pid must be a whole number: got 1152921504606847000'],
    [{ ...SESSION, active: 1 }, ': active must be true or false: got 1'],
    [{ ...SESSION, scope: 'some' }, ': scope must be all | children: got "some"'],
    [{ ...SESSION, token: null }, ': token must be a string: got null'],
    [{ ...SESSION, output: ['/x'] }, ': output must be a string: got ["/x"]'],
    [{ ...SESSION, channels: {} }, ': channels must be a list: got {}'],
    [{ ...SESSION, channels: [7] }, ': channels[0] must be an object: got 7'],
    [channel({ name: '' }), `: channels[1]: name must be ${NAMES}: got ""`],
    [channel({ name: '../x' }), `: channels[1]: name must be ${NAMES}: got "../x"`],
    [channel({ name: '.x' }), `: channels[1]: name must be ${NAMES}: got ".x"`],
    [channel({ name: 'a'.repeat(65) }), `: channels[1]: name must be ${NAMES}: got "${'a'.repeat(65)}"`],
    [channel({ name: 'ä' }), `: channels[1]: name must be ${NAMES}: got "ä"`],
    [channel({ name: 'a\n' }), `: channels[1]: name must be ${NAMES}: got "a\\n"`],
    [channel({ subBufferBytes: '4k' }), ': channels[1]: subBufferBytes must be a whole number: got "4k"'],
    [channel({ subBufferCount: null }), ': channels[1]: subBufferCount must be a whole number: got null'],
    [channel({ clock: 'cpu' }), ': channels[1]: clock must be monotonic | coarse | global: got "cpu"'],
    [channel({ header: 'big' }), ': channels[1]: header must be auto | compact | large | sized: got "big"'],
    [channel({ contexts: 'vpid' }), ': channels[1]: contexts must be a list: got "vpid"'],
    [
      channel({ contexts: ['vpid', 'ip'] }),
      ': channels[1]: contexts must be vpid | vtid | procname | thread_name: got "ip"',
    ],
    [{ ...SESSION, rules: 'all' }, ': rules must be a list: got "all"'],
    [rule({ channel: undefined }), ': rules[0]: channel must be a string: got undefined'],
    [rule({ pattern: /x/ }), ': rules[0]: pattern must be a string: got {}'],
    [rule({ level: 'LOUD' }), `: rules[0]: level must be ${LEVELS}: got "LOUD"`],
    [rule({ levelOnly: 'yes' }), ': rules[0]: levelOnly must be true or false: got "yes"'],
    [rule({ enabled: 0 }), ': rules[0]: enabled must be true or false: got 0'],
    [rule({ enabled: 'x'.repeat(200) }), `: rules[0]: enabled must be true or false: got "${'x'.repeat(79)}`],
  ]
  for (const [value, wrong] of cases) {
    assert.throws(() => parseSession(JSON.stringify(value)), {
      name: 'KymoError',
      code: 'KYMO_SESSION',
      message: `session.json${wrong}`,
    })
  }
})

test('text that is no JSON, or far too long, is refused', () => {
  assert.throws(
    () => parseSession('{"version":'),
    (error: Error & { code: string }) => {
      assert.equal(error.code, 'KYMO_SESSION')
      assert.match(error.message, /^session\.json is no JSON: ./)
      return true
    },
  )
  assert.throws(() => parseSession(' '.repeat(2 ** 20 + 1)), {
    code: 'KYMO_SESSION',
    message: 'session.json has at most 1048576 bytes: got 1048577',
  })
})

test('another layout is named before anything else is looked at', () => {
  const version = CONTROL_VERSION + 1
  assert.throws(() => parseSession(JSON.stringify({ version })), {
    code: 'KYMO_LAYOUT',
    message: `session layout ${CONTROL_VERSION} is needed: session.json has ${version}`,
  })
})

test('which events a rule matches', () => {
  const order: NamedEvent = { name: 'shop:order', logLevel: 'INFO' }
  const console_: NamedEvent = { name: 'node_console:log', logLevel: 'INFO', optIn: true }
  const cases: [rule: Omit<Rule, 'channel'>, event: NamedEvent, matches: boolean][] = [
    [{ pattern: 'shop:order' }, order, true],
    [{ pattern: 'shop:orde' }, order, false],
    [{ pattern: 'shop:*' }, order, true],
    [{ pattern: '*:order' }, order, true],
    [{ pattern: 's*:o*r' }, order, true],
    [{ pattern: '*' }, order, true],
    [{ pattern: 'shop:order*' }, order, true],
    [{ pattern: 'shop:order*r' }, order, false],
    [{ pattern: 'shop:\\*' }, order, false],
    [{ pattern: 'shop:\\*' }, { ...order, name: 'shop:*' }, true],
    [{ pattern: '' }, order, false],
    [{ pattern: '*', level: 'INFO' }, order, true],
    [{ pattern: '*', level: 'DEBUG' }, order, true],
    [{ pattern: '*', level: 'NOTICE' }, order, false],
    [{ pattern: '*', level: 'EMERG' }, { ...order, logLevel: 'EMERG' }, true],
    [{ pattern: '*', level: 'INFO', levelOnly: true }, order, true],
    [{ pattern: '*', level: 'DEBUG', levelOnly: true }, order, false],
    [{ pattern: '*', level: 'DEBUG', levelOnly: false }, order, true],
    [{ pattern: '*', levelOnly: true }, order, true],
    [{ pattern: '*', enabled: true }, order, true],
    [{ pattern: '*', enabled: false }, order, false],
    [{ pattern: 'shop:order', enabled: false, level: 'DEBUG' }, order, false],
    [{ pattern: '*' }, console_, false],
    [{ pattern: 'node_*' }, console_, false],
    [{ pattern: '*:log' }, console_, false],
    [{ pattern: 'node_console:*' }, console_, true],
    [{ pattern: 'node_console:log' }, console_, true],
    [{ pattern: 'node_console:*', level: 'ERR' }, console_, false],
  ]
  for (const [rule, event, matches] of cases) {
    assert.equal(ruleMatches({ channel: 'c', ...rule }, event), matches, JSON.stringify([rule, event]))
  }
})
