/**
 * Makes wrong rings out of a right one: each has one store less, or one store at another place. They are made from
 * the compiled text, so nobody has to keep a list; a new store has its mutants on the day it is written.
 *
 *   drop    a store (to shared memory or to the own words) or a call for its effect is left out; an atomic operation
 *           of which the result is used only loads
 *   swap    two neighbouring shared stores, one of which is a publication, change places
 *   early   a publication goes before each shared store that should precede it
 *   late    a publication goes behind the last shared store of its block
 *
 * Own words take no part in the last three: no other thread sees them, so their order is nobody's business.
 */
import assert from 'node:assert/strict'
import ts from 'typescript'

export type MutantKind = 'drop' | 'swap' | 'early' | 'late'

export interface Mutant {
  readonly kind: MutantKind
  /** Unique; says what and where. */
  readonly name: string
  /** The whole file. */
  readonly text: string
}

/** Stored last, as a sign to the other side that what went before is there. */
const PUBLICATION = /\b(?:COMMITTED_WORD|BEGUN_WORD|RELEASED_WORD|SELECTOR_WORD)\b|^\$\{publish\}|\.#?free\(/
/** In methods, of memory that both sides see. */
const SHARED = /^(?:this\.)?#?(?:words|doubles|places)\[[^=]*\] = |^Atomics\.(?!load\b)\w+\(|^this\.#?free\(/
const OWN = /^(?:this\.)?(?:own|ownDoubles)\[[^=]*\] = |^this\.#\w+(?:\[\w+\])? = /
/** For its effect: nothing is made of what it returns. */
const CALL = /^this\.#?\w+\(/
/** In program text: `W` and `F` are shared, `O` and `T` own; `lose()` stores both. */
const TEXT_STORE = /[WFOT]\[[^`;]*?\] = [^`;]*;|Atomics\.store\([^`;]*;|\$\{publish\}|\blose\([^`;]*;/g
const TEXT_SHARED = /^[WF]\[|^Atomics|^\$\{publish\}/
/** Where a constructor puts what it was handed is not part of the protocol. */
const NO_PROTOCOL = ['constructor']

/** Statements that follow each other, as places in the text. */
interface Store {
  readonly start: number
  readonly end: number
  readonly text: string
  readonly isShared: boolean
  readonly isPublication: boolean
  /** An `if`: it moves as a whole, its branches are left out one by one. */
  readonly isWhole?: boolean
  /** What is there instead of it, where it cannot just be left out. */
  readonly instead?: string
}

interface Block {
  /** The function that it is in. */
  readonly name: string
  readonly stores: readonly Store[]
}

export function mutantsOf(file: string, text: string): Mutant[] {
  const blocks = blocksOf(file, text)
  const names = new Map<string, number>()
  return blocks
    .flatMap(block => [...dropsOf(text, block), ...movesOf(text, block)])
    .map(mutant => {
      const seen = names.get(mutant.name) ?? 0
      names.set(mutant.name, seen + 1)
      return { ...mutant, name: `${file}: ${mutant.name}${seen === 0 ? '' : ` (${seen + 1})`}` }
    })
}

/** Text of which no statement was recognised as the store that it is. */
function assertAllFound(file: string, text: string, blocks: readonly Block[]): void {
  const found = blocks.flatMap(block => block.stores)
  for (const { index, 0: what } of text.matchAll(
    /[\w)]\[[^=;\n`]*\] [-+|&^*]?= |\bAtomics\.(?!load\b)\w+\(/g,
  )) {
    const isFound = found.some(({ start, end }) => start <= index && index < end)
    assert(isFound, `${file}: ${what} at ${index} is not known as a store`)
  }
}

function blocksOf(file: string, text: string): Block[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const blocks: Block[] = []
  const visit = (node: ts.Node, name: string): void => {
    const inner = nameOf(node) ?? name
    if (ts.isBlock(node) && !NO_PROTOCOL.includes(inner)) {
      blocks.push({ name: inner, stores: node.statements.flatMap(statement => storesOf(statement, text)) })
    }
    if (ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node)) {
      blocks.push({ name: `text of ${inner}`, stores: textStoresOf(node, text) })
    }
    const atomic = atomicOf(node, text)
    if (atomic !== undefined) blocks.push({ name: inner, stores: [atomic] })
    node.forEachChild(child => visit(child, inner))
  }
  visit(source, '')
  assertAllFound(file, text, blocks)
  return blocks.filter(block => block.stores.length > 0)
}

/** An atomic operation within an expression. */
function atomicOf(node: ts.Node, text: string): Store | undefined {
  if (!ts.isCallExpression(node) || ts.isExpressionStatement(node.parent)) return undefined
  if (!/^Atomics\.(?!load\b)\w+$/.test(node.expression.getText())) return undefined
  const [words, index] = node.arguments.map(argument => argument.getText())
  const place = { start: node.getStart(), end: node.end }
  return {
    ...place,
    text: oneLine(text.slice(place.start, place.end)),
    isShared: true,
    isPublication: false,
    instead: `Atomics.load(${words}, ${index})`,
  }
}

function nameOf(node: ts.Node): string | undefined {
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  const isNamed =
    ts.isMethodDeclaration(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isPropertyAssignment(node) ||
    ts.isVariableDeclaration(node)
  return isNamed && node.name !== undefined ? node.name.getText() : undefined
}

/** What a statement stores: itself, or the branches of an `if`, which move as one. */
function storesOf(statement: ts.Statement, text: string): Store[] {
  const what = statement.getText()
  const place = { start: statement.getStart(), end: statement.end, text: oneLine(what) }
  const isPublication = PUBLICATION.test(what)
  if (ts.isExpressionStatement(statement)) {
    const isShared = SHARED.test(what)
    if (!isShared && !OWN.test(what) && !CALL.test(what)) return []
    return [{ ...place, isShared, isPublication }]
  }
  // A body in braces is a block of its own.
  if (ts.isIterationStatement(statement, false)) {
    return ts.isBlock(statement.statement) ? [] : storesOf(statement.statement, text)
  }
  if (!ts.isIfStatement(statement)) return []
  const branches = [statement.thenStatement, statement.elseStatement].filter(branch => branch !== undefined)
  const isShared = branches
    .flatMap(branch => (ts.isBlock(branch) ? [...branch.statements] : [branch]))
    .some(branch => SHARED.test(branch.getText()))
  const whole = isShared ? [{ ...place, isShared, isPublication, isWhole: true }] : []
  return [...whole, ...branches.flatMap(branch => (ts.isBlock(branch) ? [] : storesOf(branch, text)))]
}

function textStoresOf(node: ts.Node, text: string): Store[] {
  const start = node.getStart()
  return [...text.slice(start, node.end).matchAll(TEXT_STORE)].map(({ 0: what, index }) => ({
    start: start + index,
    end: start + index + what.length,
    text: what,
    isShared: TEXT_SHARED.test(what),
    isPublication: PUBLICATION.test(what),
  }))
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ')
}

function dropsOf(text: string, { name, stores }: Block): Mutant[] {
  // An empty statement, which may stand behind an `if`.
  return stores
    .filter(store => store.isWhole !== true)
    .map(({ start, end, text: what, instead = ';' }) => ({
      kind: 'drop',
      name: `${name} without ${what}`,
      text: text.slice(0, start) + instead + text.slice(end),
    }))
}

function movesOf(text: string, { name, stores }: Block): Mutant[] {
  // Branches of an `if` lie within it: only the whole moves.
  const shared = stores.filter(
    store => store.isShared && !stores.some(other => other !== store && isWithin(store, other)),
  )
  return shared.flatMap((store, i) => {
    const next = shared[i + 1]
    const mutants: Mutant[] = []
    if (next !== undefined && (store.isPublication || next.isPublication)) {
      const between = text.slice(store.end, next.start)
      mutants.push({
        kind: 'swap',
        name: `${name}, ${next.text} before ${store.text}`,
        text: text.slice(0, store.start) + at(next, text) + between + at(store, text) + text.slice(next.end),
      })
    }
    if (!store.isPublication) return mutants
    const moved = (to: number): string => {
      const there = `\n${at(store, text)}\n`
      return to <= store.start
        ? `${text.slice(0, to)}${there}${text.slice(to, store.start)};${text.slice(store.end)}`
        : `${text.slice(0, store.start)};${text.slice(store.end, to)}${there}${text.slice(to)}`
    }
    // The neighbour is a swap already.
    for (const before of shared.slice(0, Math.max(0, i - 1))) {
      mutants.push({
        kind: 'early',
        name: `${name}, ${store.text} already before ${before.text}`,
        text: moved(before.start),
      })
    }
    const last = shared.at(-1)
    if (last !== undefined && last !== store) {
      mutants.push({
        kind: 'late',
        name: `${name}, ${store.text} only behind ${last.text}`,
        text: moved(last.end),
      })
    }
    return mutants
  })
}

function isWithin(store: Store, other: Store): boolean {
  return other.start <= store.start && store.end <= other.end
}

function at({ start, end }: Store, text: string): string {
  return text.slice(start, end)
}
