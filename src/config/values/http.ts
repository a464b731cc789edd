/** Pieces of HTTP messages in a configuration: what we send ourselves (probes) or look for (hash keys). */
import { parseAddress } from './address.ts'
import { parseRouteHost } from './host.ts'
import type { Parsed } from './parsed.ts'
import { bad, ok } from './parsed.ts'

const MAX_TEXT = 1024
/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/

/** The target of a probe, sent as it stands: origin form (RFC 9112 §3.2.1). */
export function parseRequestPath(text: string): Parsed<string> {
  if (!text.startsWith('/')) return bad('a path starts with "/"')
  if (text.length > MAX_TEXT) return bad(`a path has at most ${MAX_TEXT} bytes`)
  if (text.includes('#')) return bad('a path has no fragment')
  return /^[\x21-\x7e]*$/.test(text) ? ok(text) : bad('other bytes in a path are written as %XX')
}

/** A Host field: with a port or without. */
export function parseHostField(text: string): Parsed<string> {
  const address = parseAddress(text)
  if (address.ok && address.value.kind !== 'unix') return ok(address.value.text)
  const host = parseRouteHost(text)
  return host.ok && !host.value.startsWith('*')
    ? host
    : bad('a host is a name or an IP address, with a port or without')
}

/** `200` or `200-399`: one spelling for each, ends included. */
export function parseStatuses(text: string): Parsed<string> {
  const [, first, last = first] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text) ?? []
  if (first === undefined || last === undefined)
    return bad('a status or a range of them is needed: 204 or 200-399')
  if (Number(last) < Number(first)) return bad('a range goes from the lower status to the higher')
  return ok(first === last ? first : `${first}-${last}`)
}

/** What `parseStatuses` let pass, as inclusive ends. */
export function statusRange(text: string): readonly [number, number] {
  const [first = '0', last = first] = text.split('-')
  return [Number(first), Number(last)]
}

/** Names of fields are compared in lower case. */
export function parseFieldName(text: string): Parsed<string> {
  return TOKEN.test(text) ? ok(text.toLowerCase()) : bad('the name of a header field is needed')
}

/** RFC 6265 §4.1.1: a token, compared letter by letter. */
export function parseCookieName(text: string): Parsed<string> {
  return TOKEN.test(text) ? ok(text) : bad('the name of a cookie is letters, digits, "_" and "-"')
}

/** The name of a query parameter, as it stands in the query: escapes are not looked into. */
export function parseParameter(text: string): Parsed<string> {
  return /^[\x21-\x7e]{1,64}$/.test(text) && !/[&=#?]/.test(text)
    ? ok(text)
    : bad('the name of a query parameter is up to 64 characters without &, =, # and ?')
}

/** What a body must hold. */
export function parseBodyText(text: string): Parsed<string> {
  return text.length > 0 && text.length <= MAX_TEXT ? ok(text) : bad(`1 to ${MAX_TEXT} characters are needed`)
}

/** What is sent in one line; its end is ours. */
export function parseLine(text: string): Parsed<string> {
  return /^[\x20-\x7e]{1,256}$/.test(text)
    ? ok(text)
    : bad('one line of up to 256 ASCII characters is needed')
}
