import assert from 'node:assert/strict'
import { test } from 'node:test'
import { costModelOf } from '../src/balance/cost.ts'
import { POLICY_DEFAULTS } from '../src/balance/options.ts'
import { makePolicy } from '../src/balance/registry.ts'
import type { PolicyOptions } from '../src/config/snapshot.ts'
import { LAWS, tryLaw } from '../src/lab/trial.ts'

const SEED = Number(process.env['WEIR_SEED'] ?? 1) % 1_000_000

/** The laws that `weir policy test` tries on a researcher's policy, on all of ours, with the options that change how they choose. */
const variants: readonly (readonly [string, PolicyOptions])[] = [
  ...Object.keys(POLICY_DEFAULTS).map((name) => [name, {}] as const),
  ['p2c', { choices: 4 }],
  ['least-request', { mode: 'scan' }],
  ['least-request', { mode: 'edf' }],
  ['maglev', { boundedLoad: 1.25 }],
  ['rendezvous', { boundedLoad: 2 }],
]

for (const law of LAWS) {
  const bug = law.excludes === '' ? '' : ` (${law.excludes})`
  for (const [name, options] of variants) {
    const subject = {
      name,
      options,
      make: () => makePolicy({ name, options }),
      cost: costModelOf({ name, options }),
    }
    if (law.exempt(subject) !== '') continue
    const variant = Object.entries(options).map(([option, value]) => `, ${option} ${String(value)}`)
    test(`${name}${variant.join('')}: ${law.name}${bug}`, () => {
      assert.equal(tryLaw(law, subject, SEED).why, '')
    })
  }
}
