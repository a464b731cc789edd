/** The laboratory's worker, run by piscina: laws tried on a policy, simulations. It may be ended at any time, so that no policy can hang it. */
import { costModelOf } from '../src/balance/cost.ts'
import type { Policy } from '../src/balance/policy.ts'
import { makePolicy } from '../src/balance/registry.ts'
import type { PolicyOptions } from '../src/config/snapshot.ts'
import { measureImbalance } from '../src/lab/imbalance.ts'
import type { Imbalance, ImbalanceCase } from '../src/lab/imbalance.ts'
import { LAWS, tryLaw } from '../src/lab/trial.ts'
import type { Verdict } from '../src/lab/trial.ts'

export type TrialTask = {
  /** Of a built-in policy; of a module: its file name. */
  readonly name: string
  /** file: URL of a module with `policy(options)`. */
  readonly module: string | undefined
  readonly options: PolicyOptions
  /** Index in the laws. */
  readonly law: number
  readonly seed: number
}

export const lawNames = (): readonly string[] => LAWS.map(({ name }) => name)

export const trial = async ({ name, module, options, law, seed }: TrialTask): Promise<Verdict> => {
  const make = module === undefined ? () => makePolicy({ name, options }) : await makerOf(module, options)
  const tried = LAWS[law]
  if (tried === undefined) throw new RangeError(`no law ${law}`)
  return tryLaw(tried, { name, options, make, cost: costModelOf({ name, options }) }, seed)
}

const makerOf = async (module: string, options: PolicyOptions): Promise<() => Policy> => {
  const { policy } = (await import(module)) as { policy?: unknown }
  if (typeof policy !== 'function') throw new TypeError('it exports no function `policy`')
  return () => (policy as (options: PolicyOptions) => Policy)(options)
}

export const imbalance = (spec: ImbalanceCase): Imbalance => measureImbalance(spec)
