/**
 * Rules of style that a machine can hold, as a test. `node tools/tidy.mjs` prints what is wrong.
 * Rules about code look at the syntax tree, so that comments and strings may speak of what code may not do.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const MAX_LINES = 500
/** Biome formats at fewer; what it leaves longer is a string or a name that can be cut. */
const MAX_COLUMNS = 120

const BANNED_NAMES = ['util', 'utils', 'helper', 'helpers', 'common', 'manager', 'types']
/** Names of things that really are called so. */
const PROPER_NAMES = ['package-manager']
const COMPILER = 'src/ctf/codec/compile.ts'
/** Other files that may generate code, and why that is no way in for anyone's text. */
const GENERATORS = {
  'bench/loops.mjs':
    'V8 shares type feedback between functions of equal text: each measured loop has its own',
}
/** Where wall time is meant: folders, and single files that compare it with the times of files. */
const WALL_CLOCK = [
  'src/base/',
  'src/cli/',
  'src/store/',
  'src/control/',
  'src/consumer/',
  'src/tracer/home.ts',
]
/** Where the console is spoken to: by the command line, and by what records its channels. */
const CONSOLE = ['src/cli/', 'src/tracer/auto/console.ts']
/** Files with mutable state at their top level, and why it cannot be handed in. */
const TOP_LEVEL_STATE = {
  'src/native/libc.ts': 'a process loads libc once, whoever asks first',
}
/** Files that name what they ban. */
const QUOTING = ['tools/tidy.mjs', 'tools/tidy.test.mjs']

const CODE = /\.(ts|mjs|js)$/
const TEST = /\.test\.(ts|mjs)$/
const TEST_SIDE = /\.(test|types|bench|contract|fuzz)\.(ts|mjs)$|^src\/testing\//
/** A registry by its host name, but for the one that every npm knows about without being told. */
const REGISTRY =
  /\b(?:registry|mirrors?|artifactory|nexus|verdaccio)\.[\w.-]*\w\.(?:org|com|net|io|dev|cn|local|internal)\b/
const MACHINE_PATH = /(?<![\w.~)}\]-])\/(?:work|root)\/[\w.@-]*/
const LEFTOVER = /\b(?:TODO|FIXME|XXX)\b/

/** All that is wrong with one file, as `path:line: error: text`, in order of line. */
export function checkFile(file, text) {
  const errors = []
  const say = (line, what) => errors.push({ line, what })
  checkName(file, say)
  const lines = text.split('\n')
  const fixture = file.includes('testdata/')
  if (!QUOTING.includes(file)) checkSecrets(lines, say)
  if (!fixture) {
    if (!QUOTING.includes(file)) checkLeftovers(lines, say)
    if (file.endsWith('.md')) checkMarkdown(lines, say)
    if (CODE.test(file)) {
      checkSize(lines, say)
      checkSyntax(file, text, say)
    }
  }
  errors.sort((a, b) => a.line - b.line)
  return errors.map(({ line, what }) => `${file}:${line}: error: ${what}`)
}

function checkName(file, say) {
  for (const part of file.split('/')) {
    const name = part.replace(CODE, '')
    if (BANNED_NAMES.includes(name.split('-').pop()) && !PROPER_NAMES.includes(name))
      say(1, `${part} says nothing: name the thing it is about`)
  }
}

function checkSecrets(lines, say) {
  lines.forEach((line, index) => {
    const host = REGISTRY.exec(line)?.[0]
    if (host !== undefined) say(index + 1, `${host} is a registry host: leave the registry to npm's settings`)
    const place = MACHINE_PATH.exec(line)?.[0]
    if (place !== undefined)
      say(index + 1, `${place} is a path of one machine: derive it, or take it as an argument`)
  })
}

function checkLeftovers(lines, say) {
  lines.forEach((line, index) => {
    const mark = LEFTOVER.exec(line)?.[0]
    if (mark !== undefined) say(index + 1, `${mark} is left over: do it, or say what is not supported`)
  })
}

function checkMarkdown(lines, say) {
  const titles = []
  let fenced = false
  lines.forEach((line, index) => {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced
    else if (!fenced && line.startsWith('# ')) titles.push(index + 1)
  })
  if (titles.length === 0) say(1, 'no title: a document has one line that starts with "# "')
  for (const line of titles.slice(1))
    say(line, 'a second title: a document has one line that starts with "# "')
}

function checkSize(lines, say) {
  const count = lines.at(-1) === '' ? lines.length - 1 : lines.length
  if (count > MAX_LINES)
    say(MAX_LINES + 1, `${count} lines: a file has at most ${MAX_LINES}; cut it by nouns`)
  lines.forEach((line, index) => {
    const columns = [...line].length
    if (columns > MAX_COLUMNS) say(index + 1, `${columns} columns: a line has at most ${MAX_COLUMNS}`)
  })
}

function checkSyntax(file, text, say) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const at = (node, what) => say(source.getLineAndCharacterOfPosition(node.getStart()).line + 1, what)
  const product = file.startsWith('src/') && !TEST_SIDE.test(file)
  const visit = node => {
    checkEverywhere(file, node, at)
    if (product) checkProduct(file, node, at)
    ts.forEachChild(node, visit)
  }
  visit(source)
  if (product && !Object.hasOwn(TOP_LEVEL_STATE, file)) checkState(source, at)
  if (file.startsWith('src/')) checkBarrel(file, source, at)
  if (TEST.test(file)) checkAssertions(source, at)
}

