import { ascii, equals, equalsIgnoreCase, LOWER } from '../base/bytes.ts'
import { hashBytes, hashPair } from '../base/hash.ts'
import type { HashKeySpec } from '../config/snapshot.ts'
import { CookieFinder } from '../http/cookies.ts'
import { FIELD_STRIDE, NAME_END, NAME_START, VALUE_END, VALUE_START } from '../http/head.ts'
import type { Head } from '../http/head.ts'
import { FIELD_NAMES } from '../http/names.ts'
import type { Target } from '../http/uri.ts'
import { ClientKey } from '../limit/client-key.ts'
import { clientAddress } from './client-address.ts'
import type { ClientIdentity } from './client-address.ts'

/** The request lacks what is hashed: it gets an endpoint at random. */
export const NO_KEY = 0

const AMPERSAND = 38
const EQUALS = 61
const DOT = 46
/** Names of hosts are not longer (`http/authority.ts`). */
const HOST_BYTES = 255

/** What a key is read from. */
export type KeyedRequest = { readonly head: Head; readonly target: Target; readonly client: ClientIdentity }

/**
 * Turns requests into keys for the hashing policies, numbers in 1…2³¹-1, `NO_KEY` where the request lacks the thing or it is empty. The
 * same request has the same key on every shard and machine. Bytes are hashed as they were sent (a parameter is not decoded, a cookie keeps its
 * quotes), but a host in lower case without port and trailing dot, and a path as it is routed and forwarded.
 *
 * One client is one IPv4 address or the /64 of an IPv6 address: within that, privacy extensions change it by the day. Several fields of the
 * name count all, in order; of cookies and parameters, the first. Allocates nothing, but for the client's address behind a trusted proxy.
 */
export class HashKey {
  readonly #kind: HashKeySpec['kind']
  readonly #name: Uint8Array
  /** Of the header, where it is a known one; else 0. */
  readonly #fieldId: number
  readonly #cookies = new CookieFinder()
  readonly #clientKey = new ClientKey()
  readonly #host = new Uint8Array(HOST_BYTES)

  constructor({ kind, name }: HashKeySpec) {
    this.#kind = kind
    this.#name = ascii(name)
    this.#fieldId = kind === 'header' ? Math.max(0, FIELD_NAMES.indexOf(name)) : 0
  }

  of({ head, target, client }: KeyedRequest): number {
    switch (this.#kind) {
      case 'none':
        return NO_KEY
      case 'client-ip':
        return this.#ofClient(clientAddress(head, client, this.#clientKey))
      case 'header':
        return this.#ofHeader(head)
      case 'cookie':
        return this.#ofCookie(head)
      case 'query':
        return this.#ofQuery(target)
      case 'path':
        return keyOf(target.bytes, target.pathStart, target.pathEnd)
      case 'host':
        return this.#ofHost(head, target)
    }
  }

  #ofClient(address: string): number {
    this.#clientKey.set(address)
    const { words } = this.#clientKey
    return words[0] === 0 ? NO_KEY : present(hashPair(hashPair(words[0]!, words[1]!), words[2]!))
  }

  #ofHeader(head: Head): number {
    const { bytes, fields, count } = head
    let hash = 0
    let length = 0
    for (let row = 0; row < count * FIELD_STRIDE; row += FIELD_STRIDE) {
      if (fields[row] !== this.#fieldId) continue
      if (this.#fieldId === 0 && !this.#isNamed(head, row)) continue
      const start = fields[row + VALUE_START]!
      const end = fields[row + VALUE_END]!
      hash = hashBytes(bytes, start, end, hash)
      length += end - start
    }
    return length === 0 ? NO_KEY : present(hash)
  }

  #isNamed({ bytes, fields }: Head, row: number): boolean {
    return equalsIgnoreCase(bytes, fields[row + NAME_START]!, fields[row + NAME_END]!, this.#name)
  }

  #ofCookie(head: Head): number {
    const cookies = this.#cookies
    cookies.seek(head, this.#name)
    return cookies.next() ? keyOf(head.bytes, cookies.start, cookies.end) : NO_KEY
  }

  #ofQuery({ bytes, queryStart, queryEnd }: Target): number {
    const name = this.#name
    for (let start = queryStart + 1; start < queryEnd;) {
      let end = start
      while (end < queryEnd && bytes[end] !== AMPERSAND) end++
      const valueAt = start + name.length
      if (valueAt < end && bytes[valueAt] === EQUALS && equals(bytes, start, valueAt, name)) {
        return keyOf(bytes, valueAt + 1, end)
      }
      start = end + 1
    }
    return NO_KEY
  }

  #ofHost({ bytes }: Head, { hostStart, hostEnd }: Target): number {
    const dot = hostEnd > hostStart && bytes[hostEnd - 1] === DOT ? 1 : 0
    const length = Math.min(HOST_BYTES, hostEnd - hostStart - dot)
    for (let i = 0; i < length; i++) this.#host[i] = LOWER[bytes[hostStart + i]!]!
    return keyOf(this.#host, 0, length)
  }
}

const keyOf = (bytes: Uint8Array, start: number, end: number): number =>
  end <= start ? NO_KEY : present(hashBytes(bytes, start, end))

/** 0 is taken. A number of 31 bits is never boxed on its way to the policy. */
const present = (hash: number): number => Math.max(1, hash >>> 1)
