import { setImmediate as settled } from 'node:timers/promises'
import { connectionLimits, exchangeLimits } from './limits.ts'
import { ModelClient } from '../http-model/client.ts'
import { modelBackend } from '../http-model/backend.ts'
import { insist, LawBroken, Ledger } from '../http-model/ledger.ts'
import { endpointSpec } from '../specs.ts'
import type { Law } from '../http-model/ledger.ts'
import { ModelError } from '../http-model/message.ts'
import {
  CLUSTER,
  LISTENER,
  makeFleet,
  residue,
  SCARCE_REACTOR,
  snapshotOf,
  startSimShard,
} from '../sim-shard.ts'
import type { SimShard } from '../sim-shard.ts'
import type { Fleet } from '../../../src/shm/fleet.ts'
import type { SimListener } from '../sim/listener.ts'
import { SimFailure, SimWorld } from '../sim/world.ts'
import type { Snapshot } from '../../../src/config/snapshot.ts'
import { Deaths } from './deaths.ts'
import { MOST_RESCUES } from '../../../src/proxy/request-side.ts'
import { drawScenario } from './scenario.ts'
import type { Scenario, Setting } from './scenario.ts'

/** Longer than any storm lasts: whoever still waits then would wait for ever. */
const LONGEST_MS = 400_000
/** A FIN and a request may pass each other for so long. */
const CROSSING_MS = 300
const TOKEN = LISTENER.id

/** One run of one scenario. */
export class Storm {
  readonly world: SimWorld
  readonly scenario: Scenario
  readonly ledger: Ledger = new Ledger()
  readonly shards: SimShard[] = []
  readonly #listeners: SimListener[] = []
  readonly #clients: ModelClient[] = []
  readonly #fleet: Fleet
  readonly #deaths: Deaths
  #lives = 0
  /** What was said of estates that it should not have been. */
  readonly #troubles: unknown[] = []
  #version = 0
  #begun = 0
  #drainedFrom = Infinity
  #drained = 0

