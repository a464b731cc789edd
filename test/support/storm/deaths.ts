import type { EstateResult } from '../../../src/proxy/control.ts'
import { killAfter, spare } from '../estate/death.ts'
import type { EstatePlan } from '../../../src/control/estate-plan.ts'
import { openEstate, shareOut } from '../estate/settle.ts'
import type { SimShard } from '../sim-shard.ts'
import type { Chance } from '../sim/chance.ts'
import type { SimWorld } from '../sim/world.ts'

/** How a shard ends in a storm, and what is done then. */
export type DeathPlan = {
  readonly atMs: number
  readonly shard: number
  /** It hands over what it has for so long before; 0: it does not know that it ends. */
  readonly noticeMs: number
  /** In the midst of a batch, so many moments from then; 0: between two. */
  readonly moments: number
  /** How long it hangs before it is ended, until its connections go to heirs, and until there is a successor. */
  readonly hangMs: number
  readonly settleMs: number
  readonly backMs: number
}

/** `orderly`: none ends in the midst of a batch. */
export const drawDeaths = (chance: Chance, shards: number, orderly: boolean): DeathPlan[] =>
  Array.from({ length: 1 + chance.below(4) }, () => ({
    atMs: chance.below(2500),
    shard: chance.below(shards),
    noticeMs: chance.happens(0.7) ? 0 : chance.size([1, 1000]),
    moments: orderly || chance.happens(0.3) ? 0 : chance.size([1, 400]),
    hangMs: chance.happens(0.6) ? 0 : chance.size([1, 500]),
    settleMs: chance.happens(0.5) ? 0 : chance.size([1, 30]),
    backMs: chance.size([1, 500]),
  }))

/** What of a storm those who die need. */
export type Mourners = {
  readonly world: SimWorld
  readonly shards: SimShard[]
  /** Starts the successor, configured and accepting. */
  readonly succeed: (shard: number) => SimShard
  /** What the estate came to. */
  readonly settled: (result: EstateResult) => void
  readonly failed: (error: unknown) => void
}

type Rite = { readonly afterMs: number; readonly run: () => void }

/** Shards that die, hang and are succeeded. */
export class Deaths {
  /** How many there were. */
  count = 0
  #ended = false
  readonly #of: Mourners
  /** What is still to be done for whom is dead, in order. */
  readonly #rites = new Map<number, Rite[]>()
  /** Those who hand over, and how they end. */
  readonly #leaving = new Map<number, () => void>()

  constructor(of: Mourners) {
    this.#of = of
  }

  announce(plan: DeathPlan): void {
    const sim = this.#of.shards[plan.shard]
    if (sim === undefined || this.#ended || this.#rites.has(plan.shard) || this.#leaving.has(plan.shard))
      return
    spare(sim)
    const die = (): void => {
      if (this.#of.shards[plan.shard] !== sim || this.#rites.has(plan.shard)) return
      this.#leaving.delete(plan.shard)
      killAfter(sim, plan.noticeMs > 0 ? 0 : plan.moments, () => this.#begin(sim, plan))
    }
    if (plan.noticeMs === 0) die()
    else this.#leave(sim, plan, die)
  }

  #leave(sim: SimShard, { shard, noticeMs }: DeathPlan, die: () => void): void {
    this.#leaving.set(shard, die)
    const heirs = this.#living.filter((other) => other !== sim).map((heir) => heir.shard.index)
    sim.shard.handOver(heirs, noticeMs).catch(this.#of.failed)
    this.#of.world.after(noticeMs, die)
  }

  isDead(shard: number): boolean {
    return this.#rites.has(shard)
  }

  /** Nobody dies any more, and who is dead is succeeded now. */
  end(): void {
    this.#ended = true
    for (const die of this.#leaving.values()) die()
    for (const sim of this.#of.shards) spare(sim)
    for (const rites of this.#rites.values()) {
      while (rites.length > 0) rites.shift()!.run()
    }
  }

  #begin(sim: SimShard, { shard, hangMs, settleMs, backMs }: DeathPlan): void {
    this.count++
    const { world } = this.#of
    let plan: EstatePlan = { units: [], resets: [] }
    const bury = (): void => {
      sim.engine.stop()
      plan = openEstate(world, sim)
    }
    const succeed = { afterMs: backMs, run: () => this.#succeed(shard) }
    const share = (): void => {
      if (this.#living.length === 0) rites.shift()!.run() // with nobody to inherit, the successor does
      shareOut(sim, plan, this.#living).then(this.#of.settled, this.#of.failed)
    }
    const rites: Rite[] = [{ afterMs: hangMs, run: bury }, { afterMs: settleMs, run: share }, succeed]
    this.#rites.set(shard, rites)
    const next = (): void => {
      rites.shift()?.run()
      if (rites.length > 0) world.after(rites[0]!.afterMs, next)
    }
    world.after(hangMs, next)
  }

  get #living(): SimShard[] {
    return this.#of.shards.filter(({ shard }) => !this.#rites.has(shard.index))
  }

  #succeed(shard: number): void {
    this.#of.shards[shard] = this.#of.succeed(shard)
    this.#rites.delete(shard)
  }
}
