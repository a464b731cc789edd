import { RETRY_CLASSES } from '../../../src/config/snapshot.ts'
import type { ListenerTimeouts } from '../../../src/config/listener-limits.ts'
import type {
  ClusterTimeouts,
  HedgeSpec,
  LimitSpec,
  PoolSpec,
  RetrySpec,
} from '../../../src/config/snapshot.ts'
import type { ClientPlan } from '../http-model/client.ts'
import type { BackendBehaviour } from '../sim/world.ts'
import type { Chance } from '../sim/chance.ts'
import { drawProfile, HOSTILE, ROUGH } from '../sim/profile.ts'
import type { SimProfile } from '../sim/profile.ts'
import { ERRNO } from '../sim/socket.ts'
import { drawDeaths } from './deaths.ts'
import type { DeathPlan } from './deaths.ts'
import { drawClient } from './traffic.ts'

/** A configuration as it stands from `atMs` on. */
export type Setting = {
  readonly atMs: number
  /** Indexes of the backends that are endpoints. */
  readonly endpoints: readonly number[]
  readonly pool: PoolSpec
  readonly retry: RetrySpec
  readonly hedge: HedgeSpec | undefined
  readonly limits: LimitSpec
}

/** One storm: who does what to whom, and when. Drawn whole before it runs, so that a seed is a scenario. */
export type Scenario = {
  readonly profile: SimProfile
  /** Nothing fails: everyone gets what was asked for. */
  readonly calm: boolean
  readonly shards: number
  readonly backends: readonly (BackendBehaviour | undefined)[]
  readonly settings: readonly Setting[]
  readonly clients: readonly { readonly atMs: number; readonly plan: ClientPlan }[]
  readonly listenerTimeouts: ListenerTimeouts
  readonly clusterTimeouts: ClusterTimeouts
  readonly pipeline: number
  readonly logging: boolean
  /** Buffers for next to nothing: they run out. */
  readonly scarce: boolean
  /** Bytes an output queue may hold: it must never come to that. */
  readonly queueCap: number
  /** When the drain begins; Infinity: when all is done. */
  readonly drainAtMs: number
  readonly drain: { readonly windowMs: number; readonly hardMs: number }
  /** Shards that die. In a calm storm: between two batches. */
  readonly deaths: readonly DeathPlan[]
}

const PATIENT_LISTENER: ListenerTimeouts = {
  requestHeadMs: 120_000,
  keepAliveMs: 120_000,
  clientMs: 120_000,
  minRateGraceMs: 120_000,
  clientFinMs: 5000,
  tunnelMs: 120_000,
  connectionAgeMs: 0,
}
const PATIENT_CLUSTER: ClusterTimeouts = {
  connectMs: 60_000,
  queueMs: 120_000,
  serverMs: 120_000,
  serverFinMs: 5000,
  perTryMs: 0,
  totalMs: 0,
}
const HASTY_LISTENER: ListenerTimeouts = {
  requestHeadMs: 1000,
  keepAliveMs: 1500,
  clientMs: 1500,
  minRateGraceMs: 2000,
  clientFinMs: 500,
  tunnelMs: 2000,
  connectionAgeMs: 0,
}
const HASTY_CLUSTER: ClusterTimeouts = {
  connectMs: 500,
  queueMs: 800,
  serverMs: 1500,
  serverFinMs: 500,
  perTryMs: 0,
  totalMs: 0,
}

export const drawScenario = (chance: Chance): Scenario => {
  const calm = chance.happens(0.35)
  const shards = chance.happens(0.5) ? 1 : 2
  const backends = Array.from({ length: 1 + chance.below(3) }, () => (calm ? undefined : behaviour(chance)))
  const count = 1 + chance.below(calm ? 8 : 12)
  const lastMs = chance.size([1, 2000])
  let id = 1
  const clients = Array.from({ length: count }, (_, index) => {
    const plan = drawClient(chance, { calm, index, firstId: id })
    id += plan.requests.length
    return { atMs: chance.below(lastMs), plan }
  })
  return {
    profile: drawProfile(chance, calm ? ROUGH : HOSTILE),
    calm,
    shards,
    backends,
    settings: drawSettings(chance, calm, backends.length),
    clients,
    listenerTimeouts: calm ? PATIENT_LISTENER : HASTY_LISTENER,
    clusterTimeouts: calm ? PATIENT_CLUSTER : drawHaste(chance),
    pipeline: calm || chance.happens(0.5) ? 16 : 1 + chance.below(3),
    logging: chance.happens(0.3),
    scarce: !calm && chance.happens(0.15),
    queueCap: chance.happens(0.5) ? 98_304 : 262_144,
    drainAtMs: !calm && chance.happens(0.3) ? chance.below(2500) : Infinity,
    drain: { windowMs: chance.below(1000), hardMs: chance.happens(0.5) ? 200 : 1000 + chance.below(2000) },
    deaths: chance.happens(0.4) ? drawDeaths(chance, shards, calm) : [],
  }
}

const drawHaste = (chance: Chance): ClusterTimeouts => ({
  ...HASTY_CLUSTER,
  perTryMs: chance.happens(0.4) ? chance.size([20, 1500]) : 0,
  totalMs: chance.happens(0.3) ? chance.size([50, 3000]) : 0,
})

const behaviour = (chance: Chance): BackendBehaviour | undefined => {
  if (chance.happens(0.85)) return undefined
  return chance.happens(0.5) ? { refuse: ERRNO.ECONNREFUSED } : { silent: true }
}

const drawSettings = (chance: Chance, calm: boolean, backends: number): Setting[] => {
  const reloads = chance.happens(0.5) ? 0 : 1 + chance.below(3)
  // On for the whole storm or not at all: what came in unlimited is not counted.
  const limited = { cluster: chance.happens(0.3), endpoints: chance.happens(0.3) }
  return Array.from({ length: 1 + reloads }, (_, i) => ({
    atMs: i === 0 ? 0 : chance.below(2000),
    endpoints: drawEndpoints(chance, calm, backends),
    pool: drawPool(chance, calm),
    retry: drawRetry(chance),
    limits: {
      inFlight: limited.cluster ? 1 + chance.below(4) : 0,
      inFlightPerEndpoint: limited.endpoints ? 1 + chance.below(3) : 0,
      queue: calm ? 1024 : chance.size([1, 64]),
      adaptive: undefined,
    },
    hedge: chance.happens(0.3)
      ? { delayMs: chance.size([1, calm ? 3000 : 1000]), attempts: 1 + chance.below(2) }
      : undefined,
  })).toSorted((a, b) => a.atMs - b.atMs)
}

const drawRetry = (chance: Chance): RetrySpec => ({
  attempts: chance.below(4),
  on: RETRY_CLASSES.filter(() => chance.happens(0.6)),
  budget: chance.happens(0.7) ? { ratio: 1, perSecond: 1000 } : { ratio: 0.2, perSecond: 0.1 },
})

const drawEndpoints = (chance: Chance, calm: boolean, backends: number): number[] => {
  const all = Array.from({ length: backends }, (_, index) => index)
  const some = chance.happens(0.5) ? all : all.filter(() => chance.happens(0.6))
  return some.length === 0 && calm ? all : some
}

const drawPool = (chance: Chance, calm: boolean): PoolSpec => ({
  maxPerHost: chance.happens(0.4) ? 0 : 1 + chance.below(3),
  maxTotal: chance.happens(0.5) ? 0 : 1 + chance.below(4),
  idleTimeoutMs: chance.size([20, 3000]),
  queue: calm ? 1024 : chance.size([1, 64]),
})
