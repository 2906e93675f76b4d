/**
 * `src/**` files named `x.types.ts` hold what must not compile: the line after `// error: TS2345` has exactly
 * that error (several codes: `// error: TS2345 TS2322`), and no other line has any.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Paths from the root → `line: code` of each error the compiler finds in that file, sorted. */
function compile(root, files, settings) {
  const config = ts.getParsedCommandLineOfConfigFile(
    settings,
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic() {} },
  )
  // Cases are declarations that nobody uses; and nothing is written.
  const options = {
    ...config.options,
    noUnusedLocals: false,
    noUnusedParameters: false,
    composite: false,
    incremental: false,
  }
  Object.assign(options, { noEmit: true, declaration: false, tsBuildInfoFile: undefined })
  const program = ts.createProgram(
    files.map(file => path.join(root, file)),
    options,
  )
  return files.map(file => {
    const source = program.getSourceFile(path.join(root, file))
    const lines = ts.getPreEmitDiagnostics(program, source).map(({ start, code }) => {
      return `${source.getLineAndCharacterOfPosition(start).line + 1}: TS${code}`
    })
    return [file, [...new Set(lines)].sort()]
  })
}

/** `line: code` of each error that the marks of a file announce, sorted. */
function announced(text) {
  const found = text.split('\n').flatMap((line, index) => {
    const codes = /^\s*\/\/ error: (TS\d+(?: TS\d+)*)$/.exec(line)?.[1].split(' ') ?? []
    return codes.map(code => `${index + 2}: ${code}`)
  })
  return found.sort()
}

test('marks announce the errors of the following line', () => {
  assert.deepEqual(announced('// error: TS2345\nf(1)\n  // error: TS1 TS2\n'), [
    '2: TS2345',
    '4: TS1',
    '4: TS2',
  ])
})

test('the compiler finds the errors of each file, by line and code', t => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'kymo-types-'))
  t.after(() => fs.rmSync(root, { recursive: true }))
  fs.mkdirSync(path.join(root, 'src'))
  const settings = path.join(root, 'tsconfig.json')
  const compilerOptions = {
    strict: true,
    noUnusedLocals: true,
    rootDir: 'src',
    composite: true,
    types: [],
    lib: ['es2023'],
  }
  fs.writeFileSync(settings, JSON.stringify({ compilerOptions, include: ['src'] }))
  fs.writeFileSync(path.join(root, 'src/a.types.ts'), 'function f(x: number) {}\nf(1)\n\nf("a")\nf()\n')
  fs.writeFileSync(path.join(root, 'src/b.types.ts'), 'export const x: string = "a"\n')
  assert.deepEqual(compile(root, ['src/a.types.ts', 'src/b.types.ts'], settings), [
    ['src/a.types.ts', ['4: TS2345', '5: TS2554']],
    ['src/b.types.ts', []],
  ])
})

test('what must not compile fails where it says so, and nowhere else', async t => {
  const names = fs
    .readdirSync(path.join(ROOT, 'src'), { recursive: true })
    .filter(name => name.endsWith('.types.ts'))
  const files = names.map(name => `src/${name}`).sort()
  if (files.length === 0) return t.skip('there is no .types.ts file')
  for (const [file, errors] of compile(ROOT, files, path.join(ROOT, 'tsconfig.node.json'))) {
    await t.test(file, () => {
      const marks = announced(fs.readFileSync(path.join(ROOT, file), 'utf8'))
      assert.notEqual(marks.length, 0, `${file} has no case: no line "// error: TS…"`)
      assert.deepEqual(errors, marks)
    })
  }
})
