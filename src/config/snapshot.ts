/**
 * The frozen snapshot: what a configuration compiles to and the only thing shards know of it. Plain data (it crosses
 * threads by structured clone), every name resolved to an index, every default filled in, every duration in ms, every size in bytes.
 *
 * Ids are slots of the fleet memory, handed out by `config/slots` and stable over reloads for what stays the same
 * (a listener by name, a cluster by name, an endpoint by cluster and address), so statistics survive a reload.
 */

import type { ListenerLimits, ListenerTimeouts } from './listener-limits.ts'
import type { CoresSpec, DrainSpec, OverloadSpec, SupervisionSpec } from './lifecycle.ts'

export type ListenerSpec = {
  readonly id: number
  readonly name: string
  /** `ip:port`, `[v6]:port` or `unix:/path`. */
  readonly bind: readonly string[]
  readonly backlog: number
  readonly timeouts: ListenerTimeouts
  readonly limits: ListenerLimits
  /** CIDRs whose forwarding fields are believed. */
  readonly trustedProxies: readonly string[]
  readonly drain: DrainSpec
}

export type EndpointSpec = {
  readonly id: number
  /** How often this id was given to another endpoint before: a record about an earlier tenant is recognised by it. */
  readonly generation: number
  /** Where to connect: `ip:port`, `[v6]:port` or `unix:/path`, resolved. */
  readonly address: string
  /** As configured, where that was a name: `backend.internal:8080`. */
  readonly configured: string
  /** 0…10⁶; 0 gets none. What an operator patched is in the fleet memory, not here. */
  readonly weight: number
  /** 0 is the first choice; higher numbers are backups. */
  readonly priority: number
  /** '' if it has none. */
  readonly zone: string
  readonly labels: Readonly<Record<string, string>>
}

/** A policy by name with its options (those of its schema, all filled in; durations in ms), or a module of the operator's. */
export type PolicySpec = {
  readonly name: string
  /** file: URL of the module, undefined for a built-in policy. It changes when the file does, so that a reload loads the new one. */
  readonly module: string | undefined
  readonly options: PolicyOptions
}
export type PolicyOptions = Readonly<Record<string, number | string | boolean>>

/** What requests are hashed by. */
export type HashKeySpec = {
  readonly kind: 'none' | 'client-ip' | 'header' | 'cookie' | 'query' | 'path' | 'host'
  /** Of the header (lower case), cookie or query parameter; '' otherwise. */
  readonly name: string
}

export type StickySpec = {
  readonly cookie: string
  /** 0: until the browser is closed. */
  readonly ttlMs: number
  /** Key of the signature, four 32-bit words. Secret: never shown. */
  readonly key: readonly [number, number, number, number]
}

/** Which endpoints are near. */
export type LocalitySpec = {
  /** Zone of this proxy; '' unknown. */
  readonly zone: string
  /** `zone`: prefer our own in proportion; `weights`: by `weights`; `nearest`: by label, in the order of `order`; `none`: all alike. */
  readonly mode: 'none' | 'zone' | 'weights' | 'nearest'
  readonly weights: Readonly<Record<string, number>>
  /** Share of the proxies per zone; empty: as the endpoints. */
  readonly proxies: Readonly<Record<string, number>>
  /** Endpoints below which zones are not heeded. */
  readonly minSize: number
  readonly label: string
  readonly order: readonly string[]
}

export type SlowStartSpec = {
  readonly windowMs: number
  /** 1 is linear; above, the beginning is steeper: weight = max(min, (t/T)^(1/aggression)). */
  readonly aggression: number
  /** Smallest share, > 0 … 1. */
  readonly min: number
  /** `time`; or `feedback`: as long as it does no worse than the cluster, it doubles per `windowMs / 8`; halves where it does. */
  readonly by: 'time' | 'feedback'
}

export type ProbeSpec =
  | {
      readonly kind: 'http'
      readonly method: string
      readonly path: string
      /** Host field; '' = the endpoint's address as configured. */
      readonly host: string
      /** Inclusive ranges of statuses that pass. */
      readonly expect: readonly (readonly [number, number])[]
      /** Must occur in the first 64 KiB of the body; '' = anything. */
      readonly body: string
    }
  | { readonly kind: 'tcp' }
  /** HAProxy agent-check: one line. `port` 0 = the endpoint's own. */
  | { readonly kind: 'agent'; readonly port: number; readonly send: string }

export type HealthSpec = {
  readonly probe: ProbeSpec
  readonly intervalMs: number
  /** While an endpoint is going down, is down or comes back. */
  readonly downIntervalMs: number
  readonly timeoutMs: number
  readonly rise: number
  readonly fall: number
  /** Share of the interval by which probes are spread, 0…0.5. */
  readonly spread: number
  /** Probes must have passed somewhere in the cluster before they may take anybody out. */
  readonly precheck: boolean
}

/** A rule of undefined is off. */
export type OutlierSpec = {
  readonly connect:
    | { readonly consecutive: number; readonly weight: number; readonly decayMs: number }
    | undefined
  readonly http:
    | {
        readonly consecutive: number
        /** Share of 5xx in `windowMs`, at `minRequests` at least. */
        readonly ratio: number
        readonly minRequests: number
        readonly windowMs: number
        readonly weight: number
        readonly decayMs: number
      }
    | undefined
  readonly latency:
    | {
        readonly windowMs: number
        /** The endpoint's mean over the cluster's median of means. */
        readonly factor: number
        /** And that much more, at least, ms. */
        readonly floorMs: number
        readonly minRequests: number
        readonly weight: number
        readonly decayMs: number
      }
    | undefined
  /** Share of the cluster that may be ejected, 0…1; one may always be, and one always stays. */
  readonly maxEjected: number
  readonly ejectionMs: number
  readonly maxEjectionMs: number
  /** Share of the time by which it is lengthened at random, 0…1. */
  readonly jitter: number
  /** Passed recovery probes in a row before an ejected endpoint comes back. */
  readonly recoverAfter: number
  readonly recoverIntervalMs: number
}

