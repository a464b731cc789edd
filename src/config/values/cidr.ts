/** CIDR blocks: `10.0.0.0/8`, `fd00::/8`; a bare address is a block of one. Canonical: printed with the bits below the prefix cleared. */
import { formatIpv6, parseIpv4, parseIpv6 } from './ip.ts'
import type { Parsed } from './parsed.ts'
import { bad, ok } from './parsed.ts'

export function parseCidr(text: string): Parsed<string> {
  const [, address, bits] = /^([^/]*)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? []
  const v4 = address === undefined ? undefined : parseIpv4(address)
  const v6 = address === undefined || v4 !== undefined ? undefined : parseIpv6(address)
  const width = v4 === undefined ? 128 : 32
  const length = bits === undefined ? width : Number(bits)
  if ((v4 === undefined && v6 === undefined) || length > width)
    return bad('an address block is like 10.0.0.0/8, fd00::/8 or one address')
  if (v4 !== undefined) return ok(`${masked(v4, 8, length).join('.')}/${length}`)
  return ok(`${formatIpv6(masked(v6!, 16, length))}/${length}`)
}

/** Words of `width` bits with all bits after the first `length` cleared. */
function masked(words: readonly number[], width: number, length: number): readonly number[] {
  return words.map((word, at) => {
    const kept = Math.min(width, Math.max(0, length - at * width))
    return word & (~0 << (width - kept))
  })
}
