import { KymoError } from '../../../base/index.ts'
import type { Mappings, VariantClass } from '../../model/index.ts'
import { identifier, type NameScope, TSDL_ERROR } from './lexical.ts'

/** One `"label" = lower ... upper` of an enumeration, bounds inclusive. */
export interface EnumerationRange {
  readonly label: string
  readonly lower: bigint
  readonly upper: bigint
}

export function labelRanges(mappings: Mappings): EnumerationRange[] {
  return Object.entries(mappings).flatMap(([label, ranges]) =>
    ranges.map(([lower, upper]) => ({ label, lower: bound(lower), upper: bound(upper) })),
  )
}

function bound(text: string): bigint {
  if (!/^-?[0-9]{1,20}$/.test(text)) {
    throw new KymoError(TSDL_ERROR, `a mapping's bound is a decimal integer: got ${JSON.stringify(text)}`, {
      text,
    })
  }
  return BigInt(text)
}

/**
 * The labels of a variant's selector: CTF 1.8 selects the option that has the name of the selector's label, so
 * these labels take the place of the integer's own mappings.
 */
export function selectorRanges(variants: readonly VariantClass[], scope: NameScope): EnumerationRange[] {
  const ranges = new Map<string, EnumerationRange>()
  for (const option of variants.flatMap(variant => variant.options)) {
    const label = identifier(option.name, scope)
    for (const [lower, upper] of option.selectorRanges) {
      if (!Number.isSafeInteger(lower) || !Number.isSafeInteger(upper)) {
        throw new KymoError(TSDL_ERROR, `a selector range has integer bounds: got ${lower} to ${upper}`, {
          label,
        })
      }
      ranges.set(`${label} ${lower} ${upper}`, { label, lower: BigInt(lower), upper: BigInt(upper) })
    }
  }
  return [...ranges.values()]
}
