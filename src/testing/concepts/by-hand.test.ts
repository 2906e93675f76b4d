import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { needs } from '../needs.ts'
import { babeltrace2, type Child, counts, Sandbox, until } from './sandbox.ts'

const ROOT = join(import.meta.dirname, '../../..')
const DOCUMENT = join(ROOT, 'docs/life-of-an-event.md')
const ALLOWED = ['ls', 'cat', 'echo', 'mv']

/** A shell in the run directory that finds `ls`, `cat`, `echo` and `mv`, and nothing else. */
class Shell {
  readonly #box: Sandbox
  readonly #bin: string

  constructor(box: Sandbox) {
    this.#box = box
    this.#bin = join(box.path, 'bin')
    mkdirSync(this.#bin)
    for (const name of ALLOWED) symlinkSync(`/bin/${name}`, join(this.#bin, name))
  }

  async run(commands: string): Promise<string> {
    const script = `cd "$KYMO_RUNDIR"\n${commands}`
    const { status, stdout, stderr } = await this.#box.spawn(['/bin/sh', '-c', script], { PATH: this.#bin })
      .ended
    assert.deepEqual([status, stderr], [0, ''], commands)
    return stdout
  }
}

function documentedCommands(): string[] {
  const [, section] = readFileSync(DOCUMENT, 'utf8').split('## The run directory by hand')
  const blocks = [...(section ?? '').matchAll(/```\n([\s\S]*?)```/g)].map(match => match[1] as string)
  return blocks.flatMap(block => block.trimEnd().split('\n'))
}

async function setRule(shell: Shell, pattern: string, isOn: boolean): Promise<void> {
  const text = await shell.run('cat sessions/demo/session.json')
  const edited = text.replace(
    new RegExp(`("pattern": "${pattern.replace('*', '\\*')}")(, "enabled": false)?`),
    isOn ? '$1' : '$1, "enabled": false',
  )
  assert.notEqual(edited, text)
  await shell.run(`echo '${edited}' > sessions/demo/next\nmv sessions/demo/next sessions/demo/session.json`)
}

function enabled(program: Child, wanted: string): Promise<void> {
  return until(wanted, async () => (await program.ask('enabled')) === wanted)
}

test('tracepoints and markers are listed and switched one by one with ls, cat, echo and mv alone', async t => {
  const box = new Sandbox(t)
  const shell = new Shell(box)
  const program = box.program('orders')
  assert.equal(await program.line(), 'ready')

  assert.match(await shell.run('ls apps'), new RegExp(`^${program.pid}-[0-9a-f]{16}\\n$`))
  const lines = (await shell.run('cat apps/*/events'))
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.deepEqual(lines, [
    {
      name: 'shop:order',
      kind: 'tracepoint',
      logLevel: 'INFO',
      fields: [
        { name: 'n', type: 'i32' },
        { name: 'customer', type: 'str' },
      ],
    },
    {
      name: 'sched:switch',
      kind: 'marker',
      format: 'prev_pid %d next_pid %d',
      logLevel: 'INFO',
      fields: [
        { name: 'prev_pid', type: '%d' },
        { name: 'next_pid', type: '%d' },
      ],
    },
  ])

  const recorder = await box.attach('--name', 'demo', '-e', 'shop:*', '-e', 'sched:switch')
  assert.equal(await shell.run('ls sessions'), 'demo\n')
  const session = JSON.parse(await shell.run('cat sessions/*/session.json'))
  assert.deepEqual(
    session.rules.map((rule: { pattern: string }) => rule.pattern),
    ['shop:*', 'sched:switch'],
  )

  await enabled(program, 'order true switch true')
  await program.ask('order 1')
  await program.ask('switch 1')
  const classes = (await shell.run('cat sessions/*/*/channel0/classes')).trimEnd().split('\n')
  assert.deepEqual(
    classes.map(line => JSON.parse(line).name),
    ['shop:order', 'sched:switch'],
  )

  await setRule(shell, 'shop:*', false)
  await enabled(program, 'order false switch true')
  await program.ask('order 10')
  await program.ask('switch 20')
  await setRule(shell, 'sched:switch', false)
  await enabled(program, 'order false switch false')
  await program.ask('switch 10')
  await setRule(shell, 'shop:*', true)
  await enabled(program, 'order true switch false')
  await program.ask('order 300')
  await program.ask('switch 10')

  const result = await recorder.stop()
  assert.deepEqual(counts(result), { 'shop:order': 301, 'sched:switch': 21 })
  assert.deepEqual(result.discarded, {})
  await enabled(program, 'order false switch false')
  if (!needs(t, 'babeltrace2')) return
  const { lines: events, stderr } = babeltrace2(recorder.output)
  assert.equal(stderr, '')
  assert.equal(events.length, 322)
  assert.match(events[0] as string, /^shop:order: .*\{ n = 1, customer = "Ada" \}$/)
})

test('the commands of docs/life-of-an-event.md work as they stand there', async t => {
  const [enter, ...commands] = documentedCommands()
  assert.equal(enter, 'cd /dev/shm/kymograph-$(id -u)')
  assert.ok(commands.length >= 6)
  for (const word of commands.join('; ').matchAll(/(?:^|; |\$\()([a-z]+) /g)) {
    assert.ok(ALLOWED.includes(word[1] as string), word[1])
  }
  const box = new Sandbox(t)
  const shell = new Shell(box)
  const program = box.program('orders')
  await program.line()
  const recorder = await box.attach('--name', 'demo', '-e', 'shop:*')
  await program.ask('order 1')
  const said = await shell.run(commands.join('\n'))
  for (const part of [`${program.pid}-`, '"name":"shop:order"', '"pattern": "shop:*"', '"payload":']) {
    assert.ok(said.includes(part), part)
  }
  await program.ask('order 1')
  assert.deepEqual(counts(await recorder.stop()), { 'shop:order': 2 })
})
