import { SharedCount } from '../shm/claim.ts'
import type { Fleet } from '../shm/fleet.ts'
import { REFUSAL } from '../telemetry/catalogue.ts'
import { IPV6_PREFIX } from './client-key.ts'
import { ClientCounts } from './clients.ts'
import type { HashKey } from './clients.ts'

/** Of a listener; 0 is unlimited. `ipv6Prefix`: bits of an IPv6 address that tell clients apart, `IPV6_PREFIX` if not given. */
export type ConnectionLimits = {
  readonly connections: number
  readonly connectionsPerClient: number
  readonly ipv6Prefix?: number
}

export const ADMITTED = -1

/** Client connections open on each listener, together and per client, counted over all shards. */
export class ConnectionGate {
  readonly #listeners: SharedCount
  readonly #clients: ClientCounts

  constructor(fleet: Fleet, shard: number, hashKey: HashKey) {
    this.#listeners = new SharedCount(fleet, 'listenerGauges', shard)
    this.#clients = new ClientCounts(fleet, shard, hashKey)
  }

  /** `ADMITTED`, and then `leave` is owed with the same limits, whatever a reload makes of them; or the `REFUSAL`. */
  admit(listener: number, ip: string, limits: ConnectionLimits): number {
    if (!this.#listeners.claim(listener, limits.connections)) return REFUSAL.limit
    const { ipv6Prefix = IPV6_PREFIX } = limits
    if (this.#clients.tryOpen({ listener, ip, ipv6Prefix }, limits.connectionsPerClient)) return ADMITTED
    this.#listeners.release(listener)
    return REFUSAL.clientLimit
  }

  leave(listener: number, ip: string, { ipv6Prefix = IPV6_PREFIX }: Partial<ConnectionLimits> = {}): void {
    this.#clients.close({ listener, ip, ipv6Prefix })
    this.#listeners.release(listener)
  }

  /** Open on a listener, over all shards. */
  open(listener: number): number {
    return this.#listeners.count(listener)
  }

  /** See `ClientCounts.idOf`. */
  idOf(listener: number, ip: string, { ipv6Prefix = IPV6_PREFIX }: Partial<ConnectionLimits>): number {
    return this.#clients.idOf({ listener, ip, ipv6Prefix })
  }
}
