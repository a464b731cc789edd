/** Words of a client's key. */
export const CLIENT_KEY_WORDS = 5

/** Bits of an IPv6 address that tell clients apart, unless somebody says otherwise: whoever has one address of a /64 has them all. */
export const IPV6_PREFIX = 64

const V4 = 4
const V6 = 6
const OTHER = 0
const MAPPED = 0xffff

const COLON = 58
const DOT = 46
const PERCENT = 37

/**
 * What counts as one client, in words that can be hashed: an IPv4 address (an IPv4-mapped one alike), the first bits of an IPv6 address,
 * everything else together (unix sockets). Takes any text an inet_ntop may print, a zone id ignored; what is not
 * an address is `OTHER`, never an error. Writes `CLIENT_KEY_WORDS` words: the family, then the bits that count, the others 0.
 */
export class ClientKey {
  readonly words: Int32Array = new Int32Array(CLIENT_KEY_WORDS)
  readonly #groups = new Int32Array(8)

  /** `prefix`: bits of an IPv6 address that count, 0…128. */
  set(ip: string, prefix: number = IPV6_PREFIX): void {
    const v6 = ip.includes(':') && !ip.startsWith('unix:')
    if (v6 && this.#parseV6(ip)) this.#setV6(prefix)
    else if (!v6) {
      const address = parseV4(ip, 0)
      if (address < 0) this.#setShort(OTHER, 0)
      else this.#setShort(V4, address | 0)
    } else this.#setShort(OTHER, 0)
  }

  #setV6(prefix: number): void {
    const g = this.#groups
    const mapped = (g[0]! | g[1]! | g[2]! | g[3]! | g[4]!) === 0 && g[5] === MAPPED
    if (mapped) {
      this.#setShort(V4, (g[6]! << 16) | g[7]!)
      return
    }
    this.words[0] = V6
    for (let word = 0; word < 4; word++) {
      const bits = Math.min(32, Math.max(0, prefix - word * 32))
      // A shift by 32 is one by 0: no bit at all is a case of its own.
      const mask = bits === 0 ? 0 : -1 << (32 - bits)
      this.words[1 + word] = ((g[word * 2]! << 16) | g[word * 2 + 1]!) & mask
    }
  }

  #setShort(family: number, address: number): void {
    this.words.fill(0)
    this.words[0] = family
    this.words[1] = address
  }

  /** Fill the groups; false if this is no address. */
  #parseV6(ip: string): boolean {
    const groups = this.#groups
    let count = 0
    let gap = -1
    let at = 0
    if (ip.startsWith('::')) {
      gap = 0
      at = 2
    }
    while (at < ip.length && ip.charCodeAt(at) !== PERCENT) {
      if (count === 8) return false
      const end = groupEnd(ip, at)
      if (ip.charCodeAt(end) === DOT) {
        const v4 = parseV4(ip, at)
        if (v4 < 0 || count > 6) return false
        groups[count++] = v4 >>> 16
        groups[count++] = v4 & 0xffff
        break
      }
      if (end === at || end - at > 4) return false
      groups[count++] = hexOf(ip, at, end)
      if (end === ip.length || ip.charCodeAt(end) === PERCENT) break
      if (ip.charCodeAt(end) !== COLON || end + 1 === ip.length) return false
      at = end + 1
      if (ip.charCodeAt(at) === COLON) {
        if (gap >= 0) return false
        gap = count
        at++
      }
    }
    if (gap < 0 || count === 8) return gap < 0 && count === 8
    groups.copyWithin(8 - (count - gap), gap, count)
    groups.fill(0, gap, 8 - (count - gap))
    return true
  }
}

/** End of the run of hexadecimal digits at `at`. */
const groupEnd = (ip: string, at: number): number => {
  let end = at
  while (end < ip.length && isHex(ip.charCodeAt(end))) end++
  return end
}

/** Value of hexadecimal digits. */
const hexOf = (ip: string, start: number, end: number): number => {
  let value = 0
  for (let at = start; at < end; at++) {
    const code = ip.charCodeAt(at)
    value = value * 16 + (code <= 57 ? code - 48 : (code | 32) - 87)
  }
  return value
}

const isHex = (code: number): boolean =>
  (code >= 48 && code <= 57) || (code >= 97 && code <= 102) || (code >= 65 && code <= 70)

/** The address as an unsigned number, -1 if it is none. */
const parseV4 = (ip: string, start: number): number => {
  let address = 0
  let octet = -1
  let octets = 0
  for (let at = start; at <= ip.length; at++) {
    const code = at === ip.length ? DOT : ip.charCodeAt(at)
    if (code === DOT) {
      if (octet < 0 || octets === 4) return -1
      address = address * 256 + octet
      octets++
      octet = -1
    } else {
      if (code < 48 || code > 57) return -1
      octet = (octet < 0 ? 0 : octet * 10) + code - 48
      if (octet > 255) return -1
    }
  }
  return octets === 4 ? address : -1
}
