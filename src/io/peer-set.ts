import { BlockList, isIP, isIPv6 } from 'node:net'

/** A set of peers given as CIDRs, single addresses, or `unix:` for whoever comes over a unix socket. */
export class PeerSet {
  readonly #networks: BlockList | undefined
  readonly #unix: boolean

  constructor(cidrs: readonly string[]) {
    this.#networks = cidrs.length > 0 ? networksOf(cidrs) : undefined
    this.#unix = cidrs.includes('unix:')
  }

  /** `peer`: an IP as text, or `unix:`. */
  has(peer: string): boolean {
    if (this.#networks === undefined) return false
    if (isIP(peer) === 0) return this.#unix
    return this.#networks.check(peer, isIPv6(peer) ? 'ipv6' : 'ipv4')
  }
}

const networksOf = (cidrs: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [network, bits] = cidr.split('/')
    if (network === undefined || isIP(network) === 0) continue // `unix:`
    const family = isIPv6(network) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(network, family)
    else list.addSubnet(network, Number(bits), family)
  }
  return list
}
