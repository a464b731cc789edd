import { FIELD, FIELD_NAMES, HOP_BY_HOP } from '../http/names.ts'
import type { FieldKey } from '../http/names.ts'

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

/** Likewise, where endpoints report their load to us. */
export const LOAD_HIDING_RULES: Uint8Array = rules({
  xRequestId: RULE.drop,
  endpointLoadMetrics: RULE.drop,
  endpointLoadMetricsBin: RULE.drop,
})
