import { POLICY_DEFAULTS } from '../../../src/balance/options.ts'
import type { PolicySpec } from '../../../src/config/snapshot.ts'
import { policyNamed } from './fleet.ts'

/** Every built-in policy, in each of its modes. */
export const SUBJECTS: readonly PolicySpec[] = [
  ...Object.keys(POLICY_DEFAULTS).map((name) => policyNamed(name)),
  policyNamed('p2c', { choices: 5 }),
  policyNamed('least-request', { mode: 'scan' }),
  policyNamed('least-request', { mode: 'edf' }),
  ...['ring-hash', 'maglev', 'rendezvous', 'ip-hash'].map((name) => policyNamed(name, { boundedLoad: 1.25 })),
]

/** For a test's name. */
export const says = ({ name, options }: PolicySpec): string => {
  const given = Object.entries(options).map(([key, value]) => `${key} ${value}`)
  return given.length === 0 ? name : `${name} (${given.join(', ')})`
}
