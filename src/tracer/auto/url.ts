/** URLs without what is private in them. */

/** Without query, fragment and `user:password@`. Node's servers see `/path?query`, proxies whole URLs. */
export function pathOf(url: string): string {
  const path = before(before(url, '?'), '#')
  return path.startsWith('/') ? path : path.replace(/^([a-z][\w+.-]*:\/\/)?[^/]*@/i, '$1')
}

function before(text: string, mark: string): string {
  const end = text.indexOf(mark)
  return end < 0 ? text : text.slice(0, end)
}

/** `host:port` of an origin (`https://host:port`) as undici keeps it: a string or a URL. */
export function hostOf(origin: unknown): string {
  const text = String(origin)
  const scheme = text.indexOf('://')
  return before(scheme < 0 ? text : text.slice(scheme + 3), '/')
}
