/**
 * Names of hosts, in lower case. Labels of letters, digits, `-` and `_` (container networks use it), at most 63 each and 253 in all
 * (RFC 1123 §2.1); the last one not a number, so that a misspelt IPv4 address never turns into a name to resolve.
 */
import { formatIpv6, parseIpv4, parseIpv6 } from './ip.ts'
import type { Parsed } from './parsed.ts'
import { bad, ok } from './parsed.ts'

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/

/** Undefined if it is no name; one trailing dot is dropped. */
export function parseName(text: string): string | undefined {
  const lower = text.toLowerCase()
  const name = lower.endsWith('.') ? lower.slice(0, -1) : lower
  const labels = name.split('.')
  const fits = name.length <= 253 && labels.every((label) => LABEL.test(label))
  return fits && !/^\d+$/.test(labels.at(-1)!) ? name : undefined
}

/** The host of a route: a name, `*.` and a name, an IPv4 address or an IPv6 one in brackets. */
export function parseRouteHost(text: string): Parsed<string> {
  if (text === '*') return bad('leave host out to take any host')
  if (/[^\x20-\x7e]/.test(text)) return bad('write the punycode form (xn--…) of an international name')
  if (/^[^:]*:\d+$|\]:\d+$/.test(text)) return bad('a host is written without its port')
  const v6 = text.startsWith('[') && text.endsWith(']') ? parseIpv6(text.slice(1, -1)) : undefined
  if (v6 !== undefined) return ok(`[${formatIpv6(v6)}]`)
  if (parseIpv4(text) !== undefined) return ok(text)
  const wild = text.startsWith('*.')
  const name = parseName(wild ? text.slice(2) : text)
  if (name === undefined)
    return bad('a host is a name (example.com), *.example.com, an IPv4 address or [an IPv6 address]')
  return ok(wild ? `*.${name}` : name)
}
