import type { PolicySource } from '../balance/policy-source.ts'
import type { Clock } from '../base/clock.ts'
import type { Rng } from '../base/random.ts'
import type { DrainSpec } from '../config/lifecycle.ts'
import type { ListenerSpec, Snapshot } from '../config/snapshot.ts'
import { Listener } from '../downstream/listener.ts'
import { ENGINE_STATS } from '../io/engine.ts'
import type { Engine } from '../io/engine.ts'
import { failOnPurpose } from '../io/fault.ts'
import { Reactor } from '../io/reactor.ts'
import type { Accepted, ReactorHandler } from '../io/reactor-handler.ts'
import type { ReactorOptions } from '../io/reactor.ts'
import { ConnectionGate } from '../limit/connections.ts'
import type { HashKey } from '../limit/clients.ts'
import { RetryBudget } from '../limit/retry-budget.ts'
import type { ActorLine, Fleet } from '../shm/fleet.ts'
import { FoldRecorder } from '../telemetry/fold-recorder.ts'
import { ShardRecorder } from '../telemetry/recorder.ts'
import { UpstreamConnection } from '../upstream/connection.ts'
import { FleetFacts } from '../upstream/fleet-facts.ts'
import { Clientele } from './clientele.ts'
import { ProxyContext } from './context.ts'
import { CoreSharing } from './core-sharing.ts'
import type { Estate, EstateResult, FaultKind, ShardControl } from './control.ts'
import { Drain } from './drain.ts'
import { Explainer } from './explain.ts'
import { IdleReclaim } from './idle-reclaim.ts'
import { Overload } from './overload.ts'
import { Handover } from './handover.ts'
import { Heir } from './heir.ts'
import { FleetPorts } from './ports.ts'
import { Clusters } from './routing.ts'
import { ProxyService } from './service.ts'

const QUEUED_BYTES = ENGINE_STATS.indexOf('queuedBytes')

export type ShardParts = {
  readonly shard: number
  readonly engine: Engine
  readonly fleet: Fleet
  readonly clock: Clock
  readonly rng: Rng
  readonly hashKey: HashKey
  readonly reactor: ReactorOptions
  readonly policies: PolicySource
  /** Client connections of the whole process beyond which the engine refuses. */
  readonly maxConnections: number
  /** A line for the operator. */
  readonly say: (line: string) => void
  /** An exception that was contained: the connection it came from is reset, the shard goes on. */
  readonly onError: (error: unknown) => void
}

/** Does a listener's name go on, be it on another socket, or its socket, be it under another name? Port 0 is another one each time. */
const staysIn = ({ listeners }: Snapshot, { name, bind }: ListenerSpec): boolean => {
  const sockets = bind.filter((address) => !address.endsWith(':0'))
  return listeners.some((other) => other.name === name || other.bind.some((one) => sockets.includes(one)))
}

/** One shard: everything between its engine and its part of the fleet memory. */
export class Shard implements ReactorHandler, ShardControl {
  readonly index: number
  readonly reactor: Reactor
  readonly #parts: ShardParts
  readonly #context: ProxyContext
  readonly #recorder: ShardRecorder
  readonly #service: ProxyService
  readonly #overload: Overload
  readonly #clusters: Clusters
  readonly #facts: FleetFacts
  readonly #clientele: Clientele
  readonly #reclaim: IdleReclaim
  readonly #line: ActorLine
  readonly #drain: Drain
  readonly #heir: Heir
  readonly #handover: Handover
  readonly #sharing: CoreSharing
  #version = 0
  #batchMs: number
  #usualDrain: DrainSpec = { windowMs: 0, hardMs: 0 }

