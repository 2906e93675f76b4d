/**
 * Event name patterns as `lttng` has them: `*` matches any run of characters, at any place, `\*` is a
 * literal star, all else is itself. Linear in the name's length for each star, without backtracking
 * over earlier stars.
 */
export function globMatches(pattern: string, name: string): boolean {
  const parts = splitAtStars(pattern)
  const first = parts[0] as string
  if (parts.length === 1) return name === first
  const last = parts[parts.length - 1] as string
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last))
    return false
  let at = first.length
  const end = name.length - last.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}

function splitAtStars(pattern: string): string[] {
  const parts = ['']
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string
    if (c === '*') parts.push('')
    else parts[parts.length - 1] += c === '\\' && i + 1 < pattern.length ? pattern[++i] : c
  }
  return parts
}

/** Splits a comma-separated list of patterns; `\,` is a literal comma. Empty parts are dropped. */
export function splitPatterns(list: string): string[] {
  return list
    .split(/(?<!\\),/)
    .map(part => part.trim().replaceAll('\\,', ','))
    .filter(part => part !== '')
}
