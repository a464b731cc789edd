import type { Timers } from '../actor/timers.ts'
import type { Rng } from '../base/random.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { Connections } from '../io/engine.ts'
import type { Host } from '../io/host.ts'
import type { Fleet } from '../shm/fleet.ts'
import type { ActorUrls } from './actors.ts'
import type { Capacity } from './capacity.ts'
import type { Lineage } from './lineage.ts'
import type { ConfigSource } from './load.ts'

/** The world a program runs in. */
export type ProgramContext = {
  /** Of this program. */
  readonly version: string
  readonly source: ConfigSource
  readonly urls: ActorUrls
  readonly connections: Connections
  readonly timers: Timers
  readonly rng: Rng
  readonly availableCores: number
  readonly wallMs: () => number
  /** The monotonic clock that times in the fleet memory are of. */
  readonly machineMs: () => number
  readonly watch: Host['watch']
  /** 32 random bits of the system's, as int32. */
  readonly entropy: () => number
  /** One line for people, without its end. */
  readonly say: (line: string) => void
  /** Memory and limits for a snapshot's number of shards and listeners. */
  readonly provide: (snapshot: Snapshot) => Provision
  /** Another number for the same open file. */
  readonly duplicate: (fd: number) => number
  /** Let go of a number; others for the same file stay. */
  readonly closeFd: (fd: number) => void
  /** Absent: no process was before this one, and none follows. */
  readonly lineage?: Lineage
}

export type Provision = { readonly fleet: Fleet; readonly capacity: Capacity }

export type Addresses = {
  /** By listener name, as bound. */
  readonly listeners: Readonly<Record<string, readonly string[]>>
  readonly admin: string | undefined
}
