import { FIELD_STRIDE, NAME_END, NAME_START } from './head.ts'
import type { Head } from './head.ts'
import { fieldId } from './names.ts'

/** What an unknown field may pose as in the eyes of a backend. */
export const POSE = {
  none: 0,
  /** A forwarding field: believed from a trusted proxy only. */
  forwarding: 1,
  /** A known field under another spelling, or one that many backends mistake for their own variable: never passes. */
  other: 2,
} as const

const letters = (name: string): Uint8Array => Uint8Array.from(name, (letter) => letter.charCodeAt(0))
const PREFIX = letters('x-forwarded-')
const PROXY = letters('proxy')
const UNDERSCORE = 95
const HYPHEN = 45
/** Longer names are not known ones in disguise. */
const LONGEST = 64
const folded = new Uint8Array(LONGEST)
const foldedView = new DataView(folded.buffer)

/**
 * Many backends (CGI and its heirs) turn the hyphens of a name into underscores and then cannot tell the two apart: `Transfer_Encoding` is
 * Transfer-Encoding to them, `X_Forwarded_For` X-Forwarded-For, and `Proxy` the environment's HTTP_PROXY (CVE-2016-5385). Row `index` of
 * `head` must be an unknown field.
 */
export const poseOf = (head: Head, index: number): number => {
  const start = head.fields[index * FIELD_STRIDE + NAME_START]!
  const length = head.fields[index * FIELD_STRIDE + NAME_END]! - start
  if (length > LONGEST) return begins(head.bytes, start, PREFIX) ? POSE.forwarding : POSE.none
  let underscores = 0
  for (let i = 0; i < length; i++) {
    const byte = head.bytes[start + i]!
    if (byte === UNDERSCORE) underscores++
    folded[i] = byte === UNDERSCORE ? HYPHEN : byte
  }
  if (length > PREFIX.length && begins(folded, 0, PREFIX)) return POSE.forwarding
  if (length === PROXY.length && begins(folded, 0, PROXY)) return POSE.other
  return underscores > 0 && fieldId(foldedView, 0, length) !== 0 ? POSE.other : POSE.none
}

const begins = (bytes: Uint8Array, start: number, name: Uint8Array): boolean => {
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[start + i]!
    if ((byte === UNDERSCORE ? HYPHEN : byte | 0x20) !== name[i]) return false
  }
  return true
}
