import { text } from '../base/bytes.ts'
import { SP, TAB } from '../http/chars.ts'
import { FIELD_STRIDE, VALUE_END, VALUE_START } from '../http/head.ts'
import type { Head } from '../http/head.ts'
import { FIELD } from '../http/names.ts'
import type { ClientKey } from '../limit/client-key.ts'

/** Who speaks to us. */
export type ClientIdentity = {
  /** IP as text, or `unix:`. */
  readonly peer: string
  /** The peer's forwarding fields are believed. */
  readonly trusted: boolean
  readonly listener: {
    trusts(peer: string): boolean
  }
}

/** Proxies that a request may have passed, as far as we look. */
const MAX_HOPS = 32
/** `[IPv6%zone]:port`, and some more. */
const LONGEST = 64

const COMMA = 44
const COLON = 58
const OPEN = 91
const CLOSE = 93
const DOT = 46

/**
 * The address of the client: the peer, or behind trusted proxies the rightmost address of X-Forwarded-For that is not one of them (what is
 * left of it anybody may have written; fastify #5865). An element that is no address ends the walk: whoever wrote it is the last one known.
 * Allocates for requests of trusted proxies only. `scratch` is what tells an address from anything else.
 */
export const clientAddress = (head: Head, client: ClientIdentity, scratch: ClientKey): string => {
  let known = client.peer
  if (!client.trusted) return known
  let hops = 0
  for (let field = lastForwarded(head, head.count); field >= 0; field = lastForwarded(head, field)) {
    const start = head.fields[field * FIELD_STRIDE + VALUE_START]!
    let end = head.fields[field * FIELD_STRIDE + VALUE_END]!
    while (end > start) {
      let from = end
      while (from > start && head.bytes[from - 1] !== COMMA) from--
      const address = elementOf(head.bytes, from, end)
      scratch.set(address)
      if (scratch.words[0] === 0 || ++hops > MAX_HOPS) return known
      known = address
      if (!client.listener.trusts(address)) return known
      end = from - 1
    }
  }
  return known
}

/** Index of the last X-Forwarded-For before `before`, -1 if there is none. */
const lastForwarded = (head: Head, before: number): number => {
  let field = before - 1
  while (field >= 0 && head.fields[field * FIELD_STRIDE] !== FIELD.xForwardedFor) field--
  return field
}

/** The address in an element: without white space, brackets and port. '' if it is too long for one. */
const elementOf = (bytes: Uint8Array, from: number, to: number): string => {
  let start = from
  let end = to
  while (start < end && isSpace(bytes[start]!)) start++
  while (end > start && isSpace(bytes[end - 1]!)) end--
  if (end - start > LONGEST) return ''
  if (bytes[start] === OPEN) {
    start++
    let close = start
    while (close < end && bytes[close] !== CLOSE) close++
    end = close
  } else {
    let colon = start
    while (colon < end && bytes[colon] !== COLON) colon++
    let dot = start
    while (dot < colon && bytes[dot] !== DOT) dot++
    // An IPv4 address with a port; in an IPv6 address the colon comes first.
    if (dot < colon) end = colon
  }
  return text(bytes, start, end)
}

const isSpace = (byte: number): boolean => byte === SP || byte === TAB
