import { seededRng } from '../base/random.ts'
import type { PolicyOptions } from '../config/snapshot.ts'
import type { Policy } from './policy.ts'
import { ClusterView } from './view.ts'

/** Clusters that a policy is tried on: none, the least, and one with something to choose. */
const SIZES = [0, 1, 3] as const
const PICKS = 64
const STATE = 256

/** What a policy may have beside `rebuild` and `pick`: the type of each. */
const OPTIONAL: Readonly<
  Record<Exclude<keyof Policy, 'rebuild' | 'pick'>, 'function' | 'boolean' | 'string'>
> = {
  heedsWeights: 'boolean',
  followsKey: 'boolean',
  reads: 'string',
  reweigh: 'function',
  propensity: 'function',
  save: 'function',
  restore: 'function',
}

/**
 * A first look at a module that is said to be a policy: what is wrong with its shape, or with how it behaves on small clusters; '' if nothing is.
 * It may run for ever, throw what cannot be shown, or end the thread: run it where that does no harm.
 */
export const auditModule = (module: Readonly<Record<string, unknown>>, options: PolicyOptions): string => {
  const { policy: make } = module
  if (typeof make !== 'function') {
    const there = Object.keys(module).slice(0, 8).join(', ')
    return `exports no function "policy"; there is ${there === '' ? 'nothing' : there}`
  }
  for (const size of SIZES) {
    const wrong = auditOne(make as (options: PolicyOptions) => unknown, options, size)
    if (wrong !== '') return wrong
  }
  return ''
}

const auditOne = (
  make: (options: PolicyOptions) => unknown,
  options: PolicyOptions,
  size: number,
): string => {
  let doing = 'policy(options)'
  try {
    const made = make(options)
    const wrong = shapeOf(made)
    if (wrong !== '') return wrong
    const policy = made as Policy
    const view = new ClusterView(size)
    for (let i = 0; i < size; i++) view.hashes[i] = 0x9e37_79b9 * (i + 1)
    const rng = seededRng(size)
    doing = `rebuild, with ${size} endpoints,`
    policy.rebuild(view, rng)
    for (let i = 0; i < PICKS; i++) {
      doing = `pick, with ${size} endpoints,`
      view.considered.clear()
      const picked = policy.pick(view, rng.uint32(), rng) as unknown
      const misled = misfit(picked, size)
      if (misled !== '') return `pick, with ${size} endpoints, ${misled}`
    }
    doing = 'save and restore'
    return savedWrong(policy)
  } catch (thrown) {
    return `${doing} threw ${story(thrown)}`
  }
}

const shapeOf = (made: unknown): string => {
  if (typeof made !== 'object' || made === null)
    return `policy(options) returned ${kindOf(made)}, not a policy`
  const parts = made as Readonly<Record<string, unknown>>
  for (const name of ['rebuild', 'pick'])
    if (typeof parts[name] !== 'function') return `the policy has no function "${name}"`
  for (const [name, kind] of Object.entries(OPTIONAL))
    if (parts[name] !== undefined && typeof parts[name] !== kind)
      return `"${name}" of the policy is ${kindOf(parts[name])}, not a ${kind}`
  return ''
}

const misfit = (picked: unknown, size: number): string => {
  if (typeof picked !== 'number') return `returned ${kindOf(picked)}, not an index`
  if (size === 0) return picked === -1 ? '' : `returned ${picked}, not -1`
  return Number.isInteger(picked) && picked >= 0 && picked < size ? '' : `returned ${picked}`
}

const savedWrong = (policy: Policy): string => {
  const length = policy.save?.(new Float64Array(STATE)) as unknown
  if (length === undefined && policy.save === undefined) return ''
  if (typeof length !== 'number' || !Number.isInteger(length) || length < -1 || length > STATE)
    return `save returned ${typeof length === 'number' ? length : kindOf(length)}, not how many numbers it wrote`
  return policy.restore === undefined ? 'the policy has "save" but no "restore"' : ''
}

const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return String(value)
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
}

const story = (thrown: unknown): string => {
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
  return text.slice(0, 300).replaceAll(/\s+/g, ' ')
}
