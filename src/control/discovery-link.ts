import { MessageChannel } from 'node:worker_threads'
import { exposeActor } from '../actor/rpc.ts'
import type { ActorRef } from '../actor/rpc.ts'
import type { Timers } from '../actor/timers.ts'
import { startThread } from '../io/thread.ts'
import type { Thread } from '../io/thread.ts'
import type { FleetHandle } from '../shm/layout.ts'
import { KnownNames } from './known-names.ts'
import type { KnownNamesPorts } from './known-names.ts'
import type { DiscoveryControl, DiscoverySeed } from './discovery-protocol.ts'

/** Addresses of some thousand names are a few. */
const HEAP_MB = 256

export type DiscoveryLinkPorts = Omit<KnownNamesPorts, 'ask'> & { readonly url: URL; readonly timers: Timers }

/**
 * Main's end of the discovery actor. A configuration with names is waited for before there is a fleet, and so before there is a tree: the first life is
 * started when the first name is wanted, and the tree takes it over.
 *
 *     names wanted ─▶ early life ─▶ taken over by the tree ─▶ dead ─▶ successor: asks for all names anew
 */
export class DiscoveryLink {
  readonly names: KnownNames
  readonly #url: URL
  #ref: ActorRef<DiscoveryControl> | undefined
  #early: Thread<DiscoveryControl> | undefined
  /** The tree decides about lives. */
  #inTree = false
  #stopped = false

  constructor({ url, ...ports }: DiscoveryLinkPorts) {
    this.#url = url
    this.names = new KnownNames({ ...ports, ask: (hosts) => this.#ask(hosts) })
  }

  /** For the tree: the early life if there is one, else a new one. */
  spawn(): Thread<DiscoveryControl> {
    this.#inTree = true
    const thread = this.#early ?? this.#start()
    this.#early = undefined
    return thread
  }

  async bringUp(fleet: FleetHandle): Promise<void> {
    await this.#ref?.call.attend(fleet)
    await this.#ref?.call.want(this.names.hosts())
  }

  /** Undefined while it is being restarted. */
  ref(): ActorRef<DiscoveryControl> | undefined {
    return this.#ref
  }

  /** A life is over; what it found out stands. */
  onEnded(): void {
    this.#ref = undefined
  }

  /** Ask for nothing any more. What the tree has not taken over is ended. */
  stop(): void {
    this.#stopped = true
    this.names.want([])
    this.#early?.terminate()
  }

  #ask(hosts: readonly string[]): void {
    if (this.#ref === undefined && !this.#inTree && !this.#stopped && hosts.length > 0) this.#startEarly()
    // If it dies now, its successor is told when it is brought up.
    this.#ref?.call.want(hosts).catch(ignore)
  }

  #start(): Thread<DiscoveryControl> {
    const { port1, port2 } = new MessageChannel()
    exposeActor(port1, 'main', this.names)
    port1.unref()
    const seed: DiscoverySeed = { main: port2 }
    const url = this.#url
    const thread = startThread<DiscoveryControl>({
      name: 'discovery',
      url,
      seed,
      transfer: [port2],
      heapMb: HEAP_MB,
    })
    this.#ref = thread.ref
    return thread
  }

  #startEarly(): void {
    const thread = this.#start()
    this.#early = thread
    void thread.ended.then(() => {
      if (this.#early !== thread) return
      this.#early = undefined
      this.#ref = undefined
      // Whoever waits for names goes on without: the tree's own will ask for them.
      for (const { host } of this.names.unresolved()) this.names.failed(host, 'discovery ended')
    })
  }
}

function ignore(): void {}
