import { optionsOf } from '../balance/options.ts'
import type { Rng } from '../base/random.ts'
import type { ClusterSpec, PolicySpec, Snapshot } from '../config/snapshot.ts'
import type { FleetHealth } from '../health/fleet.ts'
import type { Member } from '../health/member.ts'
import { drawSlot, PrequalPace } from '../health/prequal-pace.ts'
import { LoadReportReader } from '../http/load-report.ts'
import { REFUSED_REPORT } from '../http/orca/metrics.ts'
import { withDeadline, hostOf } from '../io/probe.ts'
import type { ProbeKeeper } from '../io/probe-keeper.ts'
import type { HealthVoice } from '../shm/other-voices.ts'
import type { HealthCounters } from './health-counters.ts'

type Probed = { readonly policy: PolicySpec; readonly pace: PrequalPace; underWay: number }

/** A server that does not answer is not asked more than so many times at once by one cluster. */
const MOST_UNDER_WAY = 64

const NO_REPORT = { rif: -1, latencyMs: -1 }

export type PrequalContext = {
  readonly fleet: FleetHealth
  readonly voice: HealthVoice
  readonly counters: HealthCounters
  readonly rng: Rng
  readonly nowMs: () => number
  /** Exchanges of ours under way at an endpoint, over all shards: where the server does not tell. */
  readonly inFlight: (slot: number) => number
}

/** Prequal's probes, for clusters whose policy or shadow wants them: at random members in service, in proportion to the requests. */
export class PrequalProbes {
  readonly #context: PrequalContext
  /** Loaded when the first cluster wants it. */
  #keeper: Promise<ProbeKeeper> | undefined
  readonly #byCluster = new Map<number, Probed>()
  readonly #end = new AbortController()
  readonly #reports = new LoadReportReader()

  constructor(context: PrequalContext) {
    this.#context = context
  }

  apply({ clusters }: Snapshot): void {
    const wanted = clusters.filter((cluster) => prequalOf(cluster) !== undefined)
    const ids = new Set(wanted.map(({ id }) => id))
    for (const id of this.#byCluster.keys()) if (!ids.has(id)) this.#byCluster.delete(id)
    for (const cluster of wanted) {
      const policy = prequalOf(cluster)
      const known = this.#byCluster.get(cluster.id)
      if (policy === undefined || JSON.stringify(known?.policy) === JSON.stringify(policy)) continue
      const { probesPerRequest, maxProbesPerSecond } = optionsOf('prequal', policy.options)
      const pace = new PrequalPace(probesPerRequest, maxProbesPerSecond, this.#context.nowMs())
      this.#byCluster.set(cluster.id, { policy, pace, underWay: 0 })
    }
    const addresses = new Set(wanted.flatMap(({ endpoints }) => endpoints.map(({ address }) => address)))
    if (wanted.length > 0) this.#keeper ??= newKeeper()
    void this.#keeper?.then((keeper) => keeper.retain(addresses))
  }

  /** Does any cluster want probes? */
  get any(): boolean {
    return this.#byCluster.size > 0
  }

  /** A request of the cluster was answered, or failed. */
  request(cluster: number): void {
    this.#byCluster.get(cluster)?.pace.count(1)
  }

  tick(nowMs: number): void {
    if (this.#byCluster.size === 0) return
    for (const cluster of this.#context.fleet.clusters) {
      const probed = this.#byCluster.get(cluster.spec.id)
      const due = probed?.pace.due(nowMs) ?? 0
      if (probed === undefined || due === 0) continue
      const inService = [...cluster.members].filter(({ life, weight }) => life.inService && weight > 0)
      const slots = inService.map(({ spec }) => spec.id)
      for (let i = 0; i < due && probed.underWay < MOST_UNDER_WAY; i++) {
        const member = cluster.member(drawSlot(slots, this.#context.rng))
        if (member !== undefined) void this.#probe(probed, member)
      }
    }
  }

  stop(): void {
    this.#end.abort()
    void this.#keeper?.then((keeper) => keeper.close())
  }

  async #probe(probed: Probed, { spec }: Member): Promise<void> {
    const { voice, counters, nowMs, inFlight } = this.#context
    const { path, timeoutMs } = optionsOf('prequal', probed.policy.options)
    probed.underWay++
    const keeper = await (this.#keeper ??= newKeeper())
    const question = { address: spec.address, host: hostOf(spec.configured), path }
    const fromMs = nowMs()
    const answer = await withDeadline(timeoutMs, this.#end.signal, (signal) => keeper.ask(question, signal))
    probed.underWay--
    const tookMs = nowMs() - fromMs
    const isThere = this.#context.fleet.endpoint(spec.id)?.member.spec.generation === spec.generation
    if (!('value' in answer) || answer.value.status >= 500) return counters.add('prequalFailed')
    counters.add('prequalAnswered')
    if (!isThere) return
    const { rif, latencyMs } = this.#read(answer.value.report)
    voice.nowMs = nowMs()
    voice.probed(
      { slot: spec.id, generation: spec.generation },
      rif < 0 ? inFlight(spec.id) : rif,
      latencyMs < 0 ? tookMs : latencyMs,
    )
  }

  /** What the server says of itself, in any form that the request path reads too; -1 where it says nothing. */
  #read(report: string | undefined): { readonly rif: number; readonly latencyMs: number } {
    const bytes = Buffer.from(report ?? '', 'latin1')
    return this.#reports.read(bytes, 0, bytes.length) === REFUSED_REPORT.nothing ? this.#reports : NO_REPORT
  }
}

async function newKeeper(): Promise<ProbeKeeper> {
  const { ProbeKeeper: Keeper } = await import('../io/probe-keeper.ts')
  return new Keeper()
}

function prequalOf({ policy, shadow }: ClusterSpec): PolicySpec | undefined {
  return [policy, shadow].find((each) => each?.name === 'prequal' && each.module === undefined)
}
