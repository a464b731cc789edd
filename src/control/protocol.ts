import type { MessagePort } from 'node:worker_threads'
import type { ListenerGroup } from '../io/engine.ts'
import type { EstateResult, FaultKind } from '../proxy/control.ts'
import type { FleetHandle } from '../shm/layout.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { Totals } from '../telemetry/history.ts'
import type { EndpointPatch } from './patch.ts'

/**
 * What actors may ask of one another (a shard's part is `proxy/control.ts`). Plain data both ways; every method may be called from
 * another thread and ends in an answer, a coded error, or WEIR_ACTOR_DIED.
 */

/** The acceptor: makes and keeps every listening socket. */
export interface AcceptorControl {
  /** Make it fail on purpose; the same of every actor. Answers before it happens. */
  fault(kind: FaultKind): void
  /** Sockets this process was born with; grouped, ours from now on. */
  inherit(fds: readonly number[]): readonly ListenerGroup[]
  /** One group with more members. */
  extend(group: ListenerGroup, members: number, backlog: number): ListenerGroup
  /** Who may be given connections from now on. The acceptor steers by it, by heartbeats and by busy time, until told otherwise. */
  serve(roster: Roster): void
  /** The groups a predecessor opened and that are the process's still. Before anything else, once. */
  adopt(groups: readonly ListenerGroup[]): void
  /** Another process deals with these from now on: neither steer nor close them, until they are adopted again. */
  release(groups: readonly ListenerGroup[]): void
  open(address: string, members: number, backlog: number): ListenerGroup
  close(group: ListenerGroup): void
}

/** What the acceptor steers by. */
export type Roster = {
  /** Shards in service. Others (dead, starting, leaving, gone) get nothing new. */
  readonly serving: readonly number[]
  readonly stuckAfterMs: number
  /** By busy time; else evenly. */
  readonly byBusyTime: boolean
}

/** Main, as the acceptor's watch sees it. */
export interface WatchControl {
  /** A shard's heartbeat is missing for longer than `stuckAfter`: it gets no new connections already; somebody has to serve its listening sockets. */
  stuck(shard: number): void
  /** It beats again, and gets connections again. */
  recovered(shard: number): void
  /** Its heap is at the limit: it must be ended at once, before the process is. */
  heapFull(shard: number): void
}

export type AcceptorSeed = {
  readonly fleet: FleetHandle
  /** The other end serves `WatchControl`. */
  readonly main: MessagePort
}

/** `address`: as bound. */
export type AdminPlace = { readonly address: string; readonly fd: number }

/** Telemetry: reads shared memory; writes the access log, serves the admin API. */
export interface TelemetryControl {
  fault(kind: FaultKind): void
  /** What it cannot read from shared memory. A newer view replaces an older one whole. */
  show(view: ProgramView): void
  /** Serve the admin API from this listening socket instead of the one before; undefined: from none. The descriptor is telemetry's from then on. If it fails, the one before stays. */
  serveAdmin(place: AdminPlace | undefined): Promise<void>
  /** What the processes before this one counted: to be added to what this one counts. Replaces what was said before. */
  remember(totals: Totals): void
  /** All that was counted, by the processes before this one, too. */
  totals(): Totals
  /** Close the access log and open it again by its name: it was rotated. */
  reopenLog(): void
  /** Write out what the rings and buffers hold, within `timeoutMs`, and stop serving. */
  stop(timeoutMs: number): Promise<void>
}

/** The health actor: decides who may be picked, by what it probes and what the shards saw. */
export interface HealthControl {
  fault(kind: FaultKind): void
  /** Work by this snapshot from now on. What it decides of new endpoints stands in shared memory when this is answered. */
  apply(snapshot: Snapshot): void
  /** End its probes. */
  stop(): void
}

export type HealthSeed = { readonly fleet: FleetHandle }

/** Main, as telemetry's admin API sees it. */
export interface MainControl {
  /** Replace a shard in good order (planned handover). Answered when its successor serves. */
  restartShard(shard: number): Promise<OrderResult>
  /** All shards, one after the other, with jittered pauses. Answered at once; one at a time. */
  restartShards(): Promise<OrderResult>
  /** Make an actor fail on purpose; refused unless `admin.faults`. `actor`: an id of the tree (`shard 0`, `acceptor`, …). */
  fault(actor: string, kind: FaultKind): Promise<OrderResult>
  reload(): Promise<ReloadResult>
  /** What an operator wants of an endpoint. Done, and telemetry has seen the snapshot it was done to, when it is answered. */
  patch(order: PatchOrder): Promise<PatchResult>
}

export type OrderResult = { readonly ok: true } | { readonly ok: false; readonly detail: string }

export type PatchOrder = {
  readonly cluster: string
  readonly address: string
  readonly patch: EndpointPatch
  /** Who wants it, for the audit. */
  readonly peer: string
}

export type PatchResult = { readonly ok: true } | { readonly ok: false; readonly detail: string }

export type ReloadResult =
  | { readonly ok: true; readonly version: number; readonly warnings: readonly string[] }
  /** Nothing changed. Every problem on its own, `file:line:column: message` where it has a place. */
  | { readonly ok: false; readonly problems: readonly string[] }

export type ProgramPhase = 'starting' | 'ready' | 'draining'
export const SHARD_STATES = ['starting', 'running', 'restarting', 'stopping', 'stopped'] as const
export type ShardState = (typeof SHARD_STATES)[number]

export type ProgramView = {
  readonly snapshot: Snapshot
  readonly phase: ProgramPhase
  readonly shards: readonly {
    readonly state: ShardState
    readonly restarts: number
    readonly deaths: number
  }[]
  /** How often each shard was stuck; undefined: never. */
  readonly stalls: readonly (number | undefined)[]
  /** Of shards that were told to let go of everything: how many did within their time. */
  readonly handovers: { readonly done: number; readonly late: number }
  /** What became of the connections that dead and replaced shards left. */
  readonly estates: EstateResult
  /** Restarts of the other actors. */
  readonly restarts: Readonly<Record<'acceptor' | 'telemetry' | 'health' | 'discovery', number>>
  /** The program's own. */
  readonly version: string
  readonly fdLimit: number
  readonly maxConnections: number
  readonly startedAtMs: number
  readonly reloads: { readonly applied: number; readonly refused: number }
  /** Patches of endpoints: how many changed something, changed nothing, named nobody; and endpoints of which something is wished now. */
  readonly patches: { readonly applied: number; readonly idle: number; readonly refused: number }
  readonly overlays: number
}

export type TelemetrySeed = {
  readonly fleet: FleetHandle
  /** The other end serves `MainControl`. */
  readonly main: MessagePort
}
