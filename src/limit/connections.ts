import { SharedCount } from '../shm/claim.ts'
import type { Fleet } from '../shm/fleet.ts'
import { REFUSAL } from '../telemetry/catalogue.ts'
import { ClientCounts } from './clients.ts'
import type { HashKey } from './clients.ts'

/** Of a listener; 0 is unlimited. */
export type ConnectionLimits = { readonly connections: number; readonly connectionsPerClient: number }

export const ADMITTED = -1

/** Client connections open on each listener, together and per client, counted over all shards. */
export class ConnectionGate {
  readonly #listeners: SharedCount
  readonly #clients: ClientCounts

  constructor(fleet: Fleet, shard: number, hashKey: HashKey) {
    this.#listeners = new SharedCount(fleet, 'listenerGauges', shard)
    this.#clients = new ClientCounts(fleet, shard, hashKey)
  }

  /** `ADMITTED`, and then `leave` is owed, or the `REFUSAL`. */
  admit(listener: number, ip: string, limits: ConnectionLimits): number {
    if (!this.#listeners.claim(listener, limits.connections)) return REFUSAL.limit
    if (this.#clients.tryOpen(listener, ip, limits.connectionsPerClient)) return ADMITTED
    this.#listeners.release(listener)
    return REFUSAL.clientLimit
  }

  leave(listener: number, ip: string): void {
    this.#clients.close(listener, ip)
    this.#listeners.release(listener)
  }
}
