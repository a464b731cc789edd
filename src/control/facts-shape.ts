import type { AdminState, EndpointState } from '../health/states.ts'

/**
 * What `/api/v1/clusters` says: shapes are part of the contract with scripts. Instants are ISO 8601, ages and latencies ms; null where
 * nothing is known yet.
 */
export type ClustersFacts = { readonly version: number; readonly clusters: readonly ClusterFacts[] }

export type ClusterFacts = {
  readonly name: string
  readonly policy: string
  readonly policyOptions: Readonly<Record<string, number | string | boolean>>
  /** Times the operator's policy failed and the default one stood in. */
  readonly policyFaults: number
  /** The policy that is asked besides and never obeyed: its picks, those that the policy in force made too, times it failed. */
  readonly shadow: {
    readonly policy: string
    readonly picks: number
    readonly agreed: number
    readonly faults: number
  } | null
  /** `now`: somewhere health is not heeded, because too few endpoints are healthy. */
  readonly panic: { readonly threshold: number; readonly now: boolean }
  /** Whom requests go to: priority levels, zones in them, and the share of the requests of each. */
  readonly sets: readonly {
    readonly name: string
    readonly share: number
    readonly panic: boolean
    readonly size: number
  }[]
  /** Endpoints that may be picked, health heeded, of all. */
  readonly healthy: number
  readonly size: number
  readonly inFlight: number
  readonly waiting: number
  readonly limits: {
    readonly inFlight: number | null
    readonly inFlightPerEndpoint: number | null
    /** As adapted now. */
    readonly adaptive: number | null
  }
  /** Retries and hedges in the window of 10 s: made, and allowed in all. */
  readonly retryBudget: { readonly used: number; readonly allowed: number }
  /** Of whole exchanges, over all time. */
  readonly latencyMs: {
    readonly count: number
    readonly p50: number | null
    readonly p90: number | null
    readonly p99: number | null
  }
  /** From the publication of a fact by one actor to its use by a shard, over all shards and clusters. */
  readonly stalenessMs: { readonly p50: number | null; readonly p99: number | null }
  readonly endpoints: readonly EndpointFacts[]
}

export type EndpointFacts = {
  readonly address: string
  readonly configured: string
  readonly source: 'configuration' | 'dns'
  readonly priority: number
  readonly zone: string
  /** Of the sets, the one it is picked from now; null: none. */
  readonly set: string | null
  /** Of the endpoints that this proxy uses, where it uses some only. */
  readonly inSubset: boolean
  readonly state: EndpointState
  readonly why: string
  /** Since when it is in its state; null: since it came. */
  readonly since: string | null
  /** How often it was ejected; null: it is not now, else when it may come back at the earliest. */
  readonly ejections: number
  readonly ejectedUntil: string | null
  readonly admin: AdminState
  /** In force, as configured, and in effect: × warmth (1 if that is null) × share, 0 where it is not picked. */
  readonly weight: number
  readonly configuredWeight: number
  readonly effectiveWeight: number
  /** Slow start, and what an agent or back-pressure leaves of it: shares, 0…1. Warmth is null where each shard goes by what it sees (feedback). */
  readonly warmth: number | null
  readonly share: number
  readonly inFlight: number
  readonly waiting: number
  readonly connections: { readonly open: number; readonly idle: number }
  readonly picks: number
  /** Those the shadow policy would have made. */
  readonly shadowPicks: number
  readonly successes: number
  readonly failures: Readonly<Record<string, number>>
  readonly responses: Readonly<Record<string, number>>
  readonly firstByteMs: { readonly mean: number | null }
  /** Exponentially weighted, as balancing sees it, and how old it is. */
  readonly cost: { readonly ms: number; readonly ageMs: number } | null
  /** As the server itself reported. */
  readonly load: {
    readonly utilisation: number
    readonly requestsPerSecond: number
    readonly errorsPerSecond: number
    readonly source: string
    readonly ageMs: number
  } | null
  /** The last probe of its load, or its passive equal. */
  readonly probe: { readonly inFlight: number; readonly latencyMs: number; readonly ageMs: number } | null
}
