/**
 * The measured loops of the JavaScript side. V8 keeps type feedback per source text, and two functions made
 * from equal text share it (the eval cache): each loop is therefore generated with a text of its own.
 */
import { performance } from 'node:perf_hooks'

export const SITES = 50

/** 15 ASCII characters each, as in lttng/loops.h; joined by V8 when somebody needs them as one piece. */
const joined = Array.from('0123456789abcdef', digit => `request-${digit.repeat(7)}`)
/** The same as a parser makes them: one piece from the beginning, like C's arrays of characters. */
const texts = joined.map(text => Buffer.from(text, 'latin1').toString('latin1'))

/** A loop whose `body` sees `values` by name and `i`. */
export const generate = (name, step, body, values) => {
  const names = Object.keys(values)
  const source = `// ${name}\nreturn function loop_${name}(n) { for (let i = 0; i < n; i += ${step}) { ${body} } }`
  return new Function(...names, source)(...names.map(key => values[key]))
}

/** Loops with nothing of Kymograph in them; they say what the machine and this V8 cost. */
export const floorLoops = () => {
  const cells = new Int32Array(new SharedArrayBuffer(64))
  // Fifty functions with fifty texts, so that the floor's calls differ as much as the sites' do.
  const empties = {}
  for (let k = 0; k < SITES; k++) empties[`e${k}`] = new Function(`// empty ${k}\nreturn function (a) {}`)()
  return {
    empty: generate('empty', 1, 'e(i)', { e: new Function('// the empty call\nreturn function (a) {}')() }),
    empty50: generate(
      'empty50',
      SITES,
      Object.keys(empties)
        .map(e => `${e}(i)`)
        .join('; '),
      empties,
    ),
    now: generate('now', 1, 'performance.now()', { performance }),
    hrtime: generate('hrtime', 1, 'read()', { read: process.hrtime.bigint }),
    atomic: generate('atomic', 1, 'Atomics.store(cells, 0, i)', { cells }),
    plain: generate('plain', 1, 'cells[0] = i', { cells }),
  }
}

/** @param kymograph the package's exports; every call makes sites of its own, one set per thread */
export const eventLoops = ({ tracepoint, i32, u64, str }) => {
  const sites = {}
  for (let k = 0; k < SITES; k++) sites[`t${k}`] = tracepoint(`bench:site${k}`, i32('a'))
  return {
    none: generate('none', 1, 't()', { t: tracepoint('bench:none') }),
    int: generate('int', 1, 't(i)', { t: tracepoint('bench:int', i32('a')) }),
    three: generate('three', 1, 't(i, 7, i)', { t: tracepoint('bench:three', i32('a'), i32('b'), u64('c')) }),
    text: generate('text', 1, 't(i, texts[i & 15])', {
      t: tracepoint('bench:text', i32('a'), str('s')),
      texts,
    }),
    joined: generate('joined', 1, 't(i, joined[i & 15])', {
      t: tracepoint('bench:joined', i32('a'), str('s')),
      joined,
    }),
    sites: generate(
      'sites',
      SITES,
      Object.keys(sites)
        .map(t => `${t}(i)`)
        .join('; '),
      sites,
    ),
  }
}
