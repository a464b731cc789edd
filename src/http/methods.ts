/** Methods as small ids (RFC 9110 §9, RFC 5789). Methods are case-sensitive: `get` is some other method. */
export const METHOD = {
  other: 0,
  get: 1,
  head: 2,
  post: 3,
  put: 4,
  delete: 5,
  connect: 6,
  options: 7,
  trace: 8,
  patch: 9,
} as const

/** Id → name; `other` has none: its bytes are in the head. */
export const METHOD_NAMES: readonly string[] = [
  '',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
]

const LETTERS: readonly Uint8Array[] = METHOD_NAMES.map((name) =>
  Uint8Array.from(name, (letter) => letter.charCodeAt(0)),
)

/** Id of the method in `[start, end)`, a token. */
export function methodId(bytes: Uint8Array, start: number, end: number): number {
  const id = candidate(bytes[start]!, bytes[start + 1]!)
  const letters = LETTERS[id]!
  const length = end - start
  if (letters.length !== length) return METHOD.other
  for (let i = 0; i < length; i++) if (bytes[start + i] !== letters[i]) return METHOD.other
  return id
}

/** The only method that can begin with these two letters. */
function candidate(first: number, second: number): number {
  switch (first) {
    case 71: // G
      return METHOD.get
    case 72: // H
      return METHOD.head
    case 80: // P
      if (second === 79) return METHOD.post // O
      return second === 85 ? METHOD.put : METHOD.patch // U
    case 68: // D
      return METHOD.delete
    case 67: // C
      return METHOD.connect
    case 79: // O
      return METHOD.options
    case 84: // T
      return METHOD.trace
    default:
      return METHOD.other
  }
}

const SAFE = (1 << METHOD.get) | (1 << METHOD.head) | (1 << METHOD.options) | (1 << METHOD.trace)
const IDEMPOTENT = SAFE | (1 << METHOD.put) | (1 << METHOD.delete)

/** Changes nothing (RFC 9110 §9.2.1). A method we do not know is not safe. */
export function isSafe(method: number): boolean {
  return ((SAFE >> method) & 1) === 1
}

/** May be sent twice (RFC 9110 §9.2.2). A method we do not know is not idempotent. */
export function isIdempotent(method: number): boolean {
  return ((IDEMPOTENT >> method) & 1) === 1
}
