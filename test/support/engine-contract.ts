import { test } from 'node:test'
import { byteCases } from './contract/bytes.ts'
import { endingCases } from './contract/endings.ts'
import { estateCases } from './contract/estates.ts'
import { hangupCases } from './contract/hangups.ts'
import { inheritedCases } from './contract/inherited.ts'
import { monkeyCases } from './contract/monkey.ts'
import { opCases } from './contract/ops.ts'
import { processCases } from './contract/process.ts'
import { relayCases } from './contract/relays.ts'
import { Rig, type Contract } from './contract/rig.ts'
import type { MakeHarness } from './engine-harness.ts'

/** What `src/io/engine.ts` promises, as cases any implementation has to pass. `name` says which one is on trial. */
export function engineContract(name: string, make: MakeHarness): void {
  const contract: Contract = (law, body, options) => {
    test(`${name}: ${law}`, async () => {
      const harness = await make(options)
      try {
        await body(new Rig(harness))
      } finally {
        await harness.close()
      }
    })
  }
  byteCases(contract)
  endingCases(contract)
  hangupCases(contract)
  opCases(contract)
  relayCases(contract)
  processCases(contract)
  estateCases(contract)
  inheritedCases(contract)
  monkeyCases(contract, 3)
}
