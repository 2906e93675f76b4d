/** Event record headers of the three forms: program text and the same as a function. */
import { assertUnreachable } from '../base/index.ts'
import type { HeaderForm } from '../ctf/model/index.ts'

/** The longest header of a form, in bytes. */
export const MAX_HEADER_BYTES: Readonly<Record<HeaderForm, number>> = { compact: 13, large: 14, sized: 17 }

/**
 * A reader adds one wrap to a short timestamp that is below the last one: so the distance must stay below a
 * whole wrap. One less, because both times have fractions of a nanosecond.
 */
const COMPACT_REACH = 2 ** 27 - 1
const LARGE_REACH = 2 ** 32 - 1

const COMPACT_EXTENDED = 31
const LARGE_EXTENDED = 65535
const SIZED_MAX_ID = 28
const SIZED_FULL = 29
const SIZED_SIZED = 30

export interface HeaderSpec {
  readonly form: HeaderForm
  readonly eventId: number
  /** Upper word of the ring's epoch, whose lower word is 0. */
  readonly epochHigh: number
  /** Records of this event have different sizes. */
  readonly isVariable: boolean
}

/**
 * Text that writes the header at `p` for time `t` (last time in `g`) and declares `q` behind it. `sizeAt` is where
 * the size of what follows goes, or -1.
 */
export function headerText(spec: HeaderSpec): string {
  const { form, eventId: id, epochHigh } = spec
  const time64 = (at: string): string =>
    `V.setInt32(${at}, t | 0, true); V.setInt32(${at} + 4, ${epochHigh} + Math.floor(t / 4294967296), true);`
  switch (form) {
    case 'compact': {
      const full = `V.setUint8(p, ${COMPACT_EXTENDED}); V.setInt32(p + 1, ${id}, true); ${time64('p + 5')} q = p + 13;`
      if (id >= COMPACT_EXTENDED) return `let q; ${full}`
      return `let q;
        if (t - g < ${COMPACT_REACH}) { V.setInt32(p, t << 5 | ${id}, true); q = p + 4; } else { ${full} }`
    }
    case 'large': {
      const full = `V.setUint16(p, ${LARGE_EXTENDED}, true); V.setInt32(p + 2, ${id}, true);
        ${time64('p + 6')} q = p + 14;`
      if (id >= LARGE_EXTENDED) return `let q; ${full}`
      return `let q;
        if (t - g < ${LARGE_REACH}) {
          V.setUint16(p, ${id}, true); V.setInt32(p + 2, t | 0, true); q = p + 6;
        } else { ${full} }`
    }
    case 'sized': {
      const full = `V.setUint8(p, ${SIZED_FULL}); V.setInt32(p + 1, ${id}, true); sizeAt = p + 5;
        ${time64('p + 9')} q = p + 17;`
      return `let q, sizeAt = -1; if (t - g < ${COMPACT_REACH}) { ${sizedShort(spec)} } else { ${full} }`
    }
    default:
      return assertUnreachable(form)
  }
}

function sizedShort({ eventId: id, isVariable }: HeaderSpec): string {
  if (isVariable) {
    return `V.setInt32(p, t << 5 | ${SIZED_SIZED}, true); V.setInt32(p + 4, ${id}, true); sizeAt = p + 8; q = p + 12;`
  }
  if (id <= SIZED_MAX_ID) return `V.setInt32(p, t << 5 | ${id}, true); q = p + 4;`
  return `V.setInt32(p, t << 5 | ${COMPACT_EXTENDED}, true); V.setInt32(p + 4, ${id}, true); q = p + 8;`
}

/** Text that completes a `sized` header when the record ends at `q`. */
export function sizeText(form: HeaderForm): string {
  return form === 'sized' ? 'if (sizeAt >= 0) V.setInt32(sizeAt, q - start, true);' : ''
}

/** What headerText() does. Returns the offset behind the header. */
export function writeHeader(
  view: DataView,
  spec: HeaderSpec,
  p: number,
  t: number,
  last: number,
  size: number,
): number {
  const { form, eventId: id, epochHigh } = spec
  const time64 = (at: number): void => {
    view.setInt32(at, t | 0, true)
    view.setInt32(at + 4, epochHigh + Math.floor(t / 4294967296), true)
  }
  const isNear = t - last < (form === 'large' ? LARGE_REACH : COMPACT_REACH)
  if (form === 'large') {
    const isShort = isNear && id < LARGE_EXTENDED
    view.setUint16(p, isShort ? id : LARGE_EXTENDED, true)
    view.setInt32(p + 2, isShort ? t | 0 : id, true)
    if (isShort) return p + 6
    time64(p + 6)
    return p + 14
  }
  if (form === 'compact') {
    if (isNear && id < COMPACT_EXTENDED) {
      view.setInt32(p, (t << 5) | id, true)
      return p + 4
    }
    view.setUint8(p, COMPACT_EXTENDED)
    view.setInt32(p + 1, id, true)
    time64(p + 5)
    return p + 13
  }
  if (!isNear) {
    view.setUint8(p, SIZED_FULL)
    view.setInt32(p + 1, id, true)
    view.setInt32(p + 5, size, true)
    time64(p + 9)
    return p + 17
  }
  if (spec.isVariable) {
    view.setInt32(p, (t << 5) | SIZED_SIZED, true)
    view.setInt32(p + 4, id, true)
    view.setInt32(p + 8, size, true)
    return p + 12
  }
  if (id <= SIZED_MAX_ID) {
    view.setInt32(p, (t << 5) | id, true)
    return p + 4
  }
  view.setInt32(p, (t << 5) | COMPACT_EXTENDED, true)
  view.setInt32(p + 4, id, true)
  return p + 8
}
