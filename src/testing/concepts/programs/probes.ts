/** `probes.js TEST`: says what it counted, as one line of JSON. */
import { counter, histogram, i32, marker, tracepoint } from '../../../tracer/index.ts'

const TURNS = 100_000
const STUCK_HITS = 1000

const site = tracepoint('probe:site', i32('n'))

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

function turns(): void {
  let short = 0
  let long = 0
  const wasEnabled = site.enabled
  for (let n = 0; n < TURNS; n++) {
    const off = site.connect(() => short++)
    site(n)
    off()
    site(n)
  }
  const isEnabled = site.enabled
  const longOff = site.connect(() => long++)
  for (let n = 0; n < TURNS; n++) {
    const off = site.connect(() => short++)
    site(n)
    off()
    off()
    site(n)
  }
  longOff()
  say({ short, long, wasEnabled, isEnabled, atEnd: site.enabled })
}

function throwing(): void {
  let after = 0
  site.connect(() => {
    throw new Error('a bad probe')
  })
  site.connect(() => after++)
  for (let n = 0; n < 7; n++) site(n)
  say({ after })
  process.stdin.resume() // until it is killed: its counts are read from outside
}

function references(): void {
  const calls: string[] = []
  const shared = (n: number): unknown => calls.push(`shared ${n}`)
  const other = (n: number): unknown => calls.push(`other ${n}`)
  const first = site.connect(shared)
  const second = site.connect(shared)
  const third = site.connect(other)
  site(1)
  first()
  first()
  site(2)
  third()
  site(3)
  const enabled = [site.enabled]
  second()
  site(4)
  enabled.push(site.enabled)
  const leaving = site.connect(n => {
    calls.push(`once ${n}`)
    leaving()
  })
  site(5)
  site(6)
  say({ calls, enabled: [...enabled, site.enabled] })
}

function sink(): void {
  const got: unknown[] = []
  const mark = marker('probe:marker', 'pid %d name %s load %f')
  const off = mark.connect((format, ...values) => got.push([format, ...values]))
  mark(7, 'init', 0.5)
  off()
  mark(8, 'gone', 1)
  say({ got, format: mark.format })
}

function stuck(): never {
  const amounts = histogram<[n: number]>('amounts', n => n % 5)
  const hits = counter('hits')
  site.connect(hits)
  site.connect(amounts)
  const twin = tracepoint('probe:twin', i32('n'))
  twin.connect(hits)
  for (let n = 0; n < STUCK_HITS; n++) {
    site(n)
    twin(n)
  }
  say('stuck')
  for (;;);
}

const tests: Record<string, () => void> = { turns, throwing, references, sink, stuck }
tests[process.argv[2] ?? '']?.()
