import type { MessagePort } from 'node:worker_threads'
import type { FaultKind } from '../proxy/control.ts'
import type { FleetHandle } from '../shm/layout.ts'

/** Discovery: asks what endpoints that are names mean. */
export interface DiscoveryControl {
  fault(kind: FaultKind): void
  /** It was started before there was a fleet: from now on it writes down how it does. */
  attend(fleet: FleetHandle): void
  /** The names wanted from now on, all of them. New ones are asked for at once. */
  want(hosts: readonly string[]): void
}

/** Main, as discovery sees it. */
export interface NamesControl {
  /** A name is answered for the first time, otherwise than before, or again after failures. IP literals, sorted. */
  answered(host: string, addresses: readonly string[]): void
  /** It is not answered, or not any more: once per change of state. */
  failed(host: string, reason: string): void
}

export type DiscoverySeed = {
  /** The other end serves `NamesControl`. */
  readonly main: MessagePort
}