  constructor(seed: number) {
    const draft = new SimWorld(seed)
    this.scenario = drawScenario(draft.chance)
    this.world = new SimWorld(seed, this.scenario.profile)
    this.#fleet = makeFleet(this.scenario.shards)
    this.#deaths = new Deaths({
      world: this.world,
      shards: this.shards,
      succeed: (index) => this.#succeed(this.#fleet, index),
      settled: (result) => {
        for (const [what, count] of Object.entries(result)) if (count > 0) this.ledger.count(`estate ${what}`)
      },
      failed: (error) => this.#troubles.push(error),
    })
  }

  /** Run to the end. Throws a `LawBroken` if a law was, whatever else went wrong otherwise, with the seed and the trace. */
  async run(): Promise<void> {
    const { world } = this
    this.#build()
    world.run({ untilMs: LONGEST_MS, until: () => this.#done, maxSteps: 3_000_000 })
    insist('answered', this.#done, 'clients wait for ever')
    this.#drain()
    const hardEndMs = this.#drainedFrom + this.scenario.drain.hardMs + 200
    world.run({
      untilMs: hardEndMs,
      until: () => this.shards.every(({ shard }) => shard.census().clients === 0),
    })
    this.#apply({ ...this.#lastSetting(), endpoints: [] }, true)
    world.run({ untilMs: world.nowMs + 10_000 })
    await settled() // what the drains promised
    this.#conclude()
  }

  get #done(): boolean {
    return this.#begun === this.scenario.clients.length && this.#clients.every((client) => client.over)
  }

  #build(): void {
    const { scenario, world, ledger } = this
    scenario.backends.forEach((behaviour, index) => {
      modelBackend(world, addressOf(index), ledger)
      const backend = world.backends.get(addressOf(index))
      if (backend !== undefined && behaviour !== undefined) {
        backend.behaviour = { ...backend.behaviour, ...behaviour }
      }
    })
    const most = ({ retry, hedge }: Setting): number => 1 + retry.attempts + (hedge?.attempts ?? 0)
    const lives = 1 + Math.min(MOST_RESCUES, scenario.deaths.length)
    ledger.tries = lives * Math.max(...scenario.settings.map(most))
    const fleet = this.#fleet
    for (let index = 0; index < scenario.shards; index++) {
      this.shards.push(this.#start(fleet, index))
      this.#listeners.push(world.listener())
    }
    if (scenario.deaths.length === 0) {
      // A tunnel that outlives its shard is not counted against them.
      connectionLimits(world, this.shards, () => this.#settingsInForce)
      exchangeLimits(world, fleet, scenario.settings, () => this.#done)
    }
    for (const setting of scenario.settings) {
      if (setting.atMs === 0) this.#apply(setting)
      else world.after(setting.atMs, () => this.#apply(setting))
    }
    this.shards.forEach(({ shard }, index) => shard.listen(this.#listeners[index]?.fd ?? -1, TOKEN))
    for (const death of scenario.deaths) world.after(death.atMs, () => this.#deaths.announce(death))
    const scene = { world, ledger, mayClose: this.#mayClose, unbroken: scenario.calm }
    for (const { atMs, plan } of scenario.clients) {
      world.after(atMs, () => {
        this.#begun++
        this.#clients.push(new ModelClient(scene, world.client(TOKEN, plan.ip), plan))
      })
    }
    if (scenario.drainAtMs < Infinity) world.after(scenario.drainAtMs, () => this.#drain())
  }

  #start(fleet: Fleet, index: number): SimShard {
    const { scarce, queueCap } = this.scenario
    return startSimShard(this.world, fleet, index, {
      queueCap,
      life: this.#lives++,
      ...(scarce ? { reactor: SCARCE_REACTOR, opRows: 64, eventRows: 64 } : {}),
    })
  }

  #succeed(fleet: Fleet, index: number): SimShard {
    const sim = this.#start(fleet, index)
    sim.shard.apply(this.#snapshot(this.#lastSetting()))
    if (this.#drainedFrom === Infinity) sim.shard.listen(this.#listeners[index]?.fd ?? -1, TOKEN)
    return sim
  }

  #settingsInForce: Setting[] = []

  #lastSetting(): Setting {
    const setting = this.#settingsInForce.at(-1)
    if (setting === undefined) throw new Error('no setting')
    return setting
  }

  #apply(setting: Setting, empty = false): void {
    this.#version++
    this.#settingsInForce = [setting]
    const snapshot = this.#snapshot(setting)
    for (const { shard } of this.shards) {
      if (this.#deaths.isDead(shard.index)) continue
      shard.apply(empty ? { ...snapshot, clusters: [], routes: [] } : snapshot)
    }
  }

  #snapshot({ endpoints, pool, retry, hedge, limits }: Setting): Snapshot {
    const { listenerTimeouts, clusterTimeouts, pipeline, logging } = this.scenario
    return snapshotOf({
      version: this.#version,
      logging,
      listener: { timeouts: listenerTimeouts, limits: { ...LISTENER.limits, pipeline, minRate: 500 } },
      cluster: {
        timeouts: clusterTimeouts,
        pool,
        retry,
        hedge,
        limits,
        endpoints: endpoints.map((index) =>
          endpointSpec(index, addressOf(index), { weight: CLUSTER.endpoints.length + 1 }),
        ),
      },
    })
  }

  #drain(): void {
    if (this.#drainedFrom < Infinity) return
    this.#deaths.end()
    this.#drainedFrom = this.world.nowMs
    const { windowMs, hardMs } = this.scenario.drain
    this.shards.forEach(({ shard }, index) => {
      const listener = this.#listeners[index]
      if (listener === undefined) return
      shard.unlisten(listener.fd)
      // As when the acceptor closes its sockets: who waits to be accepted is reset.
      for (const { socket } of listener.queue.splice(0)) socket.abort()
      void shard.drain(windowMs, hardMs).then(() => this.#drained++)
    })
  }

  /** FIN with a request on the way: while draining, within keep-alive's last moment, and before the first answer where fds are short. */
  readonly #mayClose = (sentMs: number, answered: boolean): boolean => {
    const { nowMs, profile } = this.world
    if (!answered && profile.acceptExhausted > 0) return true
    return nowMs >= this.#drainedFrom || nowMs - sentMs < CROSSING_MS
  }

  #conclude(): void {
    const { scenario, ledger } = this
    insist('contained', this.#troubles.length === 0, String(this.#troubles[0]))
    for (const client of this.#clients) client.conclude()
    insist('drain', this.#drained === this.shards.length, `${this.#drained} of the shards are drained`)
    for (const sim of this.shards) {
      const left = residue(sim)
      const ops = (left['strayOps'] ?? 0) + (left['badOps'] ?? 0)
      insist('afterClose', ops === 0, `shard ${sim.shard.index}: ${JSON.stringify(left)}`)
      insist('residue', Object.keys(left).length === 0, `shard ${sim.shard.index}: ${JSON.stringify(left)}`)
      insist('contained', sim.errors.length === 0, String(sim.errors[0]))
      insist('memory', sim.engine.stat('overflows') === 0, 'an output queue passed its cap')
    }
    if (!scenario.calm) return
    const mourning = this.#deaths.count > 0
    for (const { id, method, outcome, error } of ledger.entries.values()) {
      const lost =
        mourning &&
        (outcome === 'reset' || outcome === 'unanswered' || error.endsWith('proxy_internal_error'))
      insist('calm', outcome === 'complete' || lost, `${method} ${id} ended ${outcome} ${error}`)
    }
  }
}

const addressOf = (index: number): string => `10.0.0.${index + 1}:80`

export type Wreck = { readonly seed: number; readonly law: Law; readonly message: string }

/** Run the storm of a seed; what broke, if anything did. */
export const weather = async (seed: number): Promise<{ storm: Storm; wreck: Wreck | undefined }> => {
  const storm = new Storm(seed)
  try {
    await storm.run()
    return { storm, wreck: undefined }
  } catch (error) {
    return { storm, wreck: { seed, law: lawOf(error), message: report(storm, error) } }
  }
}

const lawOf = (error: unknown): Law => {
  const cause = error instanceof SimFailure ? error.cause : error
  if (cause instanceof LawBroken) return cause.law
  return cause instanceof ModelError ? 'http' : 'contained'
}

const report = (storm: Storm, error: unknown): string => {
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const trace =
    error instanceof SimFailure
      ? ''
      : `\nlast events:\n${storm.world.trace
          .filter((line) => !line.endsWith('batch 0 0'))
          .slice(-60)
          .join('\n')}`
  return `seed ${storm.world.seed}: ${what}${trace}`
}
