/** URLs without what is private in them. */

/** Without query, fragment and `user:password@`. Node's servers see `/path?query`, proxies whole URLs. */
export function pathOf(url: string): string {
  const end = url.search(/[?#]/)
  const path = end < 0 ? url : url.slice(0, end)
  return path.startsWith('/') ? path : path.replace(/^([a-z][\w+.-]*:\/\/)?[^/]*@/i, '$1')
}

/** `host:port` of an origin (`https://host:port`) as undici keeps it: a string or a URL. */
export function hostOf(origin: unknown): string {
  const text = String(origin)
  const scheme = text.indexOf('://')
  return scheme < 0 ? text : text.slice(scheme + 3)
}
