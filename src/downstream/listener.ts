import type { Rng } from '../base/random.ts'
import type { ListenerSpec } from '../config/snapshot.ts'
import { RequestParser } from '../http/h1/request-parser.ts'
import { PeerSet } from '../io/peer-set.ts'
import { jittered } from '../limit/closing-times.ts'
import type { PaceLimits } from '../limit/pace.ts'
import type { Service } from './service.ts'

/** More requests than a connection will make; stays a small integer. */
const MANY = 0x7fff_ffff

/**
 * A shard's side of a listener: its specification as compiled, the parsers its connections share and whose forwarding fields are
 * believed. A reload makes a new one; connections made before keep theirs.
 */
export class Listener {
  readonly spec: ListenerSpec
  readonly service: Service
  readonly pace: PaceLimits
  /** Parser for heads that arrive whole. A head that does not takes it along (`lend`). */
  parser: RequestParser
  readonly #spare: RequestParser[] = []
  readonly #trusted: PeerSet
  readonly #rng: Rng

  constructor(spec: ListenerSpec, service: Service, rng: Rng) {
    this.spec = spec
    this.#rng = rng
    this.service = service
    this.pace = { bytesPerSecond: spec.limits.minRate, graceMs: spec.timeouts.minRateGraceMs }
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

  /** How old a new connection may become, in ms; Infinity where nothing is said. */
  drawAgeMs(): number {
    const { connectionAgeMs } = this.spec.timeouts
    return connectionAgeMs === 0 ? Infinity : jittered(connectionAgeMs, this.#rng)
  }

  /** How many requests a new connection may make. */
  drawRequests(): number {
    const { requestsPerConnection } = this.spec.limits
    if (requestsPerConnection === 0) return MANY
    return Math.min(MANY, Math.max(1, Math.round(jittered(requestsPerConnection, this.#rng))))
  }

  /** Are the forwarding fields of this peer believed? Asked once per connection. */
  trusts(peer: string): boolean {
    return this.#trusted.has(peer)
  }
}
