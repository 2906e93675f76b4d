import assert from 'node:assert/strict'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { checkFile, checkTree, listFiles } from './tidy.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Name of the rule, the file, its text, and what tidy prints about it after `error: `, with the line. */
const CASES = [
  [
    'a file has at most 500 lines',
    'src/a/b.ts',
    '//\n'.repeat(501),
    '501: 501 lines: a file has at most 500; cut it by nouns',
  ],
  ['500 lines are fine', 'src/a/b.ts', '//\n'.repeat(500)],
  [
    'a line has at most 120 columns',
    'src/a/b.ts',
    `// é${'x'.repeat(117)}`,
    '1: 121 columns: a line has at most 120',
  ],
  ['120 columns are fine', 'src/a/b.ts', `// ${'é'.repeat(117)}`],
  ['banned names', 'src/a/utils.ts', '', '1: utils.ts says nothing: name the thing it is about'],
  [
    'banned names at the end',
    'src/a/ring-manager.ts',
    '',
    '1: ring-manager.ts says nothing: name the thing it is about',
  ],
  ['banned folders', 'src/common/b.ts', '', '1: common says nothing: name the thing it is about'],
  ['a manager that is called so', 'src/a/package-manager.ts', ''],
  ['cases that must not compile are no banned name', 'src/a/marker.types.ts', ''],
  [
    'new Function outside the compiler',
    'src/a/b.ts',
    '\nconst f = new Function("")',
    '2: new Function is for src/ctf/codec/compile.ts only: use a closure',
  ],
  [
    'Function without new',
    'src/a/b.ts',
    'Function("")',
    '1: new Function is for src/ctf/codec/compile.ts only: use a closure',
  ],
  ['new Function by a named exemption', 'bench/loops.mjs', 'const f = new Function("")'],
  ['new Function in the compiler', 'src/ctf/codec/compile.ts', 'const f = new Function("")'],
  ['eval', 'tools/b.mjs', 'eval("1")', '1: eval is banned: use a closure'],
  [
    'as any',
    'src/a/b.ts',
    'f(x as any)',
    '1: `as any` is banned: name the type, or use unknown and narrow it',
  ],
  ['as any in a comment', 'src/a/b.ts', '// the same as any other; eval(x), console.log'],
  ['console', 'src/a/b.ts', "console.log('x')", '1: console is for src/cli only: throw, return or count'],
  ['console in cli and in names of channels', 'src/cli/b.ts', "console.log('x')"],
  ['console where it is recorded', 'src/tracer/auto/console.ts', 'console[level] = console.Console'],
  ['console in names', 'src/tracer/auto/b.ts', "const channel = 'console.log'"],
  [
    'Date.now',
    'src/ring/b.ts',
    'f(Date.now())',
    '1: Date.now is not a clock of this folder: take the time as an argument, or use base/time.ts',
  ],
  ['Date.now where wall time is meant', 'src/store/b.ts', 'f(Date.now())'],
  [
    'leftovers',
    'src/a/b.ts',
    '\n// FIXME: later',
    '2: FIXME is left over: do it, or say what is not supported',
  ],
  [
    'leftovers in documents',
    'a.md',
    '# A\nTODO',
    '2: TODO is left over: do it, or say what is not supported',
  ],
  ['no leftover', 'src/a/b.ts', 'mkdtemp("a-XXXXXX")'],
  [
    'an empty catch',
    'src/a/b.ts',
    'try { f() } catch {}',
    '1: an empty catch: handle the error, or say in a comment why none is needed',
  ],
  ['an empty catch with its reason', 'src/a/b.ts', 'try { f() } catch {\n  // gone already\n}'],
  [
    'mutable state at the top level',
    'src/a/b.ts',
    'export let a = 1',
    '1: mutable state at the top level: keep it in an object that is handed in',
  ],
  [
    'constants at the top level, variables below it',
    'src/a/b.ts',
    'const a = 1\nfunction f() { let b = 1; b++ }',
  ],
  ['mutable state by a named exemption', 'src/native/libc.ts', 'let loaded'],
  ['export *', 'src/a/index.ts', "export * from './b.ts'", '1: export * is banned: name what is exported'],
  [
    'export * as',
    'src/a/index.ts',
    "export * as b from './b.ts'",
    '1: export * is banned: name what is exported',
  ],
  [
    'a barrel that is no index.ts',
    'src/a/b.ts',
    "export { c } from './c.ts'",
    '1: a file that only passes names on is the index.ts of a folder',
  ],
  ['a barrel', 'src/a/b/index.ts', "export { c } from './c.ts'"],
  [
    'a registry host',
    'package-lock.json',
    '"resolved": "https://registry.example.org/a.tgz"',
    "1: registry.example.org is a registry host: leave the registry to npm's settings",
  ],
  ['a registry in code', 'src/a/b.ts', 'registry.programs.values()'],
  [
    'a path of a machine',
    'testdata/pass-a.txt',
    'cd /work/main',
    '1: /work/main is a path of one machine: derive it, or take it as an argument',
  ],
  [
    'a home of a machine',
    '.ci/run',
    'cat /root/.npmrc',
    '1: /root/.npmrc is a path of one machine: derive it, or take it as an argument',
  ],
  ['a path with such a part', 'src/a/b.ts', "'./root/a' + `$" + '{dir}/work/b`'],
  [
    'test.only',
    'src/a/b.test.ts',
    "test.only('x', () => assert(1))",
    '1: only: a test that silences the others',
  ],
  [
    'only as an option',
    'src/a/b.test.ts',
    "test('x', { only: true }, () => assert(1))",
    '1: only: a test that silences the others',
  ],
  [
    'a test without an assertion',
    'src/a/b.test.ts',
    "\ntest('x', () => { f() })",
    '2: a test without an assertion',
  ],
  [
    'an assertion in a function of the file',
    'src/a/b.test.ts',
    "test('x', () => g())\nconst g = () => f()\nfunction f() { assert(1) }",
  ],
  [
    'an assertion in a contract',
    'src/a/b.test.ts',
    "import { c } from './b.contract.ts'\ntest('x', () => c())",
  ],
  ['no title', 'a.md', 'text', '1: no title: a document has one line that starts with "# "'],
  [
    'two titles',
    'a.md',
    '# A\n```\n# no\n```\n# B',
    '5: a second title: a document has one line that starts with "# "',
  ],
]

for (const [rule, file, text, error] of CASES) {
  test(rule, () => {
    const expected = error === undefined ? [] : [`${file}:${error.replace(': ', ': error: ')}`]
    assert.deepEqual(checkFile(file, text), expected)
  })
}

test('the files of this checkout are found, and nothing that is built', () => {
  const files = listFiles(ROOT)
  assert.ok(files.includes('tools/tidy.mjs'))
  assert.deepEqual(
    files.filter(file => /^(dist|node_modules)\//.test(file)),
    [],
  )
})

test('this checkout is tidy', () => {
  assert.deepEqual(checkTree(ROOT), [])
})
