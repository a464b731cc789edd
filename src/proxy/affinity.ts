import type { PickRequest } from '../balance/pick-request.ts'
import type { Rng } from '../base/random.ts'
import type { ClusterSpec } from '../config/snapshot.ts'
import { HashKey, NO_KEY } from './hash-key.ts'
import type { KeyedRequest } from './hash-key.ts'
import { StickyCookie } from './sticky.ts'

/** What ties requests to endpoints of one cluster, compiled: what they are hashed by, and the cookie of their session. */
export class Affinity {
  readonly sticky: StickyCookie | undefined
  readonly #hashKey: HashKey | undefined
  readonly #rng: Rng

  constructor(spec: ClusterSpec, rng: Rng) {
    const { hashKey } = spec
    this.#hashKey = hashKey.kind === 'none' ? undefined : new HashKey(hashKey)
    this.sticky = spec.sticky === undefined ? undefined : new StickyCookie(spec.sticky, spec.name)
    this.#rng = rng
  }

  /** Ask for the endpoint that the request belongs to. One without a key belongs anywhere: to where chance takes a hashing policy. */
  direct(ask: PickRequest, request: KeyedRequest): void {
    const key = this.#hashKey === undefined ? NO_KEY : this.#hashKey.of(request)
    ask.hasKey = key !== NO_KEY
    ask.key = ask.hasKey ? key : this.#rng.uint32()
    if (this.sticky !== undefined) ask.stickyHash = this.sticky.read(request.head)
  }
}
