/**
 * Socket addresses: `ip:port`, `[v6]:port`, `unix:/path` and, where a name may be resolved, `host:port`.
 * `text` is canonical: two spellings of one address are equal strings.
 */
import { parseName } from './host.ts'
import { formatIpv6, parseIpv4, parseIpv6 } from './ip.ts'
import type { Parsed } from './parsed.ts'
import { bad, ok } from './parsed.ts'

export type Address = {
  readonly kind: 'ip' | 'unix' | 'name'
  readonly text: string
  /** -1 for a unix socket. */
  readonly port: number
}

/** `sun_path` of Linux holds 108 bytes, the last of them NUL. */
const MAX_UNIX_PATH = 107

export function parseAddress(text: string): Parsed<Address> {
  if (text.startsWith('unix:')) return parseUnix(text)
  const [, host, digits] = /^(.*):(\d{1,5})$/.exec(text) ?? []
  if (host === undefined || digits === undefined) return bad(missingPort(text))
  const port = Number(digits)
  if (port > 65_535) return bad('a port is at most 65535')
  if (parseIpv4(host) !== undefined) return ok({ kind: 'ip', text: `${host}:${port}`, port })
  const v6 = host.startsWith('[') && host.endsWith(']') ? parseIpv6(host.slice(1, -1)) : undefined
  if (v6 !== undefined) return ok({ kind: 'ip', text: `[${formatIpv6(v6)}]:${port}`, port })
  if (parseIpv6(host) !== undefined) return bad(`an IPv6 address is written in brackets: "[${host}]:${port}"`)
  const name = parseName(host)
  if (name !== undefined) return ok({ kind: 'name', text: `${name}:${port}`, port })
  return bad('an address is ip:port, "[v6]:port", host:port or unix:/path')
}

/** Where to listen: no names, since a name may move; port 0 takes any free one. */
export function parseListenAddress(text: string): Parsed<string> {
  if (/^(\*?:)\d{1,5}$/.test(text))
    return bad(`to listen on all addresses, write 0.0.0.0:${text.replace(/^\*?:/, '')} or "[::]:…"`)
  const parsed = parseAddress(text)
  if (!parsed.ok) return bad(parsed.why.replace(' host:port', '').replace('"[v6]:port",', '"[v6]:port"'))
  if (parsed.value.kind === 'name')
    return bad('an address to listen on is ip:port, "[v6]:port" or unix:/path, not a name')
  return ok(parsed.value.text)
}

/** Where to connect. */
export function parseEndpointAddress(text: string): Parsed<string> {
  if (/^https?:\/\//i.test(text)) return bad('an endpoint is an address without a scheme: host:port')
  const parsed = parseAddress(text)
  if (!parsed.ok) return parsed
  return parsed.value.port === 0 ? bad('nothing can be reached on port 0') : ok(parsed.value.text)
}

function parseUnix(text: string): Parsed<Address> {
  const path = text.slice('unix:'.length)
  if (!path.startsWith('/')) return bad('the path of a unix socket is absolute: unix:/run/app.sock')
  if (path.includes('\0')) return bad('the path of a unix socket holds no NUL')
  if (new TextEncoder().encode(path).length > MAX_UNIX_PATH)
    return bad(`the path of a unix socket has at most ${MAX_UNIX_PATH} bytes`)
  return ok({ kind: 'unix', text, port: -1 })
}

function missingPort(text: string): string {
  const bare = parseIpv4(text) !== undefined || parseName(text) !== undefined || /^\[.*\]$/.test(text)
  return bare
    ? `the port is missing: "${text}:8080"`
    : 'an address is ip:port, "[v6]:port", host:port or unix:/path'
}

/** Others than this machine's users can reach whoever listens there. */
export function isExposed(listenAddress: string): boolean {
  return !/^(unix:|127\.|\[::1\]:|\[::ffff:127\.)/.test(listenAddress)
}
