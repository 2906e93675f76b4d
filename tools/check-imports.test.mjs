import assert from 'node:assert/strict'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { checkImports, readSources, TABLE } from './check-imports.mjs'

const CASES = [
  {
    rule: 'down the table is allowed, through index.ts, and anywhere within a folder',
    files: {
      'src/channel/a.ts': `import { x } from '../ctf/codec/index.ts'\nimport { y } from '../ring/index.ts'`,
      'src/ring/memory/mapped.ts': `import { l } from '../../native/index.ts'\nimport { z } from '../layout.ts'`,
      'src/ring/index.ts': `export { a } from './memory/threads.ts'`,
      'src/cli/record.ts': `import { a } from '../tracer/auto/index.ts'\nimport { b } from '../reader/index.ts'`,
      'src/native/libc.ts': `const koffi = createRequire(import.meta.url)('koffi')`,
    },
    errors: [],
  },
  {
    rule: 'tests and the testing folder may import anything',
    files: {
      'src/base/a.test.ts': `import { x } from '../cli/main.ts'\nimport koffi from 'koffi'`,
      'src/ring/a.types.ts': `import { x } from '../reader/index.ts'`,
      'src/ring/a.contract.ts': `import { x } from '../native/libc.ts'`,
      'src/testing/needs.ts': `import { x } from '../cli/main.ts'`,
    },
    errors: [],
  },
  {
    rule: 'what looks like an import in a comment or a string is none',
    files: {
      'src/base/a.ts': `// import { x } from '../cli/index.ts'\nexport const s = "import '../cli/index.ts'"`,
    },
    errors: [],
  },
  {
    rule: 'up the ranks',
    files: { 'src/base/a.ts': `\n\nimport { x } from '../store/index.ts'` },
    errors: ['src/base/a.ts:3: error: base may not import store (rule 1)'],
  },
  {
    rule: 'the same rank',
    files: { 'src/protocol/a.ts': `import type { x } from '../ctf/model/index.ts'` },
    errors: ['src/protocol/a.ts:1: error: protocol may not import ctf/model (rule 1)'],
  },
  {
    rule: 'down the ranks but not along the table',
    files: { 'src/tracer/auto/a.ts': `import { x } from '../../native/index.ts'` },
    errors: ['src/tracer/auto/a.ts:1: error: tracer may not import native (rule 1)'],
  },
  {
    rule: 'native in ring/memory only',
    files: { 'src/ring/reserve.ts': `import { x } from '../native/index.ts'` },
    errors: ['src/ring/reserve.ts:1: error: ring may not import native (rule 1)'],
  },
  {
    rule: 'a dynamic import and a type import count too',
    files: {
      'src/base/a.ts': `const x = await import('../native/index.ts')\ntype Y = import('../ring/index.ts').Y`,
    },
    errors: [
      'src/base/a.ts:1: error: base may not import native (rule 1)',
      'src/base/a.ts:2: error: base may not import ring (rule 1)',
    ],
  },
  {
    rule: 'koffi in native only',
    files: {
      'src/tracer/a.ts': `import koffi from 'koffi'`,
      'src/control/a.ts': `const koffi = createRequire(import.meta.url)('koffi')`,
    },
    errors: [
      'src/tracer/a.ts:1: error: tracer may not import koffi, only native may (rule 1)',
      'src/control/a.ts:1: error: control may not import koffi, only native may (rule 1)',
    ],
  },
  {
    rule: 'the testing folder and tests are for tests',
    files: {
      'src/store/a.ts': `import { needs } from '../testing/index.ts'\nimport { x } from '../ctf/a.test.ts'`,
    },
    errors: [
      'src/store/a.ts:1: error: store may not import testing/index.ts (rule 1)',
      'src/store/a.ts:2: error: store may not import the test ctf/a.test.ts (rule 1)',
    ],
  },
  {
    rule: 'a folder that the table does not know',
    files: { 'src/extras/a.ts': '', 'src/a.ts': '' },
    errors: [
      'src/extras/a.ts:1: error: extras is not a folder of the import table (rule 1)',
      'src/a.ts:1: error: . is not a folder of the import table (rule 1)',
    ],
  },
  {
    rule: 'recording never imports reading',
    files: { 'src/consumer/a.ts': `import { x } from '../reader/index.ts'` },
    errors: ['src/consumer/a.ts:1: error: consumer may not import reader (rule 2)'],
  },
  {
    rule: 'reading never imports recording',
    files: { 'src/analysis/a.ts': `import { x } from '../ring/index.ts'` },
    errors: ['src/analysis/a.ts:1: error: analysis may not import ring (rule 2)'],
  },
  {
    rule: 'ring without ctf',
    files: { 'src/ring/a.ts': `import { x } from '../ctf/model/index.ts'` },
    errors: ['src/ring/a.ts:1: error: ring may not import ctf/model (rule 3)'],
  },
  {
    rule: 'ctf without ring',
    files: { 'src/ctf/codec/a.ts': `import { x } from '../../ring/index.ts'` },
    errors: ['src/ctf/codec/a.ts:1: error: ctf/codec may not import ring (rule 3)'],
  },
  {
    rule: 'consumer and relay never decode records',
    files: {
      'src/consumer/x.ts': `import { a } from './a.ts'\n\nimport { b } from '../ctf/codec/index.ts'`,
      'src/relay/x.ts': `import { b } from '../ctf/index.ts'`,
    },
    errors: [
      'src/consumer/x.ts:3: error: consumer may not import ctf/codec (rule 3)',
      'src/relay/x.ts:1: error: relay may not import ctf (rule 3)',
    ],
  },
  {
    rule: 'a folder is entered through its index.ts',
    files: { 'src/store/a.ts': `import { x } from '../base/a.ts'\nimport { y } from '../base/b/c.ts'` },
    errors: [
      'src/store/a.ts:1: error: store may not import base/a.ts: base is entered through base/index.ts (rule 5)',
      'src/store/a.ts:2: error: store may not import base/b/c.ts: base is entered through base/index.ts (rule 5)',
    ],
  },
  {
    rule: 'the package is not imported by its published name',
    files: { 'src/cli/a.ts': `import 'kymograph/auto'` },
    errors: ['src/cli/a.ts:1: error: cli may not import kymograph/auto by its published name (rule 5)'],
  },
  {
    rule: 'a cycle between folders',
    files: {
      'src/store/a.ts': `import { x } from '../reader/index.ts'`,
      'src/reader/a.ts': `\nimport { x } from '../store/index.ts'`,
    },
    errors: [
      'src/store/a.ts:1: error: store may not import reader (rule 1)',
      'src/store/a.ts:1: error: import cycle store -> reader -> store (rule 1)',
    ],
  },
  {
    rule: 'a debt is allowed while it lasts',
    files: { 'src/tracer/a.ts': `import { x } from '../native/index.ts'` },
    debts: [{ from: 'tracer', to: 'native', reason: 'of this test' }],
    errors: [],
  },
  {
    rule: 'a debt to a folder covers its children, and no other edge',
    files: {
      'src/tracer/a.ts': `import { x } from '../ring/memory/mapped.ts'\nimport { y } from '../store/index.ts'`,
    },
    debts: [{ from: 'tracer', to: 'ring', reason: 'of this test' }],
    errors: ['src/tracer/a.ts:2: error: tracer may not import store (rule 1)'],
  },
  {
    rule: 'a debt that is paid must go',
    files: { 'src/tracer/a.ts': '' },
    debts: [{ from: 'tracer', to: 'native', reason: 'of this test' }],
    errors: ['tools/check-imports.mjs:1: error: tracer no longer imports native: remove the debt (rule 1)'],
  },
]

for (const { rule, files, debts = [], errors } of CASES) {
  test(rule, () => assert.deepEqual(checkImports(files, debts), errors))
}

test('the table goes down the ranks, or within one', () => {
  for (const [from, { rank, may }] of Object.entries(TABLE)) {
    for (const to of may) {
      if (to !== '*')
        assert.ok(TABLE[to].rank <= rank, `${from} (rank ${rank}) may import ${to} (rank ${TABLE[to].rank})`)
    }
  }
})

test('the imports of this checkout follow the table', () => {
  assert.deepEqual(checkImports(readSources(fileURLToPath(new URL('..', import.meta.url)))), [])
})
