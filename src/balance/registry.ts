import type { Policy } from './policy.ts'
import { Random } from './random.ts'
import { RoundRobin } from './round-robin.ts'

const POLICIES: Readonly<Record<string, () => Policy>> = {
  'round-robin': () => new RoundRobin(),
  random: () => new Random(),
}

/** A fresh instance of a policy by its configured name. The configuration's schema lets no other name pass: an unknown one is a bug. */
export const makePolicy = (name: string): Policy => {
  const make = POLICIES[name]
  if (make === undefined) throw new Error(`no policy ${name}`)
  return make()
}
