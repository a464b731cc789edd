import type { PolicyOptions, PolicySpec } from '../config/snapshot.ts'
import type { PolicyName } from './options.ts'
import type { Policy } from './policy.ts'
import { Random } from './random.ts'
import { RoundRobin } from './round-robin.ts'

/** What a policy is made of and with. `given` are options as configured; `optionsOf` fills in the rest. */
const MAKERS: Readonly<Partial<Record<PolicyName, (given: PolicyOptions) => Policy>>> = {
  // By count.
  'round-robin': () => new RoundRobin(),
  random: () => new Random(),
  // By latency and feedback.
  // By hash of the key.
}

/** A fresh instance of a built-in policy. The configuration's schema lets no other name pass: an unknown one is a bug. */
export const makePolicy = ({ name, options }: Pick<PolicySpec, 'name' | 'options'>): Policy => {
  const make = Object.hasOwn(MAKERS, name) ? MAKERS[name as PolicyName] : undefined
  if (make === undefined) throw new Error(`no policy ${name}`)
  return make(options)
}
