/**
 * Program text for scalar fields: `check` turns the value in a variable into what `write` stores, or throws
 * BAD_VALUE. Names in the text: V a DataView, U its bytes, K constants, and the functions of `value.ts`.
 */
import { assertUnreachable } from '../../base/index.ts'
import { type IntegerPlan, integerRange, type ScalarPlan } from './plan.ts'
import {
  BAD_VALUE,
  highWord,
  lowWord,
  toInteger,
  toLabelled,
  toText,
  toWide,
  type Utf8,
  writeBits,
} from './value.ts'

/** Strings of up to so many characters are written four per word; longer ones by the platform. */
export const SHORT_TEXT = 32
/** Bytes to reserve for a short string of `l` characters: all of three bytes, the end, and the last word's rest. */
export const SHORT_TEXT_RESERVE = (length: string): string => `3 * ${length} + 4`

/** What compiled text refers to by name. */
export function textConstants(utf8: Utf8): Record<string, unknown> {
  return { BAD_VALUE, toInteger, toWide, lowWord, highWord, toLabelled, toText, writeBits, utf8 }
}

/** Constants that a piece of text needs beyond its own digits. */
export class Constants {
  readonly values: unknown[] = []

  add(value: unknown): string {
    this.values.push(value)
    return `K[${this.values.length - 1}]`
  }
}

export function checkText(plan: ScalarPlan, v: string, constants: Constants): string {
  switch (plan.kind) {
    case 'integer':
      return (
        (plan.labels ? `${v} = toLabelled(${v}, ${constants.add(plan.labels)});` : '') + checkInteger(plan, v)
      )
    case 'float':
      return `if (typeof ${v} !== 'number') throw BAD_VALUE;`
    case 'boolean':
      return `if (typeof ${v} !== 'boolean') throw BAD_VALUE;`
    case 'string':
      return `if (typeof ${v} !== 'string') throw BAD_VALUE;
        if (${v}.length > ${SHORT_TEXT}) ${v} = toText(${v});
        const ${v}l = ${v}.length;`
    case 'text':
      return `${v} = toText(${v});`
    default:
      return assertUnreachable(plan)
  }
}

function checkInteger(plan: IntegerPlan, v: string): string {
  if (plan.bits > 32) {
    const min = plan.signed ? '-9007199254740991' : '0'
    const full = `let ${v}l, ${v}h;
      if (typeof ${v} === 'number' && ${v} >= ${min} && ${v} <= 9007199254740991) {
        const z = Math.trunc(${v}); ${v}l = z | 0; ${v}h = Math.floor(z / 4294967296) | 0;
      } else { const z = toWide(${v}, ${plan.signed}); ${v}l = lowWord(z); ${v}h = highWord(z); }`
    if (plan.bits === 64) return full
    const shift = 64 - plan.bits
    const kept = plan.signed ? `(${v}h << ${shift}) >> ${shift}` : `(${v}h << ${shift}) >>> ${shift}`
    return `${full} if ((${kept} | 0) !== ${v}h) throw BAD_VALUE;`
  }
  const [min, max] = integerRange(plan)
  return `if (typeof ${v} !== 'number' || (${narrowed(plan, v)}) !== ${v}) ${v} = toInteger(${v}, ${min}, ${max});`
}

function narrowed(plan: IntegerPlan, v: string): string {
  const shift = 32 - plan.bits
  if (shift === 0) return plan.signed ? `${v} | 0` : `${v} >>> 0`
  return plan.signed ? `${v} << ${shift} >> ${shift}` : `${v} << ${shift} >>> ${shift}`
}

/** Stores at `at` (an expression); strings are not written by this. */
export function writeFixedText(plan: ScalarPlan, v: string, at: string): string {
  switch (plan.kind) {
    case 'integer':
      return writeInteger(plan, v, at)
    case 'float':
      return `V.setFloat${plan.bits}(${at}, ${v}, ${plan.little});`
    case 'boolean':
      return `V.setUint8(${at}, ${v} ? 1 : 0);`
    case 'text':
      return `U.fill(0, ${at}, ${at} + ${plan.bytes}); utf8.write(${v}, U, ${at});`
    case 'string':
      return ''
    default:
      return assertUnreachable(plan)
  }
}

function writeInteger(plan: IntegerPlan, v: string, at: string): string {
  const kind = plan.signed ? 'Int' : 'Uint'
  if (plan.bits === 8) return `V.set${kind}8(${at}, ${v});`
  if (plan.bits < 64) return `V.set${kind}${plan.bits}(${at}, ${v}, ${plan.little});`
  const [first, second] = plan.little ? [`${v}l`, `${v}h`] : [`${v}h`, `${v}l`]
  return `V.setInt32(${at}, ${first}, ${plan.little}); V.setInt32(${at} + 4, ${second}, ${plan.little});`
}

/** Writes `length` bits at bit `b` of byte `p`. */
export function writeBitsText(plan: IntegerPlan, v: string): string {
  const [low, high] = plan.bits > 32 ? [`${v}l`, `${v}h`] : [v, '0']
  return `writeBits(U, p * 8 + b, ${plan.bits}, ${low}, ${high}, ${plan.little});`
}

/**
 * Writes the checked string in `v` and its end at `q`, and moves `q` behind it. ASCII goes four characters a word;
 * whether it was ASCII without U+0000 is looked at once, at the end.
 */
export function writeStringText(v: string): string {
  return `
    if (${v}l <= ${SHORT_TEXT}) {
      let i = 0, all = 0, zero = 0, w = 0, c = q;
      for (; i + 3 < ${v}l; i += 4, c += 4) {
        const c0 = ${v}.charCodeAt(i), c1 = ${v}.charCodeAt(i + 1);
        const c2 = ${v}.charCodeAt(i + 2), c3 = ${v}.charCodeAt(i + 3);
        all |= c0 | c1 | c2 | c3;
        w = c0 | c1 << 8 | c2 << 16 | c3 << 24;
        zero |= (w - 0x1010101) & ~w & 0x80808080;
        V.setInt32(c, w, true);
      }
      w = 0;
      if (i < ${v}l) {
        const c0 = ${v}.charCodeAt(i); all |= c0; zero |= c0 - 1 >>> 31; w = c0;
        if (i + 1 < ${v}l) {
          const c1 = ${v}.charCodeAt(i + 1); all |= c1; zero |= c1 - 1 >>> 31; w |= c1 << 8;
          if (i + 2 < ${v}l) { const c2 = ${v}.charCodeAt(i + 2); all |= c2; zero |= c2 - 1 >>> 31; w |= c2 << 16; }
        }
      }
      V.setInt32(c, w, true);
      if (all > 127 || zero !== 0) { q += utf8.write(toText(${v}), U, q); U[q++] = 0; } else q += ${v}l + 1;
    } else { q += utf8.write(${v}, U, q); U[q++] = 0; }`
}
