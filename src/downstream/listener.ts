import { BlockList, isIP, isIPv6 } from 'node:net'
import type { ListenerSpec } from '../config/snapshot.ts'
import { RequestParser } from '../http/h1/request-parser.ts'
import type { Service } from './service.ts'

/**
 * A shard's side of a listener: its specification as compiled, the parsers its connections share and whose forwarding fields are
 * believed. A reload makes a new one; connections made before keep theirs.
 */
export class Listener {
  readonly spec: ListenerSpec
  readonly service: Service
  /** Parser for heads that arrive whole. A head that does not takes it along (`lend`). */
  parser: RequestParser
  readonly #spare: RequestParser[] = []
  readonly #trusted: BlockList | undefined
  readonly #trustsUnix: boolean

  constructor(spec: ListenerSpec, service: Service) {
    this.spec = spec
    this.service = service
    this.parser = new RequestParser(spec.limits)
    this.#trusted = spec.trustedProxies.length > 0 ? blockListOf(spec.trustedProxies) : undefined
    this.#trustsUnix = spec.trustedProxies.includes('unix:')
  }

  /** The shared parser now belongs to a connection whose head is partial. */
  lend(): RequestParser {
    const lent = this.parser
    this.parser = this.#spare.pop() ?? new RequestParser(this.spec.limits)
    return lent
  }

  takeBack(parser: RequestParser): void {
    parser.reset()
    this.#spare.push(parser)
  }

  /** Are the forwarding fields of this peer believed? Asked once per connection. */
  trusts(peer: string): boolean {
    if (this.#trusted === undefined) return false
    if (isIP(peer) === 0) return this.#trustsUnix
    return this.#trusted.check(peer, isIPv6(peer) ? 'ipv6' : 'ipv4')
  }
}

const blockListOf = (cidrs: readonly string[]): BlockList => {
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
