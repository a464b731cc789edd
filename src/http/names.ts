/**
 * Known field names and methods as small ids, found by (bytes, span) without making a string. 0 is "not known".
 *
 * The letters say what a field is to a proxy:
 *   h  hop-by-hop: never forwarded (RFC 9110 §7.6.1)
 *   p  for all recipients: a Connection field that names it is refused, for it could only make us drop what must pass
 *   t  never allowed in a trailer section: framing, routing, request modifiers, authentication, response control,
 *      content format (RFC 9110 §6.5.1), and what this proxy itself vouches for
 *   f  the parser folds it into the facts of the head
 */
const fields = [
  { name: 'host', is: 'ptf' },
  { name: 'content-length', is: 'ptf' },
  { name: 'transfer-encoding', is: 'hptf' },
  { name: 'connection', is: 'htf' },
  { name: 'upgrade', is: 'htf' },
  { name: 'expect', is: 'ptf' },
  { name: 'keep-alive', is: 'ht' },
  { name: 'proxy-connection', is: 'ht' },
  { name: 'te', is: 'ht' },
  { name: 'http2-settings', is: 'ht' },
  { name: 'proxy-authenticate', is: 'ht' },
  { name: 'proxy-authentication-info', is: 'ht' },
  { name: 'proxy-authorization', is: 'ht' },
  { name: 'trailer', is: 't' },
  { name: 'x-forwarded-for', is: 'pt' },
  { name: 'x-forwarded-proto', is: 'pt' },
  { name: 'x-forwarded-host', is: 'pt' },
  { name: 'x-forwarded-port', is: 'pt' },
  { name: 'x-real-ip', is: 'pt' },
  { name: 'x-request-id', is: 'pt' },
  { name: 'forwarded', is: 'pt' },
  { name: 'via', is: 'pt' },
  { name: 'proxy-status', is: 'pt' },
  { name: 'max-forwards', is: 'pt' },
  { name: 'authorization', is: 'pt' },
  { name: 'cookie', is: 'pt' },
  { name: 'set-cookie', is: 'pt' },
  { name: 'www-authenticate', is: 'pt' },
  { name: 'authentication-info', is: 'p' },
  { name: 'content-type', is: 'pt' },
  { name: 'content-encoding', is: 'pt' },
  { name: 'content-range', is: 'pt' },
  { name: 'content-language', is: 'p' },
  { name: 'content-location', is: 'p' },
  { name: 'content-disposition', is: 'p' },
  { name: 'content-security-policy', is: 'pt' },
  { name: 'strict-transport-security', is: 'pt' },
  { name: 'cache-control', is: 'pt' },
  { name: 'pragma', is: 'pt' },
  { name: 'range', is: 'pt' },
  { name: 'if-match', is: 'pt' },
  { name: 'if-none-match', is: 'pt' },
  { name: 'if-modified-since', is: 'pt' },
  { name: 'if-unmodified-since', is: 'pt' },
  { name: 'if-range', is: 'pt' },
  { name: 'accept', is: 'pt' },
  { name: 'accept-encoding', is: 'pt' },
  { name: 'accept-language', is: 'pt' },
  { name: 'accept-ranges', is: 'p' },
  { name: 'age', is: 'pt' },
  { name: 'date', is: 'pt' },
  { name: 'expires', is: 'pt' },
  { name: 'location', is: 'pt' },
  { name: 'retry-after', is: 'pt' },
  { name: 'vary', is: 'pt' },
  { name: 'warning', is: 'pt' },
  { name: 'etag', is: 'p' },
  { name: 'last-modified', is: 'p' },
  { name: 'server', is: 'p' },
  { name: 'user-agent', is: 'pt' },
  { name: 'referer', is: 'pt' },
  { name: 'origin', is: 'pt' },
  { name: 'access-control-allow-origin', is: 'pt' },
  { name: 'alt-svc', is: 'p' },
  { name: 'priority', is: 'p' },
  { name: 'endpoint-load-metrics', is: '' },
  { name: 'endpoint-load-metrics-bin', is: '' },
  { name: 'grpc-status', is: '' },
  { name: 'sec-websocket-key', is: 'pt' },
  { name: 'sec-websocket-accept', is: 'pt' },
  { name: 'sec-websocket-version', is: 'pt' },
  { name: 'sec-websocket-protocol', is: 'pt' },
  { name: 'sec-websocket-extensions', is: 'pt' },
] as const

type Camel<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S
export type FieldKey = Camel<(typeof fields)[number]['name']>

/** Id → name in lower case; 0 is unknown. */
export const FIELD_NAMES: readonly string[] = ['', ...fields.map(({ name }) => name)]

