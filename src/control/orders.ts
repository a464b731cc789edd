import { ActorError, messageOf } from '../actor/errors.ts'
import type { Timers } from '../actor/timers.ts'
import type { Rng } from '../base/random.ts'
import type { FaultKind } from '../proxy/control.ts'
import type { Actors } from './actors.ts'
import type { OrderResult } from './protocol.ts'
import type { TreeRunner } from './runner.ts'
import { Serial } from './serial.ts'
import type { Desired } from './shard-link.ts'
import { shardId, shardOf } from './tree.ts'

export type OrdersContext = {
  readonly tree: TreeRunner
  readonly actors: Actors
  readonly desired: () => Desired
  /** Orders are for a program that runs: not one that starts or drains. */
  readonly ready: () => boolean
  readonly timers: Timers
  readonly rng: Rng
  readonly say: (line: string) => void
}

/** Between two shards of a rolling restart, evenly at random: nothing that goes by the clock falls in step with it. */
const MOST_PAUSE_MS = 1000

const NOT_READY: OrderResult = { ok: false, detail: 'The program starts or drains.' }

/** What an operator may have done to actors. Replacements are one at a time: whoever leaves must have somebody to give to. */
export class Orders {
  readonly #context: OrdersContext
  readonly #serial = new Serial()
  /** What was ordered to be restarted and is not done. */
  #ordered: string | undefined

  constructor(context: OrdersContext) {
    this.#context = context
  }

  /** Replace an actor in good order. Answered when its successor serves. */
  restart(id: string): Promise<OrderResult> {
    return this.#serial.run(async () => {
      if (!this.#context.ready()) return NOT_READY
      try {
        await this.#context.tree.restart(id)
        return { ok: true }
      } catch (thrown) {
        return { ok: false, detail: messageOf(thrown) }
      }
    })
  }

  /** Refused while another one was ordered and is not done: whoever orders should see what comes of it. */
  async restartShard(shard: number): Promise<OrderResult> {
    if (!this.#shards().includes(shard)) return { ok: false, detail: `There is no shard ${shard}.` }
    if (this.#ordered !== undefined) return this.#refusal()
    this.#ordered = shardId(shard)
    try {
      return await this.restart(shardId(shard))
    } finally {
      this.#ordered = undefined
    }
  }

  /** All shards, one after the other. Answered at once. */
  restartShards(): Promise<OrderResult> {
    if (!this.#context.ready()) return Promise.resolve(NOT_READY)
    if (this.#ordered !== undefined) return Promise.resolve(this.#refusal())
    this.#ordered = 'all shards'
    void this.#roll().finally(() => (this.#ordered = undefined))
    return Promise.resolve({ ok: true })
  }

  async fault(id: string, kind: FaultKind): Promise<OrderResult> {
    const { actors, desired, tree, ready, say } = this.#context
    if (!ready()) return NOT_READY
    if (!desired().snapshot.admin.faults)
      return { ok: false, detail: 'Faults on purpose are not allowed: admin: { faults: true } allows them.' }
    if (!tree.children().some((child) => child.id === id))
      return { ok: false, detail: `There is no actor ${id}.` }
    say(`${id} is made to fail: ${kind}`)
    try {
      await actors.fault(id, kind)
      return { ok: true }
    } catch (thrown) {
      // It ended before its answer had left it.
      if (thrown instanceof ActorError && thrown.code === 'WEIR_ACTOR_DIED') return { ok: true }
      return { ok: false, detail: messageOf(thrown) }
    }
  }

  async #roll(): Promise<void> {
    const { say, timers, rng } = this.#context
    for (const [n, shard] of this.#shards().entries()) {
      if (n > 0) await new Promise<void>((resume) => timers.after(rng.next() * MOST_PAUSE_MS, resume))
      const result = await this.restart(shardId(shard))
      if (!result.ok) say(`shard ${shard} is not restarted: ${result.detail}`)
    }
    say('the shards were restarted')
  }

  #refusal(): OrderResult {
    return { ok: false, detail: `A restart of ${this.#ordered} is under way: one at a time.` }
  }

  #shards(): readonly number[] {
    return this.#context.tree
      .children()
      .map(({ id }) => shardOf(id))
      .filter((shard) => shard >= 0)
  }
}