  constructor(parts: ShardParts) {
    const { shard, engine, fleet, rng } = parts
    this.#parts = parts
    this.#batchMs = parts.clock.monotonicMs()
    this.index = shard
    this.#recorder = new ShardRecorder(fleet, shard, rng)
    this.reactor = new Reactor(engine, { ...parts.reactor, notes: fleet.notes.words }, this)
    this.#context = new ProxyContext({
      shard,
      reactor: this.reactor,
      recorder: this.#recorder,
      rng,
      explainer: new Explainer(fleet.stripe(shard).explain, shard, rng, this.#recorder),
      budget: new RetryBudget(
        fleet.stripes.map((stripe) => stripe.retries),
        shard,
      ),
    })
    this.#overload = new Overload(this.reactor, { shard, rng, vitals: fleet.vitals(shard) })
    this.#service = new ProxyService(this.#context, this.#overload)
    this.#service.onClosed = (client): void => this.#clientele.closed(client)
    const { policies, say } = parts
    this.#facts = new FleetFacts(fleet, shard, new FoldRecorder(fleet, shard))
    const balancing = { facts: this.#facts, policies, say, seed: rng }
    this.#clusters = new Clusters(this.reactor, new FleetPorts(fleet, shard, this.#recorder, balancing), rng)
    const gate = new ConnectionGate(fleet, shard, parts.hashKey)
    this.#clientele = new Clientele(this.reactor, gate, this.#recorder)
    this.#reclaim = new IdleReclaim({
      ...parts,
      reactor: this.reactor,
      gate,
      recorder: this.#recorder,
      clientele: this.#clientele,
    })
    this.#clientele.makeRoom = this.#reclaim.makeRoom.bind(this.#reclaim)
    this.#line = fleet.actor(shard)
    const { engine: stats } = fleet.stripe(shard)
    this.#drain = new Drain(this.reactor, rng, {
      empty: (): boolean => this.#clientele.count === 0,
      sent: (): boolean => stats[QUEUED_BYTES] === 0,
      atEnd: (): void => this.#clusters.closeIdle(),
      over: (of, late): void => this.#recorder.drained(of, late),
    })
    const mine = {
      reactor: this.reactor,
      clientele: this.#clientele,
      clusters: this.#clusters,
      service: this.#service,
    }
    this.#heir = new Heir({ ...mine, onError: (error) => this.onError(error) })
    this.#handover = new Handover({ ...mine, fleet, rng })
    const { load } = this.#context
    this.#sharing = new CoreSharing({ ...mine, shard, fleet, load, recorder: this.#recorder, rng })
    this.#clientele.onJoined = (client): void => {
      this.#drain.joined(client)
      this.#handover.joined(client)
    }
  }

  // ── control ──

  /** With the first one it begins to serve: whom another shard gives us before that must wait, for nobody would know them. */
  apply(snapshot: Snapshot): void {
    if (snapshot.version <= this.#version) return
    this.#stir()
    const isFirst = this.#version === 0
    this.#version = snapshot.version
    this.#service.routing = this.#clusters.apply(snapshot)
    this.#usualDrain = snapshot.drain
    const { rng } = this.#parts
    const made = (specs: readonly ListenerSpec[]): Map<number, Listener> =>
      new Map(specs.map((spec) => [spec.id, new Listener(spec, this.#service, rng)] as const))
    this.#clientele.listeners = made(snapshot.listeners)
    this.#clientele.leaving = made(snapshot.leaving?.listeners ?? [])
    this.#drain.leave(({ spec }) => staysIn(snapshot, spec))
    const { to, sample } = snapshot.accessLog
    this.#context.logging = to !== undefined && sample > 0
    this.#context.explainer.configure(snapshot.explain)
    this.#overload.configure(snapshot.overload)
    this.#sharing.configure(snapshot.cores.handOver)
    this.#recorder.setLogSample(to === undefined ? 0 : sample)
    if (isFirst) this.reactor.start()
    this.reactor.flush()
  }

  listen(listenerFd: number, id: number): void {
    this.reactor.engine.listen(listenerFd, id)
  }

  unlisten(listenerFd: number): void {
    this.reactor.engine.unlisten(listenerFd)
  }

  drain(windowMs: number, hardMs: number): Promise<void> {
    this.#stir()
    this.#sharing.stop()
    return this.#drain.begin({ windowMs, hardMs }, this.#usualDrain)
  }

  handOver(heirs: readonly number[], hardMs: number): Promise<void> {
    this.#stir()
    this.#sharing.stop()
    return this.#handover.begin(heirs, hardMs)
  }

  inherit(estate: Estate): Promise<EstateResult> {
    this.#stir()
    return Promise.resolve(this.#heir.inherit(estate))
  }

  fault(kind: FaultKind): void {
    failOnPurpose(kind)
  }

  census(): { clients: number; exchanges: number; upstreams: number } {
    let upstreams = 0
    for (const connection of this.reactor.connections()) {
      if (connection instanceof UpstreamConnection) upstreams++
    }
    return { clients: this.#clientele.count, exchanges: this.#service.active, upstreams }
  }

  /** Control messages come between batches, and a shard that rests may have had none for long. */
  #stir(): void {
    this.reactor.stir(this.#parts.clock.monotonicMs() - this.#batchMs)
  }

  // ── what the reactor reports ──

  onAccepted(accepted: Accepted): void {
    const client = this.#clientele.accept(accepted)
    if (client !== undefined) this.#sharing.accepted(client)
  }

  onWake(): void {
    this.#overload.onWake(this.reactor.nowMs)
    this.#clusters.serveWaiting()
    this.#clusters.yieldIdle()
  }

  onExhausted(): void {
    // Counted by the engine (`acceptExhausted`), which pauses accepting by itself.
  }

  onTakenOver(fd: number, generation: number, tag: number): void {
    this.#heir.takenOver(fd, generation, tag)
    this.#sharing.came(fd, generation)
    this.#handover.cameBack({ fd, generation })
  }

  onError(error: unknown): void {
    this.#recorder.errorContained()
    this.#parts.onError(error)
  }

  /** Once per turn of the wheel: what need not be right to the microsecond. */
  onTurn(nowMs: number): void {
    this.#clusters.serveWaiting() // a freed place whose wake-up was lost with a dying shard
    this.#clusters.yieldIdle()
    this.#clusters.turn(nowMs)
    this.#overload.onTurn(nowMs)
    this.#reclaim.onTurn(nowMs)
    this.#drain.onTurn(nowMs)
    this.#handover.onTurn(nowMs)
    this.#sharing.onTurn(nowMs)
  }

  /** What others say is heard as it comes: a ring goes round. */
  restless(): boolean {
    return this.#facts.heard > 0 || this.#drain.isUnderWay || this.#handover.isUnderWay
  }

  onBatchEnd(nowMs: number, startedMs: number): void {
    this.#drain.onBatch(nowMs)
    this.#clusters.admit()
    this.#handover.onBatchEnd()
    this.#sharing.onBatchEnd(nowMs)
    this.#facts.voice.flush(nowMs)
    this.#line.beat(nowMs)
    const tookMs = this.#parts.clock.monotonicMs() - startedMs
    this.#recorder.busy(tookMs)
    // Nothing waits behind a batch of one that rests, however long that took to wake.
    this.#overload.onBatchEnd(nowMs, this.reactor.atRest ? 0 : tookMs)
  }

  onBatchStart(): number {
    this.#facts.hear(this.reactor.engine.clock[0]!)
    this.#batchMs = this.#parts.clock.monotonicMs()
    return this.#batchMs
  }
}
