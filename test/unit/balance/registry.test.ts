import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LeastRequestEdf, LeastRequestScan } from '../../../src/balance/least-request.ts'
import { POLICY_DEFAULTS, optionsOf } from '../../../src/balance/options.ts'
import { NO_PICK } from '../../../src/balance/policy.ts'
import { makePolicy } from '../../../src/balance/registry.ts'
import { seededRng } from '../../../src/base/random.ts'
import { picksOf, viewOf } from '../../support/balance.ts'

test('registry: every policy that has options can be made, picks of one and of none', () => {
  for (const name of Object.keys(POLICY_DEFAULTS)) {
    const policy = makePolicy({ name, options: {} })
    assert.deepEqual(picksOf(policy, viewOf([]), 1), [NO_PICK], name)
    assert.deepEqual(picksOf(policy, viewOf([3]), 2, seededRng(1)), [0, 0], name)
  }
})

test('registry: a name it does not know is a bug, not an object’s own property', () => {
  for (const name of ['', 'p3c', 'constructor', 'toString', '__proto__']) {
    assert.throws(() => makePolicy({ name, options: {} }), /no policy/)
  }
})

test('registry: options choose the variant', () => {
  assert.ok(makePolicy({ name: 'least-request', options: { mode: 'scan' } }) instanceof LeastRequestScan)
  assert.ok(makePolicy({ name: 'least-request', options: { mode: 'edf' } }) instanceof LeastRequestEdf)
})

test('options: what is given, and the default for what is not or is of another type', () => {
  const given = { decayMs: 5000, choices: 'two', penaltyMs: Number.NaN, other: 1 }
  assert.deepEqual(optionsOf('failure-biased-ewma', given), { decayMs: 5000, penaltyMs: 5000, choices: 2 })
  assert.deepEqual(optionsOf('random', { constructor: 1 }), {})
  assert.deepEqual(optionsOf('least-request', { bias: 0 }), { mode: 'choices', choices: 2, bias: 0 })
})