export type FeedbackSpec = {
  /** Believe `endpoint-load-metrics` in headers and trailers, and strip it. */
  readonly orca: boolean
  /** `Retry-After` of a 429 or 503 as a load hint, at most this long; 0 = not heeded. */
  readonly retryAfterMaxMs: number
}

export const RETRY_CLASSES = ['connect', 'reset', 'timeout', '502', '503', '504', '429'] as const
export type RetryClass = (typeof RETRY_CLASSES)[number]

export type RetrySpec = {
  /** Tries beyond the first. */
  readonly attempts: number
  readonly on: readonly RetryClass[]
  /** Retries and hedges over requests, in a window of 10 s over all shards: at most `ratio` of them and `perSecond` more. */
  readonly budget: { readonly ratio: number; readonly perSecond: number }
}

export type HedgeSpec = { readonly delayMs: number; readonly attempts: number }

export type AdaptiveSpec = {
  readonly minLimit: number
  readonly maxLimit: number
  /** Tolerated growth of latency over its minimum, e.g. 1.25. */
  readonly tolerance: number
  readonly windowMs: number
  /** How often the minimum is measured anew. */
  readonly minRttMs: number
}

export type LimitSpec = {
  /** Exchanges under way in the cluster and at one endpoint, over all shards; 0 = unlimited. */
  readonly inFlight: number
  readonly inFlightPerEndpoint: number
  /** Requests of one shard that wait when a limit is reached, for `timeouts.queueMs` at most. */
  readonly queue: number
  readonly adaptive: AdaptiveSpec | undefined
}

export type ClusterTimeouts = {
  readonly connectMs: number
  readonly queueMs: number
  readonly serverMs: number
  readonly serverFinMs: number
  /** One try, from the pick to the head of its response; 0 = as long as the others allow. */
  readonly perTryMs: number
  /** All tries together, to the head of the response; 0 = as long as the others allow. */
  readonly totalMs: number
}

export type PoolSpec = {
  /** Connections to one endpoint, over all shards. 0 = unlimited. */
  readonly maxPerHost: number
  /** Connections to all endpoints of the cluster, over all shards. 0 = unlimited. */
  readonly maxTotal: number
  readonly idleTimeoutMs: number
  /** Requests of one shard that may wait for a connection to one endpoint. */
  readonly queue: number
}

export type ClusterSpec = {
  readonly id: number
  readonly name: string
  readonly policy: PolicySpec
  readonly shadow: PolicySpec | undefined
  readonly hashKey: HashKeySpec
  readonly sticky: StickySpec | undefined
  readonly endpoints: readonly EndpointSpec[]
  readonly locality: LocalitySpec
  /** Endpoints of the cluster that this proxy uses, chosen by `seed`; 0 = all. */
  readonly subset: { readonly size: number; readonly seed: number }
  /** Share of the endpoints, 0…1, below which health is not heeded any more; 0 = never. */
  readonly panic: number
  readonly health: HealthSpec | undefined
  readonly outliers: OutlierSpec
  readonly slowStart: SlowStartSpec | undefined
  readonly feedback: FeedbackSpec
  readonly retry: RetrySpec
  readonly hedge: HedgeSpec | undefined
  readonly limits: LimitSpec
  readonly timeouts: ClusterTimeouts
  readonly pool: PoolSpec
}

export type RouteSpec = {
  /** Lower case; undefined = any; `*.example.com` = any name below it. */
  readonly host?: string
  /** `/prefix` on segment borders; `=/exact`; undefined = any. */
  readonly path?: string
  /** Index into `clusters`. */
  readonly cluster: number
}

export type AccessLogSpec = {
  /** undefined = off, else `stderr` or a file path. */
  readonly to: string | undefined
  /** Share of requests logged, 0…1. */
  readonly sample: number
  readonly format: 'text' | 'json'
}

/** Whom earlier snapshots named and this one does not, as far as somebody may still be connected through them. */
export type Leaving = {
  readonly listeners: readonly ListenerSpec[]
  /** With those of their endpoints that left; the cluster itself may have stayed. */
  readonly clusters: readonly ClusterSpec[]
}

export type Snapshot = {
  /** Counts up with every published snapshot. */
  readonly version: number
  readonly shards: number
  readonly listeners: readonly ListenerSpec[]
  readonly routes: readonly RouteSpec[]
  readonly clusters: readonly ClusterSpec[]
  /** Absent: nobody. */
  readonly leaving?: Leaving
  readonly accessLog: AccessLogSpec
  readonly admin: { readonly bind: string | undefined; readonly faults: boolean }
  readonly drain: DrainSpec
  readonly supervision: SupervisionSpec
  readonly cores: CoresSpec
  /** undefined = nothing is refused for being late. */
  readonly overload: OverloadSpec | undefined
  /** Over all clusters. */
  readonly probes: { readonly maxPerSecond: number }
  /** Decisions kept for `explain`: of a share of the requests, and of all that failed; the last `keep` of each. */
  readonly explain: { readonly sample: number; readonly keep: number }
}
