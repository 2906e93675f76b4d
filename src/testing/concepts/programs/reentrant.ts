/** `reentrant.js TEST`: sites hit inside what other sites do with their arguments. */
import { type Element, i32, sequence, str, struct, tracepoint } from '../../../tracer/index.ts'

const inner = tracepoint('re:inner', str('where'), i32('n'))
const ROUNDS = 100

interface Order {
  readonly id: number
  readonly name: string
}

function getter(): void {
  const outer = tracepoint<[order: Order]>('re:getter').record(
    str('before', () => 'before'),
    str('name', order => order.name),
    i32('id', order => order.id),
  )
  for (let n = 0; n < ROUNDS; n++) {
    outer({
      id: n,
      get name() {
        inner('getter', n)
        return `name ${n}`
      },
    })
  }
}

function structGetter(): void {
  const outer = tracepoint('re:struct', i32('n'), struct('order', i32('id'), str('name')), str('after'))
  for (let n = 0; n < ROUNDS; n++) {
    const name = {
      id: n,
      get name() {
        inner('struct', n)
        return 'x'.repeat(n * 40)
      },
    }
    outer(n, name, 'after')
  }
}

function textOf(): void {
  const outer = tracepoint<[value: unknown]>('re:text').record(str('text', value => `<${value}>`))
  for (let n = 0; n < ROUNDS; n++) {
    outer({
      toString() {
        inner('toString', n)
        return `text ${n}`
      },
    })
  }
}

function proxy(): void {
  const outer = tracepoint('re:proxy', sequence('values', i32 as Element<number>), str('after'))
  for (let n = 0; n < ROUNDS; n++) {
    const values = new Proxy([n, n + 1, n + 2], {
      get(target, key) {
        if (key === '1') inner('proxy', n)
        return Reflect.get(target, key)
      },
    })
    outer(values, 'after')
  }
}

function probe(): void {
  const outer = tracepoint('re:probed', i32('n'))
  outer.connect(n => inner('probe', n))
  for (let n = 0; n < ROUNDS; n++) outer(n)
}

function endless(): void {
  const outer = tracepoint<[self: { readonly self: number }]>('re:endless').record(
    i32('depth', value => value.self),
  )
  let depth = 0
  const value = {
    get self(): number {
      const mine = ++depth
      outer(value)
      return mine
    },
  }
  for (let n = 0; n < ROUNDS; n++) {
    depth = 0
    outer(value)
  }
}

function endlessProbe(): void {
  let calls = 0
  const outer = tracepoint('re:endless_probe', i32('n'))
  outer.connect(n => {
    calls++
    outer(n + 1)
  })
  for (let n = 0; n < ROUNDS; n++) outer(0)
  process.stdout.write(`${calls}\n`)
}

const tests: Record<string, () => void> = {
  getter,
  struct: structGetter,
  text: textOf,
  proxy,
  probe,
  endless,
  endlessProbe,
}
tests[process.argv[2] ?? '']?.()
