/** Nanoseconds of some clock, exact. Only at the edges of an API: hot code has f64 relative to an epoch. */
export type Nanoseconds = bigint & { readonly __unit: 'ns' }

export function nanoseconds(value: bigint): Nanoseconds {
  return value as Nanoseconds
}

/** `YYYYMMDD-HHMMSS` in local time: the date part of trace folder names, as LTTng writes it. */
export function fileNameDate(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0')
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`
}
