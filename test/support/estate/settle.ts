import { bequestRows, dealEstate, planEstate } from '../../../src/control/estate-plan.ts'
import type { EstatePlan } from '../../../src/control/estate-plan.ts'
import type { EstateResult } from '../../../src/proxy/control.ts'
import { zeroStripe } from '../../../src/shm/fleet.ts'
import type { SimShard } from '../sim-shard.ts'
import type { SimWorld } from '../sim/world.ts'

const NOTHING: EstateResult = { adopted: 0, rescued: 0, answered: 0, reset: 0 }

const plus = (a: EstateResult, b: EstateResult): EstateResult => ({
  adopted: a.adopted + b.adopted,
  rescued: a.rescued + b.rescued,
  answered: a.answered + b.answered,
  reset: a.reset + b.reset,
})

/** What main does when a shard's thread has ended: nothing of it counts any more, and what nobody can go on with is reset. */
export const openEstate = (world: SimWorld, dead: SimShard): EstatePlan => {
  const { fleet, memory, shard } = dead
  zeroStripe(fleet, shard.index)
  const plan = planEstate({ rows: world.process.estate(shard.index), memory, notes: fleet.notes })
  for (const { fd, generation } of plan.resets) world.process.resetOne(fd, generation)
  return plan
}

/** The rest goes to the heirs. What comes of it is done when this returns; the promise tells. */
export const shareOut = async (
  { shard, memory }: SimShard,
  { units, resets }: EstatePlan,
  heirs: readonly SimShard[],
): Promise<EstateResult> => {
  const deal = dealEstate(
    units,
    heirs.map((heir) => heir.shard.index),
  )
  const results = heirs.map((heir) =>
    heir.shard.inherit({ from: shard.index, memory, rows: bequestRows(deal.get(heir.shard.index) ?? []) }),
  )
  const total = (await Promise.all(results)).reduce(plus, NOTHING)
  return { ...total, reset: total.reset + resets.length }
}
