/** Where node connects to, from an endpoint's address: `ip:port`, `[v6]:port` or `unix:/path`. `port` 0: the address's own. */
export type DialTarget =
  | { readonly host: string; readonly port: number }
  /** Of a Unix socket. */
  | { readonly path: string }

export function dialTarget(address: string, port = 0): DialTarget {
  if (address.startsWith('unix:')) return { path: address.slice('unix:'.length) }
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  return { host, port: port === 0 ? Number(address.slice(colon + 1)) : port }
}

/** Nobody is there. */
const ABSENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT'])

const STORIES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOENT: 'no such socket',
  EMFILE: 'no file descriptor left',
  UND_ERR_SOCKET: 'connection closed',
  UND_ERR_HEADERS_OVERFLOW: 'head of the answer too large',
}

/** Why an attempt failed, in a few words for people. */
export function storyOf(thrown: unknown): string {
  if (thrown instanceof Error && thrown.name === 'HTTPParserError') return 'malformed answer'
  const code = codeIn(thrown)
  return STORIES[code] ?? (code === '' ? 'failed' : code)
}

/** Whether an attempt failed because nobody is there. */
export function foundNobody(thrown: unknown): boolean {
  return ABSENT.has(codeIn(thrown))
}

function codeIn(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return ''
  return typeof thrown.code === 'string' ? thrown.code : ''
}
