import type { ClientConnection } from '../downstream/client.ts'
import { NOTE } from '../shm/notes.ts'
import { OUTCOME } from '../telemetry/outcome.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { EndpointPool } from '../upstream/pool.ts'
import type { AccountOf } from './accounts.ts'
import type { ProxyContext } from './context.ts'
import { Tunnel } from './tunnel.ts'
import type { ResumedTunnel, TunnelEnd } from './tunnel.ts'

/**
 * What is left of an exchange whose shard died behind its switch of protocols: a tunnel, and what is counted and logged when it ends. In flight at its
 * endpoint until then, as it was before. Of the bytes that went through it only those that we moved are known.
 */
export class AdoptedTunnel implements TunnelEnd {
  readonly cluster: Cluster
  readonly pool: EndpointPool
  up: UpstreamConnection | undefined
  readonly #context: ProxyContext
  readonly #client: ClientConnection
  readonly #route: number
  readonly #startedMs: number
  readonly #adoptedMs: number
  readonly #tunnel: Tunnel
  readonly #gone: () => void

  constructor(context: ProxyContext, sides: ResumedTunnel, of: AccountOf, gone: () => void) {
    const { client, up } = sides
    const { cluster, route } = of
    const { recorder, reactor } = context
    this.#context = context
    this.#client = client
    this.cluster = cluster
    this.pool = up.pool
    this.up = up
    this.#route = route
    this.#gone = gone
    this.#startedMs = sides.startedMs
    this.#adoptedMs = reactor.nowMs
    recorder.exchangeBegan(client.listener.spec.id)
    recorder.picked(cluster.spec.id, up.pool.spec.id)
    cluster.began(up.pool)
    reactor.notes[client.note + NOTE.cluster] = cluster.spec.id
    reactor.notes[client.note + NOTE.route] = route
    reactor.notes[client.note + NOTE.startedMs] = sides.startedMs
    const { serverFinMs } = cluster.spec.timeouts
    this.#tunnel = new Tunnel(context, { client, attempt: this }, serverFinMs, (outcome) =>
      this.#end(outcome),
    )
  }

  resume(sides: ResumedTunnel): void {
    this.#tunnel.resume(sides)
  }

  #end(outcome: number): void {
    const { up, pool } = this
    const client = this.#client
    this.#account(outcome)
    this.#gone()
    client.handler = undefined
    if (up !== undefined) pool.discard(up)
    if (outcome === OUTCOME['tunnel-closed']) client.done(false)
    else client.resetNow()
  }

  #account(outcome: number): void {
    const { record, tryRecord, recorder, reactor } = this.#context
    const { cluster, pool } = this
    record.reset()
    record.listener = this.#client.listener.spec.id
    record.peer = this.#client.peer
    record.route = this.#route
    record.cluster = cluster.spec.id
    record.endpoint = pool.spec.id
    record.outcome = outcome
    record.status = 101
    record.startedMs = this.#startedMs
    record.durationMs = reactor.nowMs - this.#startedMs
    record.wallStartMs = reactor.wallMs - record.durationMs
    this.#tunnel.describe(record)
    tryRecord.cluster = cluster.spec.id
    tryRecord.endpoint = pool.spec.id
    tryRecord.outcome = outcome
    tryRecord.status = 101
    tryRecord.bytesOut = record.bytesFromClient
    tryRecord.bytesIn = record.bytesToClient
    tryRecord.reused = false
    tryRecord.connectMs = -1
    tryRecord.firstByteMs = -1
    recorder.tryEnded(tryRecord)
    cluster.ended(pool, this.#adoptedMs)
    recorder.finish(record)
    recorder.exchangeEnded(record.listener)
  }
}
