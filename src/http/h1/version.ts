/** `HTTP-version = "HTTP" "/" DIGIT "." DIGIT`, in capitals, eight bytes (RFC 9112 §2.3). */
import { ascii } from '../../base/bytes.ts'
import { CR, isDigit, LF } from '../chars.ts'
import { REJECT } from '../reject.ts'
import { badByte } from './fields.ts'

const PREFIX = ascii('HTTP/')
const DOT = 46
const ONE = 49

/** Check what is there of a version at `at`. Returns the offset after it, 0 when it is not complete, `-id` when it is none. */
export function readVersion(bytes: Uint8Array, at: number, stop: number): number {
  for (let i = 0; i < 8; i++) {
    if (at + i >= stop) return 0
    const c = bytes[at + i]!
    const good = i < 5 ? c === PREFIX[i] : i === 6 ? c === DOT : isDigit(c)
    if (!good) return -badByte(c, REJECT.version)
  }
  return at + 8
}

/** Is the version at `at` one of those spoken here? */
export function isSupported(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 5] === ONE && bytes[at + 7]! <= ONE
}

/** The rest of a request line: version and CRLF. Returns the offset after it, 0 when it is not complete, `-id` of a rejection. */
export function readVersionLine(bytes: Uint8Array, at: number, stop: number): number {
  const past = readVersion(bytes, at, stop)
  if (past <= 0) return past
  if (past >= stop) return 0
  const c = bytes[past]!
  if (c !== CR) return -badByte(c, REJECT.version)
  if (past + 1 >= stop) return 0
  if (bytes[past + 1] !== LF) return -REJECT.bareCr
  return isSupported(bytes, at) ? past + 2 : -REJECT.versionUnsupported
}
