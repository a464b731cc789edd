import { ascii, writeBytes } from '../base/bytes.ts'
import { readBase64Url, writeBase64Url } from '../base/base64url.ts'
import { sipHash24 } from '../base/siphash24.ts'
import type { SipKey } from '../base/siphash24.ts'
import type { StickySpec } from '../config/snapshot.ts'
import { CookieFinder } from '../http/cookies.ts'
import type { Head } from '../http/head.ts'

/** No cookie of ours. */
export const NOT_STUCK = -1

/** Hash of the endpoint and its signature, 32 and 64 bits. */
const TOKEN_BYTES = 12
const VALUE_BYTES = 16
/** Cookies of our name that are looked at: more than one path or domain may have set one. */
const MAX_CANDIDATES = 8

const ATTRIBUTES = ascii('; Path=/; HttpOnly; SameSite=Lax')
const SECURE = ascii('; Secure')
const CRLF = ascii('\r\n')

/**
 * Sticky sessions: a cookie that says which endpoint a client's session lives at, `base64url(hash of the endpoint ‖ signature)`. The signature is
 * SipHash-2-4 under a key derived from the configured one, the cookie's and the cluster's name, so none can be made up, nor carried
 * from one cluster to another to aim at an endpoint there. What does not verify is ignored as if it were not sent.
 *
 * The cookie passes on to the endpoint with the others. To take it out we would have to rewrite a field that is forwarded as it came, for nothing: it holds
 * no secret, and no endpoint can use it to stick a client to another.
 */
export class StickyCookie {
  readonly #name: Uint8Array
  readonly #key: SipKey
  readonly #before: Uint8Array
  readonly #after: Uint8Array
  readonly #cookies = new CookieFinder()
  readonly #token = new Uint8Array(TOKEN_BYTES)
  readonly #tag = new Int32Array(2)
  /** The longest that `write` writes. */
  readonly bytes: number

  constructor({ cookie, ttlMs, key }: StickySpec, cluster: string) {
    this.#name = ascii(cookie)
    this.#key = derive(key, `${cookie}\0${cluster}`)
    this.#before = ascii(`set-cookie: ${cookie}=`)
    this.#after = ttlMs === 0 ? ascii('') : ascii(`; Max-Age=${Math.ceil(ttlMs / 1000)}`)
    this.bytes =
      this.#before.length + VALUE_BYTES + ATTRIBUTES.length + this.#after.length + SECURE.length + CRLF.length
  }

  /** Hash of the endpoint that this request's client is to stay at (`ClusterView.hashes`), or NOT_STUCK. */
  read(head: Head): number {
    const cookies = this.#cookies
    cookies.seek(head, this.#name)
    for (let looked = 0; looked < MAX_CANDIDATES && cookies.next(); looked++) {
      if (cookies.end - cookies.start !== VALUE_BYTES) continue
      if (!readBase64Url(head.bytes, cookies.start, this.#token)) continue
      if (this.#verifies()) return wordAt(this.#token, 0) >>> 0
    }
    return NOT_STUCK
  }

  /** Writes the Set-Cookie line with its CRLF at `at`, where `bytes` are free; returns the end. `secure`: the client came over TLS. */
  write(mem: Uint8Array, at: number, endpoint: number, secure: boolean): number {
    putWord(this.#token, 0, endpoint)
    this.#sign()
    putWord(this.#token, 4, this.#tag[0]!)
    putWord(this.#token, 8, this.#tag[1]!)
    let end = writeBytes(mem, at, this.#before)
    end = writeBase64Url(mem, end, this.#token)
    end = writeBytes(mem, end, ATTRIBUTES)
    end = writeBytes(mem, end, this.#after)
    if (secure) end = writeBytes(mem, end, SECURE)
    return writeBytes(mem, end, CRLF)
  }

  /** The tag of the token's endpoint. */
  #sign(): void {
    sipHash24(this.#key, this.#token, 4, this.#tag)
  }

  /** In constant time: how much of a forged tag is right is not to be learnt. */
  #verifies(): boolean {
    this.#sign()
    const low = wordAt(this.#token, 4) ^ this.#tag[0]!
    const high = wordAt(this.#token, 8) ^ this.#tag[1]!
    return (low | high) === 0
  }
}

const encoder = new TextEncoder()

/** 128 bits: two tags of the context, told apart by their first byte. */
const derive = (key: SipKey, context: string): SipKey => {
  const message = encoder.encode(`\0${context}`)
  const low = new Int32Array(2)
  const high = new Int32Array(2)
  sipHash24(key, message, message.length, low)
  message[0] = 1
  sipHash24(key, message, message.length, high)
  return [low[0]!, low[1]!, high[0]!, high[1]!]
}

const wordAt = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

const putWord = (bytes: Uint8Array, at: number, word: number): void => {
  for (let i = 0; i < 4; i++) bytes[at + i] = word >>> (8 * i)
}
