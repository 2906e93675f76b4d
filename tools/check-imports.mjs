/**
 * The folders of src/ and what each may import, as a test. `node tools/check-imports.mjs` prints what is wrong.
 *
 *   1  Imports go down the ranks and along the table only; koffi is loaded by native alone.
 *   2  Recording and reading never meet.
 *   3  ring without CTF, ctf without ring; consumer and relay move packets, never decode records.
 *   5  A folder is entered through its one index.ts.
 *
 * (Rule 4, folders without node or dom types, is proved by tsconfig.portable.json.) Tests may import anything.
 */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Folder → rank, and the folders it may import beside itself. `ctf` stands for all of ctf/. */
export const TABLE = {
  base: { rank: 0, may: [] },
  native: { rank: 0, may: ['base'] },
  'ctf/model': { rank: 1, may: ['base'] },
  ring: { rank: 1, may: ['base'] },
  'ring/memory': { rank: 1, may: ['base', 'ring', 'native'] },
  protocol: { rank: 1, may: ['base'] },
  'ctf/codec': { rank: 2, may: ['base', 'ctf/model'] },
  'ctf/metadata': { rank: 2, may: ['base', 'ctf/model'] },
  ctf: { rank: 2, may: ['ctf/model', 'ctf/codec', 'ctf/metadata'] },
  ftrace: { rank: 2, may: ['base', 'ctf/model', 'ctf/codec'] },
  control: { rank: 2, may: ['base', 'native', 'protocol'] },
  channel: { rank: 3, may: ['base', 'ring', 'ctf'] },
  store: { rank: 3, may: ['base', 'ctf'] },
  tracer: { rank: 4, may: ['base', 'channel', 'control', 'ctf'] },
  kernel: { rank: 4, may: ['base', 'native', 'ftrace', 'ctf', 'control', 'store'] },
  consumer: { rank: 4, may: ['base', 'native', 'ring', 'store', 'protocol', 'control'] },
  relay: { rank: 4, may: ['base', 'store', 'protocol'] },
  reader: { rank: 4, may: ['base', 'ctf', 'ftrace', 'store', 'protocol'] },
  sessiond: { rank: 5, may: ['base', 'native', 'control', 'protocol', 'store', 'consumer', 'kernel'] },
  analysis: { rank: 5, may: ['base', 'reader'] },
  viewer: { rank: 6, may: ['base', 'analysis', 'reader'] },
  // argv in, text out: the one place where recording meets reading, so it may import any folder.
  cli: { rank: 7, may: ['*'] },
}

/** Edges that the code has and the table does not: each with its reason, and gone as soon as the code allows. */
export const DEBTS = [
  {
    from: 'tracer',
    to: 'native',
    reason:
      'a program proves it lives (fifo, flock) and wakes a consumer itself; control has no words for either',
  },
  {
    from: 'tracer',
    to: 'ring',
    reason:
      'a ring is created, lent and taken again by the tracer; channel only writes into one it is handed',
  },
]

/** Files other than `<folder>/index.ts` that a folder may be entered by. */
const ENTRIES = {
  'tracer/auto/index.ts': 'published on its own, as kymograph/auto',
  'ctf/metadata/tsdl/index.ts': 'one of two languages: who writes CTF 1.8 does not load the other',
  'ctf/metadata/json/index.ts': 'one of two languages: who writes CTF 2 does not load the other',
  'ring/memory/mapped.ts': 'needs native and node: ring/index.ts is portable and cannot export it',
  'ring/memory/pages.ts': 'needs native and node: ring/index.ts is portable and cannot export it',
  'ring/memory/persistent.ts': 'needs native and node: ring/index.ts is portable and cannot export it',
}

const RECORDING = ['ring', 'channel', 'tracer', 'kernel', 'consumer', 'sessiond']
const READING = ['reader', 'analysis', 'viewer']
/** Imported by tests only; may import anything itself. */
const TEST_FOLDER = 'testing'
const TEST_FILE = /\.(test|types|bench|contract|fuzz)\.ts$/

