import type { Rng } from '../base/random.ts'
import type { ClusterSpec, EndpointSpec } from '../config/snapshot.ts'
import type { AgentWord } from './agent-check.ts'
import type { Wish } from './endpoint.ts'
import type { Member } from './member.ts'

/** What came of a probe. */
export type ProbeResult = {
  readonly passed: boolean
  /** Why not, for people. */
  readonly detail: string
  /** Nobody was there: refused or unreachable. */
  readonly absent?: boolean
  /** What an agent said, if one was asked. */
  readonly agent: AgentWord | undefined
}

/** What the brain decides goes here: into verdict rows, to people, into counters. */
export type HealthSink = {
  /** The member's state, ejections or share changed. */
  changed(cluster: ClusterSpec, member: Member, detail: string): void
  /** For people, about a whole cluster. */
  warn(cluster: ClusterSpec, message: string): void
  ejected(reason: number): void
  refusedByBudget(): void
}

/** The world as one cluster's health sees it. */
export type HealthWorld = {
  readonly rng: Rng
  readonly sink: HealthSink
  /** Over all shards, now: exchanges under way at an endpoint and the sum of their start times. */
  readonly inFlight: (slot: number) => number
  readonly startSumMs: (slot: number) => number
  /** An operator's word on an endpoint: its wish, and its weight (NaN: as configured). */
  readonly admin: (endpoint: EndpointSpec) => { readonly state: Wish['state']; readonly weight: number }
}
