import { bequestRows, dealEstate, planEstate } from '../../../src/control/estate-plan.ts'
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

/** What main does when a shard's thread has ended: its connections go to the heirs by the plan of `control/estate-plan.ts`, or are reset. */
export const settleEstate = async (
  world: SimWorld,
  dead: SimShard,
  heirs: readonly SimShard[],
): Promise<EstateResult> => {
  const { fleet, memory, shard } = dead
  const { index } = shard
  zeroStripe(fleet, index)
  const plan = planEstate({ rows: world.process.estate(index), memory, notes: fleet.notes })
  for (const { fd, generation } of plan.resets) world.process.resetOne(fd, generation)
  const deal = dealEstate(
    plan.units,
    heirs.map((heir) => heir.shard.index),
  )
  const results = heirs.map((heir) =>
    heir.shard.inherit({ from: index, memory, rows: bequestRows(deal.get(heir.shard.index) ?? []) }),
  )
  const total = (await Promise.all(results)).reduce(plus, NOTHING)
  return { ...total, reset: total.reset + plan.resets.length }
}
