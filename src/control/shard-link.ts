import type { ActorRef } from '../actor/rpc.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { EngineMemory } from '../io/engine.ts'
import type { ShardControl } from '../proxy/control.ts'
import { socketsOf } from './assignment.ts'
import type { Binding } from './bindings.ts'

/** What every shard should be doing. */
export type Desired = { readonly snapshot: Snapshot; readonly bindings: readonly Binding[] }

/** … and among whom: the shards in service in ascending order, as this one should see it. */
export type Orders = Desired & { readonly serving: readonly number[] }

/** A shard that does not answer a control message for this long is stuck. */
const ANSWER_MS = 10_000

/**
 * Main's end of one life of a shard: knows what that life was told and tells it what is missing, so a start, a reload, a restart and
 * standing in for another are one and the same. In this order: the snapshot, then the sockets that came, then those that went; a listener is
 * never accepted from before the shard knows what it is, and a moved address is never left without an acceptor for long.
 */
export class ShardLink {
  readonly ref: ActorRef<ShardControl>
  readonly shard: number
  /** Of this life: it outlives the thread. */
  readonly memory: EngineMemory
  #version = 0
  /** Listening socket → listener it is accepted for. */
  readonly #listening = new Map<number, number>()
  #tail: Promise<void> = Promise.resolve()

  constructor(ref: ActorRef<ShardControl>, shard: number, memory: EngineMemory) {
    this.ref = ref
    this.shard = shard
    this.memory = memory
  }

  /** Converge to what is ordered when its turn comes. Rejects if the shard died or is stuck. */
  sync(orders: () => Orders): Promise<void> {
    const turn = this.#tail.then(() => this.#converge(orders()))
    this.#tail = turn.catch(() => {})
    return turn
  }

  async #converge({ snapshot, bindings, serving }: Orders): Promise<void> {
    const shard = this.ref.within(ANSWER_MS)
    if (this.#version < snapshot.version) {
      await shard.apply(snapshot)
      this.#version = snapshot.version
    }
    const wanted = new Map<number, number>()
    for (const { group, listener } of bindings) {
      for (const member of socketsOf(this.shard, group.fds.length, serving))
        wanted.set(group.fds[member]!, listener)
    }
    for (const [fd, listener] of wanted)
      if (this.#listening.get(fd) !== listener) await this.#listen(fd, listener)
    for (const fd of this.#listening.keys()) if (!wanted.has(fd)) await this.#unlisten(fd)
  }

  async #listen(fd: number, listener: number): Promise<void> {
    if (this.#listening.has(fd)) await this.#unlisten(fd)
    await this.ref.within(ANSWER_MS).listen(fd, listener)
    this.#listening.set(fd, listener)
  }

  async #unlisten(fd: number): Promise<void> {
    await this.ref.within(ANSWER_MS).unlisten(fd)
    this.#listening.delete(fd)
  }
}
