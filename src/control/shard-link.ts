import type { ActorRef } from '../actor/rpc.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { ShardControl } from '../proxy/control.ts'
import { memberOf } from './bindings.ts'
import type { Binding } from './bindings.ts'

/** What every shard should be doing. */
export type Desired = { readonly snapshot: Snapshot; readonly bindings: readonly Binding[] }

/** A shard that does not answer a control message for this long is stuck. */
const ANSWER_MS = 10_000

/**
 * Main's end of one life of a shard: knows what that life was told and tells it what is missing, so a start, a reload and a restart
 * are one and the same. In this order: the snapshot, then the sockets that came, then those that went; a listener is
 * never accepted from before the shard knows what it is, and a moved address is never left without an acceptor for long.
 */
export class ShardLink {
  readonly ref: ActorRef<ShardControl>
  readonly #shard: number
  #version = 0
  /** Listening socket → listener it is accepted for. */
  readonly #listening = new Map<number, number>()
  #tail: Promise<void> = Promise.resolve()

  constructor(ref: ActorRef<ShardControl>, shard: number) {
    this.ref = ref
    this.#shard = shard
  }

  /** Converge to what is desired when its turn comes. Rejects if the shard died or is stuck. */
  sync(desired: () => Desired): Promise<void> {
    const turn = this.#tail.then(() => this.#converge(desired()))
    this.#tail = turn.catch(() => {})
    return turn
  }

  async #converge({ snapshot, bindings }: Desired): Promise<void> {
    const shard = this.ref.within(ANSWER_MS)
    if (this.#version < snapshot.version) {
      await shard.apply(snapshot)
      this.#version = snapshot.version
    }
    const wanted = new Map(bindings.map(({ group, listener }) => [memberOf(group, this.#shard), listener]))
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