/** `FIELD.contentLength` … → id. */
// `fromEntries` loses the keys' names
export const FIELD: Readonly<Record<FieldKey, number>> = Object.fromEntries(
  FIELD_NAMES.slice(1).map((name, index) => [
    name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
    index + 1,
  ]),
) as Record<FieldKey, number>

function flag(letter: string): Uint8Array {
  return Uint8Array.from([0, ...fields.map((row) => (row.is.includes(letter) ? 1 : 0))])
}

/** Id → 1 if the field ends at this hop and is never forwarded. */
export const HOP_BY_HOP: Uint8Array = flag('h')
/** Id → 1 if Connection must not name it. */
export const PROTECTED: Uint8Array = flag('p')
/** Id → 1 if it is dropped from trailer sections. */
export const TRAILER_FORBIDDEN: Uint8Array = flag('t')
/** Id → 1 if the parser looks at its value. */
export const FACT: Uint8Array = flag('f')

// A perfect hash over length and three letters. The multipliers are searched once, at load; a set of names for which there
// is none fails right there.
const SLOTS = 2048
const SLOT = new Uint8Array(SLOTS)
const LENGTH = Uint8Array.from(FIELD_NAMES, (name) => name.length)
/** Names as little-endian words of four letters, the last one overlapping the one before; shorter names in one word. */
const FIRST_WORD = new Int32Array(FIELD_NAMES.length)
const WORDS = new Int32Array(FIELD_NAMES.length * 8)
/** 0x20 under every letter: `byte | mask` is the small letter of both cases, and of nothing else. */
const CASE = new Int32Array(FIELD_NAMES.length * 8)
const LONGEST = Math.max(...FIELD_NAMES.map((name) => name.length))
const [A, B, C, D] = layOut()

function layOut(): [number, number, number, number] {
  let word = 0
  for (const [id, name] of FIELD_NAMES.entries()) {
    FIRST_WORD[id] = word
    for (let at = 0; at < name.length; at += 4, word++)
      packWord(name, Math.max(0, Math.min(at, name.length - 4)), word)
  }
  for (let seed = 1; seed < 5000; seed++) {
    const next = (n: number): number => (Math.imul(seed, 0x9e3779b1 + n * 0x7f4a7c15) >>> 15) | 1
    const tried: [number, number, number, number] = [next(1), next(2), next(3), next(4)]
    if (placeAll(tried)) return tried
  }
  throw new Error('no perfect hash for the field names')
}

function packWord(name: string, at: number, word: number): void {
  for (let i = Math.min(3, name.length - 1); i >= 0; i--) {
    const letter = name.charCodeAt(at + i)
    WORDS[word] = (WORDS[word]! << 8) | letter
    CASE[word] = (CASE[word]! << 8) | (letter >= 97 ? 32 : 0)
  }
}

function placeAll([a, b, c, d]: [number, number, number, number]): boolean {
  SLOT.fill(0)
  for (const [id, name] of FIELD_NAMES.entries()) {
    if (id === 0) continue
    const letter = (at: number): number => name.charCodeAt(at)
    const length = name.length
    const slot = length * a + letter(0) * b + letter(length >> 1) * c + letter(length - 2) * d
    if (SLOT[slot & (SLOTS - 1)] !== 0) return false
    SLOT[slot & (SLOTS - 1)] = id
  }
  return true
}

/** Id of the field name in `[start, end)`, whatever its case; 0 if unknown. */
export function fieldId(view: DataView, start: number, end: number): number {
  const length = end - start
  if (length < 2 || length > LONGEST) return 0
  const first = (view.getUint8(start) | 32) * B
  const middle = (view.getUint8(start + (length >> 1)) | 32) * C
  const slot = length * A + first + middle + (view.getUint8(end - 2) | 32) * D
  const id = SLOT[slot & (SLOTS - 1)]!
  if (LENGTH[id] !== length) return 0
  if (length < 4) return sameShort(view, start, length, id)
  const last = end - 4
  let word = FIRST_WORD[id]!
  for (let p = start; p < last; p += 4, word++) {
    if ((view.getInt32(p, true) | CASE[word]!) !== WORDS[word]) return 0
  }
  return (view.getInt32(last, true) | CASE[word]!) === WORDS[word] ? id : 0
}

/** Names of two and three letters. */
function sameShort(view: DataView, start: number, length: number, id: number): number {
  let letters = 0
  for (let i = length - 1; i >= 0; i--) letters = (letters << 8) | view.getUint8(start + i)
  const word = FIRST_WORD[id]!
  return (letters | CASE[word]!) === WORDS[word] ? id : 0
}
