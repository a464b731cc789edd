import { FIELD_STRIDE, NAME_END, NAME_START } from './head.ts'
import type { Head } from './head.ts'

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
