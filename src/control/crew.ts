import type { Fleet } from '../shm/fleet.ts'
import { Refusal } from './failure.ts'
import type { TreeRunner } from './runner.ts'
import { Serial } from './serial.ts'
import { shardId, shardSpec } from './tree.ts'

export type CrewContext = {
  readonly fleet: Fleet
  readonly tree: Pick<TreeRunner, 'add' | 'remove'>
}

/**
 * How many shards there are, as a reload may change it. Whoever counts over all shards counts those below `fleet.shardCount`: it is raised before the first
 * of more shards starts, and lowered after the last of fewer has ended and its gauges are zeroed, so nothing that somebody holds goes uncounted.
 */
export class Crew {
  readonly #context: CrewContext
  readonly #serial = new Serial()
  /** How many there are to be. */
  #wanted: number

  constructor(context: CrewContext) {
    this.#context = context
    this.#wanted = context.fleet.shardCount
  }

  /** The memory was laid out for so many. Throws a Refusal. */
  assertRoom(shards: number): void {
    const room = this.#context.fleet.shape.shards
    if (shards <= room) return
    const advice = 'a new program can have more (SIGUSR2, or a restart)'
    throw new Refusal([`weir: shards: ${shards}: the running program has room for ${room}; ${advice}`])
  }

  /** Resolves when as many are up, or when those who leave have been told to; they take their time. Rejects if all is stopped meanwhile. */
  async resize(shards: number): Promise<void> {
    const before = this.#wanted
    this.#wanted = shards
    if (shards > before) await this.#serial.run(() => this.#grow(before, shards))
    if (shards < before) void this.#serial.run(() => this.#shrink(before, shards)).catch(ignore)
  }

  async #grow(from: number, to: number): Promise<void> {
    const { fleet, tree } = this.#context
    fleet.shardCount = to
    const newcomers = Array.from({ length: to - from }, (_, n) => shardSpec(from + n))
    await Promise.all(newcomers.map((spec) => tree.add(spec)))
  }

  /** One at a time: whoever leaves must have somebody to give to, and not all at once. */
  async #shrink(from: number, to: number): Promise<void> {
    const { fleet, tree } = this.#context
    for (let shard = from - 1; shard >= to; shard--) {
      await tree.remove(shardId(shard))
      fleet.shardCount = shard
    }
  }
}

/** The program stops: all of them leave. */
function ignore(): void {}
