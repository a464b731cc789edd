import { FIELD, FIELD_NAMES, HOP_BY_HOP } from '../http/names.ts'
import type { FieldKey } from '../http/names.ts'
import { FIELD_STRIDE, NAME_END, NAME_START } from '../http/head.ts'
import type { Head } from '../http/head.ts'

/** What becomes of a request's field on its way to the endpoint. */
export const RULE = {
  keep: 0,
  drop: 1,
  /** Believed from a trusted proxy, dropped from anyone else. */
  edge: 2,
  /** Kept unless the target brings its own authority, which replaces it (RFC 9112 §3.2.2). */
  host: 3,
  /** Dropped as a line: its values go into the one line that we write. */
  merged: 4,
} as const

const rules = (special: Readonly<Partial<Record<FieldKey, number>>>): Uint8Array => {
  const table = Uint8Array.from(FIELD_NAMES, (_, id) => (HOP_BY_HOP[id] === 1 ? RULE.drop : RULE.keep))
  for (const [key, rule] of Object.entries(special)) table[FIELD[key as FieldKey]] = rule
  return table
}

/** Field id → `RULE`. Transfer-Encoding is hop-by-hop: the head writer says it anew. */
export const REQUEST_RULES: Uint8Array = rules({
  host: RULE.host,
  xRequestId: RULE.drop, // always ours
  xForwardedFor: RULE.merged,
  xForwardedProto: RULE.edge,
  xForwardedHost: RULE.edge,
  xForwardedPort: RULE.edge,
  xRealIp: RULE.edge,
  forwarded: RULE.edge,
  via: RULE.edge,
})

/** Field id → `RULE` toward the client. */
export const RESPONSE_RULES: Uint8Array = rules({ xRequestId: RULE.drop })

const PREFIX = Uint8Array.from('x-forwarded-', (letter) => letter.charCodeAt(0))
const EXACT = ['x-real-ip', 'x-request-id'].map((name) => Uint8Array.from(name, (c) => c.charCodeAt(0)))
const UPPER_X = 88
const LOWER_X = 120
const UNDERSCORE = 95
const HYPHEN = 45

/**
 * Does an unknown field pose as a forwarding field? `X-Forwarded-Anything` does, and so does `X_Forwarded_For`, because many
 * backends (CGI and its heirs) turn hyphens to underscores and then cannot tell the two apart.
 */
export const posesAsForwarding = (head: Head, index: number): boolean => {
  const start = head.fields[index * FIELD_STRIDE + NAME_START]!
  const first = head.bytes[start]
  if (first !== LOWER_X && first !== UPPER_X) return false
  const end = head.fields[index * FIELD_STRIDE + NAME_END]!
  if (end - start > PREFIX.length && reads(head.bytes, start, PREFIX)) return true
  return EXACT.some((name) => end - start === name.length && reads(head.bytes, start, name))
}

const reads = (bytes: Uint8Array, start: number, name: Uint8Array): boolean => {
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[start + i]!
    if ((byte === UNDERSCORE ? HYPHEN : byte | 0x20) !== name[i]) return false
  }
  return true
}