/** What no code may do: src, tools, benches, examples and tests alike. */
function checkEverywhere(file, node, at) {
  const called = (ts.isCallExpression(node) || ts.isNewExpression(node)) && nameOf(node.expression)
  if (called === 'Function' && file !== COMPILER && !Object.hasOwn(GENERATORS, file))
    at(node, `new Function is for ${COMPILER} only: use a closure`)
  if (called === 'eval') at(node, 'eval is banned: use a closure')
  if (
    (ts.isAsExpression(node) || ts.isTypeAssertionExpression(node)) &&
    node.type.kind === ts.SyntaxKind.AnyKeyword
  ) {
    at(node, '`as any` is banned: name the type, or use unknown and narrow it')
  }
  if (
    ts.isCatchClause(node) &&
    node.block.statements.length === 0 &&
    !/\/\/|\/\*/.test(node.block.getText())
  ) {
    at(node, 'an empty catch: handle the error, or say in a comment why none is needed')
  }
  if (TEST.test(file) && isOnly(node)) at(node, 'only: a test that silences the others')
}

function isOnly(node) {
  if (ts.isPropertyAccessExpression(node)) {
    return node.name.text === 'only' && ['test', 'it', 'describe', 'suite'].includes(nameOf(node.expression))
  }
  return (
    ts.isPropertyAssignment(node) &&
    nameOf(node.name) === 'only' &&
    node.initializer.kind === ts.SyntaxKind.TrueKeyword
  )
}

function checkProduct(file, node, at) {
  if (
    ts.isExportDeclaration(node) &&
    (node.exportClause === undefined || ts.isNamespaceExport(node.exportClause))
  ) {
    at(node, 'export * is banned: name what is exported')
  }
  if (!ts.isPropertyAccessExpression(node)) return
  const object = nameOf(node.expression)
  if (object === 'console' && !CONSOLE.some(place => file.startsWith(place)))
    at(node, 'console is for src/cli only: throw, return or count')
  if (object === 'Date' && node.name.text === 'now' && !WALL_CLOCK.some(place => file.startsWith(place))) {
    at(node, 'Date.now is not a clock of this folder: take the time as an argument, or use base/time.ts')
  }
}

function checkState(source, at) {
  for (const statement of source.statements) {
    if (
      !ts.isVariableStatement(statement) ||
      statement.modifiers?.some(m => m.kind === ts.SyntaxKind.DeclareKeyword)
    )
      continue
    if ((statement.declarationList.flags & ts.NodeFlags.Const) === 0) {
      at(statement, 'mutable state at the top level: keep it in an object that is handed in')
    }
  }
}

function checkBarrel(file, source, at) {
  const passesOn =
    source.statements.length > 0 &&
    source.statements.every(s => ts.isExportDeclaration(s) && s.moduleSpecifier)
  if (passesOn && path.basename(file) !== 'index.ts') {
    at(source.statements[0], 'a file that only passes names on is the index.ts of a folder')
  }
}

/** Finds tests that assert nothing: neither themselves nor through a function of this file or of the tests' own. */
function checkAssertions(source, at) {
  const asserting = new Set()
  const functions = new Map()
  const tests = []
  const visit = node => {
    if (ts.isImportDeclaration(node) && /\.contract\.ts$|\/testing\//.test(node.moduleSpecifier.text)) {
      for (const element of node.importClause?.namedBindings?.elements ?? []) asserting.add(element.name.text)
    }
    if (ts.isFunctionDeclaration(node) && node.name) functions.set(node.name.text, node)
    if (ts.isVariableDeclaration(node) && node.initializer && ts.isFunctionLike(node.initializer)) {
      functions.set(nameOf(node.name), node.initializer)
    }
    if (ts.isCallExpression(node) && isTestCall(node)) tests.push(node)
    ts.forEachChild(node, visit)
  }
  visit(source)
  const asserts = node => mentions(node, name => /^(assert|expect)/i.test(name) || asserting.has(name))
  for (let grown = -1; grown !== asserting.size; ) {
    grown = asserting.size
    for (const [name, node] of functions) if (asserts(node)) asserting.add(name)
  }
  for (const node of tests) {
    if (!asserts(node)) at(node, 'a test without an assertion')
  }
}

function isTestCall(node) {
  const callee = node.expression
  const named = ts.isIdentifier(callee) ? callee.text : undefined
  const last = node.arguments.at(-1)
  return (
    ['test', 'it'].includes(named) && last !== undefined && (ts.isFunctionLike(last) || ts.isIdentifier(last))
  )
}

function mentions(node, wanted) {
  if (ts.isIdentifier(node) && wanted(node.text)) return true
  return ts.forEachChild(node, child => mentions(child, wanted) || undefined) ?? false
}

function nameOf(node) {
  return ts.isIdentifier(node) ? node.text : undefined
}

/** The files that are, or could be, under version control: tracked and new, but not ignored. */
export function listFiles(root) {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }
  const git = spawnSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], options)
  const names = git.status === 0 ? git.stdout.split('\0').filter(name => name !== '') : walk(root)
  return [...new Set(names)].filter(name => isFile(path.join(root, name))).sort()
}

function isFile(file) {
  return fs.lstatSync(file, { throwIfNoEntry: false })?.isFile() ?? false
}

function walk(root) {
  const skipped = ['node_modules', 'dist', '.git']
  const top = fs.readdirSync(root).filter(name => !skipped.includes(name))
  return top.flatMap(name => {
    if (isFile(path.join(root, name))) return [name]
    return fs.readdirSync(path.join(root, name), { recursive: true }).map(inner => `${name}/${inner}`)
  })
}

export function checkTree(root) {
  return listFiles(root).flatMap(name => {
    const bytes = fs.readFileSync(path.join(root, name))
    return bytes.includes(0) ? [] : checkFile(name, bytes.toString())
  })
}

if (fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const errors = checkTree(path.dirname(path.dirname(fileURLToPath(import.meta.url))))
  for (const error of errors) console.error(error)
  process.exitCode = errors.length > 0 ? 1 : 0
}
