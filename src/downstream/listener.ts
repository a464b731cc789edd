import type { ListenerSpec } from '../config/snapshot.ts'
import { RequestParser } from '../http/h1/request-parser.ts'
import { PeerSet } from '../io/peer-set.ts'
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
  readonly #trusted: PeerSet

  constructor(spec: ListenerSpec, service: Service) {
    this.spec = spec
    this.service = service
    this.parser = new RequestParser(spec.limits)
    this.#trusted = new PeerSet(spec.trustedProxies)
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
    return this.#trusted.has(peer)
  }
}
