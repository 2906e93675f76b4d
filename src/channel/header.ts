/** Event record headers of the three forms: program text and the same as a function. */
import { assertUnreachable } from '../base/index.ts'
import type { HeaderForm } from '../ctf/model/index.ts'

/** The longest header of a form, in bytes. */
export const MAX_HEADER_BYTES: Readonly<Record<HeaderForm, number>> = { compact: 13, large: 14, sized: 17 }

/** A reader adds one wrap to a short timestamp that is below the last one: the distance stays below a whole wrap. */
const COMPACT_REACH = 2 ** 27

const COMPACT_EXTENDED = 31
const LARGE_EXTENDED = 65535
const SIZED_MAX_ID = 28
const SIZED_FULL = 29
const SIZED_SIZED = 30

export interface HeaderSpec {
  readonly form: HeaderForm
  readonly eventId: number
  /** Records of this event have different sizes. */
  readonly isVariable: boolean
}

/** The time is between the last one and 2³² ns later. */
const IS_WITHIN_WRAP = `(high === gh ? low >>> 0 >= gl >>> 0 : high === (gh + 1 | 0) && low >>> 0 < gl >>> 0)`
/** Expression: a reader can tell the time in `low` and `high` from the short header, after that in `gl` and `gh`. */
export const IS_NEAR: Readonly<Record<HeaderForm, string>> = {
  compact: `(low - gl >>> 0) < ${COMPACT_REACH} && ${IS_WITHIN_WRAP}`,
  sized: `(low - gl >>> 0) < ${COMPACT_REACH} && ${IS_WITHIN_WRAP}`,
  large: IS_WITHIN_WRAP,
}
/** A clock that goes back is held. */
const HOLD = 'if (high < gh || high === gh && low >>> 0 < gl >>> 0) { low = gl; high = gh; }'

/**
 * Text that writes the header at `p` for the time in `low` and `high` (the last time in `gl` and `gh`), short where
 * `isNear`, and declares `q` behind it. `sizeAt` is where the size of what follows goes, or -1.
 */
export function headerText(spec: HeaderSpec, clock: 'may go back' | 'goes on'): string {
  const { form, eventId: id } = spec
  const hold = clock === 'may go back' ? HOLD : ''
  const time64 = (at: string): string => `V.setInt32(${at}, low, true); V.setInt32(${at} + 4, high, true);`
  switch (form) {
    case 'compact': {
      const full = `${hold} V.setUint8(p, ${COMPACT_EXTENDED}); V.setInt32(p + 1, ${id}, true);
        ${time64('p + 5')} q = p + 13;`
      if (id >= COMPACT_EXTENDED) return `let q; ${full}`
      return `let q;
        if (isNear) { V.setInt32(p, low << 5 | ${id}, true); q = p + 4; } else { ${full} }`
    }
    case 'large': {
      const full = `${hold} V.setUint16(p, ${LARGE_EXTENDED}, true); V.setInt32(p + 2, ${id}, true);
        ${time64('p + 6')} q = p + 14;`
      if (id >= LARGE_EXTENDED) return `let q; ${full}`
      return `let q;
        if (isNear) {
          V.setUint16(p, ${id}, true); V.setInt32(p + 2, low, true); q = p + 6;
        } else { ${full} }`
    }
    case 'sized': {
      const full = `${hold} V.setUint8(p, ${SIZED_FULL}); V.setInt32(p + 1, ${id}, true); sizeAt = p + 5;
        ${time64('p + 9')} q = p + 17;`
      return `let q, sizeAt = -1; if (isNear) { ${sizedShort(spec)} } else { ${full} }`
    }
    default:
      return assertUnreachable(form)
  }
}

function sizedShort({ eventId: id, isVariable }: HeaderSpec): string {
  if (isVariable) {
    return `V.setInt32(p, low << 5 | ${SIZED_SIZED}, true); V.setInt32(p + 4, ${id}, true); sizeAt = p + 8; q = p + 12;`
  }
  if (id <= SIZED_MAX_ID) return `V.setInt32(p, low << 5 | ${id}, true); q = p + 4;`
  return `V.setInt32(p, low << 5 | ${COMPACT_EXTENDED}, true); V.setInt32(p + 4, ${id}, true); q = p + 8;`
}

/** Bytes of the header that headerText() writes for a time that is near. */
export function nearHeaderBytes({ form, eventId: id, isVariable }: HeaderSpec): number {
  switch (form) {
    case 'compact':
      return id < COMPACT_EXTENDED ? 4 : MAX_HEADER_BYTES.compact
    case 'large':
      return id < LARGE_EXTENDED ? 6 : MAX_HEADER_BYTES.large
    case 'sized':
      return isVariable ? 12 : id <= SIZED_MAX_ID ? 4 : 8
    default:
      return assertUnreachable(form)
  }
}

/** Text that completes a `sized` header when the record ends at `q`. */
export function sizeText(form: HeaderForm): string {
  return form === 'sized' ? 'if (sizeAt >= 0) V.setInt32(sizeAt, q - start, true);' : ''
}

/** Halves of a time in ns. */
export interface Time {
  readonly low: number
  readonly high: number
}

/** The later of the two: a clock that goes back is held. */
export function laterTime(time: Time, last: Time): Time {
  const isBefore = time.high < last.high || (time.high === last.high && time.low >>> 0 < last.low >>> 0)
  return isBefore ? last : time
}

function isNear(form: HeaderForm, { low, high }: Time, last: Time): boolean {
  const wraps = low >>> 0 < last.low >>> 0 ? 1 : 0
  if (high !== ((last.high + wraps) | 0)) return false
  return form === 'large' || (low - last.low) >>> 0 < COMPACT_REACH
}

/** What headerText() does, for a time that is not below the last one. Returns the offset behind the header. */
export function writeHeader(
  view: DataView,
  spec: HeaderSpec,
  p: number,
  time: Time,
  last: Time,
  size: number,
): number {
  const { form, eventId: id } = spec
  const { low, high } = time
  const time64 = (at: number): void => {
    view.setInt32(at, low, true)
    view.setInt32(at + 4, high, true)
  }
  const near = isNear(form, time, last)
  if (form === 'large') {
    const isShort = near && id < LARGE_EXTENDED
    view.setUint16(p, isShort ? id : LARGE_EXTENDED, true)
    view.setInt32(p + 2, isShort ? low : id, true)
    if (isShort) return p + 6
    time64(p + 6)
    return p + 14
  }
  if (form === 'compact') {
    if (near && id < COMPACT_EXTENDED) {
      view.setInt32(p, (low << 5) | id, true)
      return p + 4
    }
    view.setUint8(p, COMPACT_EXTENDED)
    view.setInt32(p + 1, id, true)
    time64(p + 5)
    return p + 13
  }
  if (!near) {
    view.setUint8(p, SIZED_FULL)
    view.setInt32(p + 1, id, true)
    view.setInt32(p + 5, size, true)
    time64(p + 9)
    return p + 17
  }
  if (spec.isVariable) {
    view.setInt32(p, (low << 5) | SIZED_SIZED, true)
    view.setInt32(p + 4, id, true)
    view.setInt32(p + 8, size, true)
    return p + 12
  }
  if (id <= SIZED_MAX_ID) {
    view.setInt32(p, (low << 5) | id, true)
    return p + 4
  }
  view.setInt32(p, (low << 5) | COMPACT_EXTENDED, true)
  view.setInt32(p + 4, id, true)
  return p + 8
}