/** `files`: path (`src/ring/layout.ts`) → text. Returns the errors in order of file and line. */
export function checkImports(files, debts = DEBTS) {
  const errors = []
  const edges = new Map()
  for (const [file, text] of Object.entries(files)) {
    const inner = file.slice('src/'.length)
    if (TEST_FILE.test(file) || inner.startsWith(`${TEST_FOLDER}/`)) continue
    const from = folderOf(inner)
    if (from === undefined) {
      errors.push({
        file,
        line: 1,
        text: `${path.dirname(inner)} is not a folder of the import table`,
        rule: 1,
      })
      continue
    }
    for (const { specifier, line } of importsOf(text)) {
      const say = (what, rule) => errors.push({ file, line, text: what, rule })
      if (specifier === 'koffi' && from !== 'native') say(`${from} may not import koffi, only native may`, 1)
      if (/^kymograph(\/|$)/.test(specifier))
        say(`${from} may not import ${specifier} by its published name`, 5)
      if (!specifier.startsWith('.')) continue
      const target = path.posix.join(path.posix.dirname(inner), specifier)
      const to = folderOf(target)
      if (to === from) continue
      if (to === undefined || TEST_FILE.test(target)) {
        say(`${from} may not import ${to === undefined ? target : `the test ${target}`}`, 1)
        continue
      }
      if (partOf(from) !== partOf(to)) {
        const edge = `${partOf(from)} ${partOf(to)}`
        if (!edges.has(edge)) edges.set(edge, { file, line })
        const entry = `${partOf(to)}/index.ts`
        if (target !== entry && target !== 'ctf/index.ts' && !Object.hasOwn(ENTRIES, target)) {
          say(`${from} may not import ${target}: ${partOf(to)} is entered through ${entry}`, 5)
        }
      }
      if (!mayImport(from, to) && !debts.some(debt => debt.from === from && debt.to === partOf(to))) {
        say(`${from} may not import ${to}`, ruleOf(partOf(from), partOf(to)))
      }
    }
  }
  for (const { from, to } of debts) {
    if (!edges.has(`${partOf(from)} ${partOf(to)}`)) {
      errors.push({
        file: 'tools/check-imports.mjs',
        line: 1,
        text: `${from} no longer imports ${to}: remove the debt`,
        rule: 1,
      })
    }
  }
  const cycle = findCycle([...edges.keys()].map(edge => edge.split(' ')))
  if (cycle !== undefined) {
    errors.push({
      ...edges.get(`${cycle[0]} ${cycle[1]}`),
      text: `import cycle ${cycle.join(' -> ')}`,
      rule: 1,
    })
  }
  return errors.map(({ file, line, text, rule }) => `${file}:${line}: error: ${text} (rule ${rule})`)
}

/** The longest folder of the table that holds this path below src/. */
function folderOf(inner) {
  for (
    let folder = path.posix.dirname(inner);
    folder !== '.' && folder !== '..';
    folder = path.posix.dirname(folder)
  ) {
    if (Object.hasOwn(TABLE, folder)) return folder
  }
  return undefined
}

/** What is entered as one: a child of the table's own, like ring/memory, belongs to its parent; ctf's do not. */
function partOf(folder) {
  return folder === 'ring/memory' ? 'ring' : folder
}

function mayImport(from, to) {
  const { may } = TABLE[from]
  if (partOf(from) === partOf(to)) return true
  return may.includes('*') || may.includes(partOf(to)) || (may.includes('ctf') && to.startsWith('ctf/'))
}

/** The rule that says most about why an edge is not in the table. */
function ruleOf(from, to) {
  const between = (a, b) => (a.includes(from) && b.includes(to)) || (a.includes(to) && b.includes(from))
  if (between(RECORDING, READING)) return 2
  const top = folder => folder.split('/')[0]
  if ([top(from), top(to)].sort().join() === 'ctf,ring') return 3
  if ((from === 'consumer' || from === 'relay') && top(to) === 'ctf') return 3
  return 1
}

function importsOf(text) {
  const found = ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName, pos }) => ({ specifier: fileName, pos }))
  for (const match of text.matchAll(/\bcreateRequire\([^)]*\)\(\s*['"]([^'"]+)['"]/g)) {
    found.push({ specifier: match[1], pos: match.index })
  }
  return found.map(({ specifier, pos }) => ({ specifier, line: text.slice(0, pos).split('\n').length }))
}

/** The names along one cycle, first and last the same, or undefined. */
function findCycle(edges) {
  const done = new Set()
  const visit = (node, trail) => {
    if (trail.includes(node)) return [...trail.slice(trail.indexOf(node)), node]
    if (done.has(node)) return undefined
    for (const [from, to] of edges) {
      const cycle = from === node ? visit(to, [...trail, node]) : undefined
      if (cycle !== undefined) return cycle
    }
    done.add(node)
    return undefined
  }
  for (const [from] of edges) {
    const cycle = visit(from, [])
    if (cycle !== undefined) return cycle
  }
  return undefined
}

/** Every TypeScript file below src/ of a checkout. */
export function readSources(root) {
  const names = fs
    .readdirSync(path.join(root, 'src'), { recursive: true })
    .filter(name => name.endsWith('.ts'))
  const files = names
    .sort()
    .map(name => [`src/${name}`, fs.readFileSync(path.join(root, 'src', name), 'utf8')])
  return Object.fromEntries(files)
}

if (fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const errors = checkImports(readSources(path.dirname(path.dirname(fileURLToPath(import.meta.url)))))
  for (const error of errors) console.error(error)
  for (const { from, to, reason } of DEBTS) console.error(`debt: ${from} imports ${to}: ${reason}`)
  process.exitCode = errors.length > 0 ? 1 : 0
}
