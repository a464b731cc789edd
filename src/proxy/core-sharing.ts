import type { Rng } from '../base/random.ts'
import { ClientConnection } from '../downstream/client.ts'
import type { Reactor } from '../io/reactor.ts'
import { EvenCores, CROWDED } from '../limit/even-cores.ts'
import { crowdOf } from '../limit/load-sample.ts'
import type { LoadSample } from '../limit/load-sample.ts'
import type { Fleet } from '../shm/fleet.ts'
import { VITAL } from '../shm/vitals.ts'
import type { ShardRecorder } from '../telemetry/recorder.ts'
import type { Clientele } from './clientele.ts'

/** What the sharing needs of its shard. */
export type CoreSharingPorts = {
  readonly shard: number
  readonly reactor: Reactor
  readonly clientele: Clientele
  readonly fleet: Fleet
  readonly load: LoadSample
  readonly recorder: ShardRecorder
  readonly rng: Rng
}

/** A shard that has not been heard for so long, which is two looks of the acceptor, is given nobody: it is stuck, or gone. */
export const SILENT_MS = 100
/** Who was not between two requests for so long stays. */
const PATIENCE_MS = 2000

/** A client that is to go, as soon as it is between two requests. */
type Leaving = { readonly client: ClientConnection; readonly to: number; readonly untilMs: number }

/**
 * Does what `EvenCores` decides: clients that another shard should have go there at the end of a batch in which they are between two requests, new ones
 * in the batch in which they were accepted. Whoever has others to go to (a drain, a handover of all) switches it off.
 */
export class CoreSharing {
  readonly #ports: CoreSharingPorts
  readonly #even: EvenCores
  readonly #seen: { readonly busy: Float64Array; readonly crowd: Float64Array }
  readonly #vitals: readonly Float64Array[]
  #on = false
  #over = false
  #leaving: Leaving[] = []

  constructor(ports: CoreSharingPorts) {
    const { fleet, shard, rng } = ports
    const { shards } = fleet.shape
    this.#ports = ports
    this.#even = new EvenCores(shard, shards, rng)
    this.#seen = { busy: new Float64Array(shards), crowd: new Float64Array(shards) }
    this.#vitals = Array.from({ length: shards }, (_, index) => fleet.vitals(index))
  }

  configure(on: boolean): void {
    this.#on = on && !this.#over
    if (!this.#on) this.#leaving = []
  }

  /** For good: this shard stops. */
  stop(): void {
    this.#over = true
    this.configure(false)
  }

  /** A new client of ours: it may be better off elsewhere. */
  accepted(client: ClientConnection): void {
    if (this.#on) this.#offer(client, this.#even.place())
  }

  /** Another shard gave us this connection. */
  came(fd: number, generation: number): void {
    this.#even.came(fd, generation, this.#ports.reactor.nowMs)
  }

  /** Once per turn of the wheel. */
  onTurn(nowMs: number): void {
    if (!this.#on || !this.#even.due(nowMs)) return
    const { reactor, load, shard } = this.#ports
    const mine = this.#vitals[shard]!
    mine[VITAL.crowd] = mine[VITAL.busy]! >= CROWDED ? crowdOf(load.shares()) : 0
    this.#read(nowMs)
    for (const give of this.#even.look(nowMs, this.#seen, () => load.shares())) {
      const connection = reactor.find(give)
      if (connection instanceof ClientConnection) this.#offer(connection, give.to)
    }
  }

  /** The rows of a batch are through: who is between two requests may go. */
  onBatchEnd(nowMs: number): void {
    if (this.#leaving.length === 0) return
    const { clientele, recorder } = this.#ports
    const stay: Leaving[] = []
    for (const leaving of this.#leaving) {
      if (leaving.client.dead || leaving.client.ended || !this.#beats(leaving.to, nowMs)) continue
      if (clientele.give(leaving.client, leaving.to)) recorder.clientGiven()
      else if (nowMs < leaving.untilMs) stay.push(leaving)
    }
    this.#leaving = stay
  }

  #offer(client: ClientConnection, to: number): void {
    const { shard, reactor } = this.#ports
    if (to === shard || this.#leaving.some((other) => other.client === client)) return
    this.#leaving.push({ client, to, untilMs: reactor.nowMs + PATIENCE_MS })
  }

  /** How busy each shard is; those that are not there, or do not answer for themselves, take nobody. */
  #read(nowMs: number): void {
    const { fleet } = this.#ports
    const count = fleet.shardCount
    const { busy, crowd } = this.#seen
    for (let shard = 0; shard < busy.length; shard++) {
      const lives = shard < count && this.#beats(shard, nowMs)
      busy[shard] = lives ? this.#vitals[shard]![VITAL.busy]! : Infinity
      crowd[shard] = this.#vitals[shard]![VITAL.crowd]!
    }
  }

  #beats(shard: number, nowMs: number): boolean {
    const { lastBeatMs } = this.#ports.fleet.actor(shard)
    return lastBeatMs > 0 && nowMs - lastBeatMs < SILENT_MS
  }
}
