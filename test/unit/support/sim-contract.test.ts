import { engineContract } from '../../support/engine-contract.ts'
import { simHarnesses } from '../../support/harness-sim.ts'
import { CALM, ROUGH } from '../../support/sim/profile.ts'

engineContract('simulated engine, calm', simHarnesses(1, CALM))
for (let round = 0; round < 10; round++) {
  engineContract(`simulated engine, rough ${round}`, simHarnesses(1000 * (round + 1), ROUGH))
}
