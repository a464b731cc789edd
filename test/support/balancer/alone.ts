import { BUILT_IN } from '../../../src/balance/policy-source.ts'
import { seededRng } from '../../../src/base/random.ts'
import { FoldRecorder } from '../../../src/telemetry/fold-recorder.ts'
import type { BalancingParts } from '../../../src/upstream/balancing.ts'
import { FleetFacts } from '../../../src/upstream/fleet-facts.ts'
import { makeFleet } from '../sim-shard.ts'

/** What a cluster is balanced with on the only shard of a fleet of its own. */
export const balancingAlone = (seed = 1): BalancingParts => {
  const fleet = makeFleet(1)
  return {
    facts: new FleetFacts(fleet, 0, new FoldRecorder(fleet, 0)),
    policies: BUILT_IN,
    seed: seededRng(seed),
    events: { fault: () => {}, shadowFault: () => {}, shadowPicked: () => {}, say: () => {} },
  }
}
