import assert from 'node:assert/strict'
import { test } from 'node:test'
import { costModelOf } from '../../../src/balance/cost.ts'
import type { Policy } from '../../../src/balance/policy.ts'
import { policy as carefulTwo } from '../../../src/lab/examples/careful-two.ts'
import { policy as template } from '../../../src/lab/examples/template.ts'
import { LAWS, tryLaw } from '../../../src/lab/trial.ts'

const EXAMPLES: readonly (readonly [name: string, make: () => Policy])[] = [
  ['template', () => template({})],
  ['careful-two', () => carefulTwo({})],
]

for (const [name, make] of EXAMPLES) {
  test(`the example ${name} keeps every law`, () => {
    const subject = { name, options: {}, make, cost: costModelOf({ name, options: {} }) }
    for (const law of LAWS) {
      const { holds, why } = tryLaw(law, subject, 20_261_122)
      assert.notEqual(holds, 'no', `${law.name}: ${why}`)
    }
  })
}

test('the examples refuse options that are wrong', () => {
  assert.throws(() => template({ share: 2 }), /from 0 to 1/)
  assert.throws(() => carefulTwo({ caution: 'much' }), /from 0 to 1000/)
})
