/** Sizer and encoder of one plan: compiled, or as closures where code from strings is forbidden. */
import { assertUnreachable } from '../../base/index.ts'
import { closureEncoder } from './closures.ts'
import { compileFunction } from './compile.ts'
import { alignmentOf, fixedBytes, isBitPacked, isScalar, type Plan } from './plan.ts'
import {
  Constants,
  checkText,
  textConstants,
  writeBitsText,
  writeFixedText,
  writeStringText,
} from './scalar-text.ts'
import { inside, toLength, truncateUtf8, type Utf8 } from './value.ts'

/** Values are JavaScript's: number or bigint, boolean, string, label, array-likes, objects by member name. */
export interface Encoder {
  /** Bytes that encode() may touch for this value; throws BAD_VALUE. */
  size(value: unknown): number
  /** Writes at byte `at` and returns the end; throws BAD_VALUE, or RangeError behind the end of `view`. */
  encode(view: DataView, bytes: Uint8Array, at: number, value: unknown): number
}

export function makeEncoder(plan: Plan, utf8: Utf8): Encoder {
  return compileEncoder(plan, utf8) ?? closureEncoder(plan, utf8)
}

/** `undefined` where code from strings is forbidden. */
export function compileEncoder(plan: Plan, utf8: Utf8): Encoder | undefined {
  const text = new EncoderText(isBitPacked(plan))
  const encode = text.encode(plan, 'v')
  const size = text.size(plan, 'v')
  return compileFunction<Encoder>(
    `return {
      size(v) { let s = 0; ${size} return s; },
      encode(V, U, q, v) {
        let p = q, b = 0;
        ${encode} ${text.isBitPacked ? 'if (b !== 0) p++;' : ''}
        return inside(V, p);
      },
    }`,
    {
      ...textConstants(utf8),
      K: text.constants.values,
      toLength,
      inside,
      fit: (t: string, n: number) => truncateUtf8(t, n, utf8),
    },
  )
}

class EncoderText {
  readonly constants = new Constants()
  readonly isBitPacked: boolean
  #names = 0

  constructor(isBitPacked: boolean) {
    this.isBitPacked = isBitPacked
  }

  #name(): string {
    return `x${this.#names++}`
  }

  encode(plan: Plan, v: string): string {
    switch (plan.kind) {
      case 'structure':
        return `${this.#align(plan)}
          ${plan.members.map(({ name, plan: member }) => this.#member(member, v, name)).join('\n')}`
      case 'array':
        return `${this.#align(plan)} ${this.#elements(plan.element, v, String(plan.length))}`
      case 'sequence': {
        const length = this.#name()
        return `const ${length} = toLength(${v}, -1); ${this.#toByte()} V.setUint32(p, ${length}, true); p += 4;
          ${this.#elements(plan.element, v, length)}`
      }
      default:
        return this.#scalar(plan, v)
    }
  }

  #member(plan: Plan, v: string, name: string): string {
    const member = this.#name()
    return `{ if (typeof ${v} !== 'object' || ${v} === null) throw BAD_VALUE;
      let ${member} = ${v}[${this.constants.add(name)}]; ${this.encode(plan, member)} }`
  }

  #elements(element: Plan, v: string, length: string): string {
    const i = this.#name()
    const value = this.#name()
    return `toLength(${v}, ${length});
      for (let ${i} = 0; ${i} < ${length}; ${i}++) { let ${value} = ${v}[${i}]; ${this.encode(element, value)} }`
  }

  #scalar(plan: Plan, v: string): string {
    if (!isScalar(plan)) return ''
    const check = checkText(plan, v, this.constants)
    if (plan.kind === 'integer' && !plan.isPlain) {
      return `${check} ${this.#align(plan)} ${writeBitsText(plan, v)} b += ${plan.bits}; p += b >> 3; b &= 7;`
    }
    if (plan.kind === 'string') {
      return `${check} ${this.#toByte()} { let q = p; ${writeStringText(v)} p = q; }`
    }
    const cut = plan.kind === 'text' ? `${v} = fit(${v}, ${plan.bytes});` : ''
    return `${check} ${cut} ${this.#toByte()} ${writeFixedText(plan, v, 'p')} p += ${fixedBytes(plan)};`
  }

  #align(plan: Plan): string {
    const alignment = alignmentOf(plan)
    if (!this.isBitPacked || alignment === 1) return ''
    return `b = Math.ceil(b / ${alignment}) * ${alignment}; p += b >> 3; b &= 7;`
  }

  #toByte(): string {
    return this.isBitPacked ? 'if (b !== 0) { p++; b = 0; }' : ''
  }

  size(plan: Plan, v: string): string {
    const fixed = fixedBytes(plan)
    if (fixed !== undefined) return `s += ${fixed};`
    switch (plan.kind) {
      case 'integer':
        return `s += ${Math.ceil(plan.bits / 8) + 1};`
      case 'string':
        return `if (typeof ${v} !== 'string') throw BAD_VALUE; s += utf8.byteLength(toText(${v})) + 4;`
      case 'sequence':
        return `s += 5; ${this.#sizeElements(plan.element, v, `toLength(${v}, -1)`)}`
      case 'array':
        return this.#sizeElements(plan.element, v, `toLength(${v}, ${plan.length})`)
      case 'structure':
        return plan.members.map(({ name, plan: member }) => this.#sizeMember(member, v, name)).join('\n')
      case 'float':
      case 'boolean':
      case 'text':
        return ''
      default:
        return assertUnreachable(plan)
    }
  }

  #sizeMember(plan: Plan, v: string, name: string): string {
    const member = this.#name()
    return `{ if (typeof ${v} !== 'object' || ${v} === null) throw BAD_VALUE;
      const ${member} = ${v}[${this.constants.add(name)}]; ${this.size(plan, member)} }`
  }

  #sizeElements(element: Plan, v: string, length: string): string {
    const i = this.#name()
    const n = this.#name()
    const value = this.#name()
    const fixed = fixedBytes(element)
    if (fixed !== undefined) return `s += ${length} * ${fixed};`
    return `for (let ${i} = 0, ${n} = ${length}; ${i} < ${n}; ${i}++) {
      const ${value} = ${v}[${i}]; ${this.size(element, value)} }`
  }
}
