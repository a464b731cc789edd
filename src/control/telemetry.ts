import { messageOf } from '../actor/errors.ts'
import type { ActorRef } from '../actor/rpc.ts'
import type { Timers } from '../actor/timers.ts'
import type { Host } from '../io/host.ts'
import { failOnPurpose } from '../io/fault.ts'
import type { DoorRequest } from '../io/http-door.ts'
import { problem } from '../io/problem.ts'
import type { DoorReply } from '../io/problem.ts'
import { readProcess } from '../io/process-readings.ts'
import type { FaultKind } from '../proxy/control.ts'
import type { Fleet } from '../shm/fleet.ts'
import { renderExposition } from '../telemetry/exposition.ts'
import type { MetricFamily } from '../telemetry/exposition.ts'
import { totalsOf, withHistory } from '../telemetry/history.ts'
import type { Totals } from '../telemetry/history.ts'
import { ActorDeeds } from './actor-deeds.ts'
import { AccessLog } from './access-log.ts'
import { AdminDoor } from './admin-door.ts'
import { answerAdmin, answerPatch, answerReload } from './admin.ts'
import type { AdminDeed, PatchDeed } from './admin.ts'
import { ExplainFeed } from './explain-feed.ts'
import { ClusterReader } from './cluster-facts.ts'
import type { FactsClock } from './cluster-facts.ts'
import { metricFamilies } from './metrics.ts'
import type { AdminPlace, MainControl, ProgramView, TelemetryControl } from './protocol.ts'
import { shardsFacts } from './shard-facts.ts'
import type { ShardsFacts } from './shard-facts.ts'
import { RateMeter } from './shard-rates.ts'

/** Of history: what 16,384 endpoints count, and more, but not what a hostile configuration could. */
const MOST_SERIES = 500_000

export type TelemetryContext = {
  readonly fleet: Fleet
  readonly main: ActorRef<MainControl>
  readonly timers: Timers
  readonly watch: Host['watch']
  readonly clock: FactsClock
  readonly say: (line: string) => void
}

/**
 * The reader of what the shards write: it takes nothing from them but cache lines. Facts are read out of shared memory when asked for,
 * the access log's rings are emptied as they fill; what is not in shared memory main shows it.
 */
export class Telemetry implements TelemetryControl {
  readonly #context: TelemetryContext
  readonly #log: AccessLog
  readonly #door: AdminDoor
  readonly #rates: RateMeter
  readonly #explain: ExplainFeed
  readonly #clusters: ClusterReader
  readonly #deeds: ActorDeeds
  #view: ProgramView | undefined
  /** What the processes before this one counted. */
  #before: Totals = {}

  constructor(context: TelemetryContext) {
    this.#context = context
    this.#log = new AccessLog(context)
    this.#door = new AdminDoor((request) => this.#answer(request))
    this.#rates = new RateMeter(context.fleet, context.clock.machineMs())
    this.#explain = new ExplainFeed(context)
    this.#clusters = new ClusterReader(context.fleet, context.clock)
    const { main, timers, say } = context
    this.#deeds = new ActorDeeds({ main: main.call, timers, say, view: () => this.#view! })
  }

  show(view: ProgramView): void {
    this.#view = view
    this.#log.configure(view.snapshot)
    this.#explain.configure(view.snapshot)
  }

  serveAdmin(place: AdminPlace | undefined): Promise<void> {
    return this.#door.move(place)
  }

  remember(totals: Totals): void {
    this.#before = totals
  }

  totals(): Totals {
    const view = this.#view
    return view === undefined ? this.#before : totalsOf(this.#families(view), MOST_SERIES)
  }

  fault(kind: FaultKind): void {
    failOnPurpose(kind)
  }

  reopenLog(): void {
    this.#log.reopen()
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#explain.close()
    await Promise.all([this.#log.close(timeoutMs), this.#door.close()])
  }

  async #answer(request: DoorRequest): Promise<DoorReply> {
    const view = this.#view
    if (view === undefined) return problem(503, 'starting', 'The program is starting.')
    const reply = answerAdmin(request, {
      metrics: () => renderExposition(this.#families(view)),
      shards: () => this.#shards(view),
      clusters: () => this.#clusters.all(view.snapshot),
      cluster: (name) => this.#clusters.one(view.snapshot, name),
      explain: () => {
        this.#explain.drain() // whoever read the answer's id may ask at once
        return { store: this.#explain.store, sample: view.snapshot.explain.sample }
      },
      readiness: () => readinessOf(view),
    })
    if (!('deed' in reply)) return reply
    try {
      return await this.#do(reply, request.peer)
    } catch (thrown) {
      return problem(503, 'unavailable', messageOf(thrown))
    }
  }

  #families(view: ProgramView): readonly MetricFamily[] {
    this.#explain.drain()
    const { fleet } = this.#context
    const explain = this.#explain.counts
    const families = metricFamilies(view, {
      fleet,
      clusters: this.#clusters,
      explain,
      readings: readProcess(),
      shards: this.#shards(view),
      nowMs: this.#context.clock.machineMs(),
    })
    return withHistory(families, this.#before)
  }

  #shards(view: ProgramView): ShardsFacts {
    const { fleet, clock } = this.#context
    const nowMs = clock.machineMs()
    return shardsFacts(view, { fleet, nowMs, rates: this.#rates.measure(nowMs) })
  }

  #do(deed: AdminDeed, peer: string): Promise<DoorReply> {
    if (deed.deed === 'reload') return this.#reload()
    return deed.deed === 'patch' ? this.#patch(deed, peer) : this.#deeds.do(deed, peer)
  }

  async #reload(): Promise<DoorReply> {
    return answerReload(await this.#context.main.call.reload())
  }

  async #patch({ cluster, address, patch }: PatchDeed, peer: string): Promise<DoorReply> {
    const result = await this.#context.main.call.patch({ cluster, address, patch, peer })
    const { snapshot } = this.#view!
    return answerPatch(result, this.#clusters.endpoint(snapshot, cluster, address) ?? null)
  }
}

/** Ready: every listener is open and somebody accepts from it. */
export function readinessOf(view: ProgramView): { readonly ready: boolean; readonly why: string } {
  if (view.phase !== 'ready') return { ready: false, why: view.phase }
  const running = view.shards.some((shard) => shard.state === 'running')
  return running ? { ready: true, why: 'ready' } : { ready: false, why: 'no shard is running' }
}
