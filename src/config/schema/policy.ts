/** The schema of the policies: their names, and the options of each. */
import { POLICY_DEFAULTS } from '../../balance/options.ts'
import type { PolicyName } from '../../balance/options.ts'
import { BY_COUNT } from './policies/by-count.ts'
import { BY_HASH } from './policies/by-hash.ts'
import { BY_LATENCY } from './policies/by-latency.ts'
import type { PolicyDescriptions } from './policies/description.ts'
import type { ChosenOptions, Fields, Schema, Variant, VariantsSchema } from './types.ts'

const DESCRIBED: PolicyDescriptions<PolicyName> = { ...BY_COUNT, ...BY_LATENCY, ...BY_HASH }

/** A default as an operator would write it, in the unit of its kind. */
function writtenDefault(schema: Schema, value: number | string | boolean): string | number {
  if (schema.kind === 'duration')
    return typeof value === 'number' && value % 1000 === 0 ? `${value / 1000}s` : `${value}ms`
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return value === 0 && schema.kind === 'ratio' && schema.off ? 'off' : value
}

/** Name of an option in the configuration → in the policy. */
function optionName(key: string, schema: Schema): string {
  return schema.kind === 'duration' ? `${key}Ms` : key
}

function variantOf(name: PolicyName): Variant {
  const { doc, haproxy, options } = DESCRIBED[name]
  const defaults: Readonly<Record<string, number | string | boolean>> = POLICY_DEFAULTS[name]
  const fields: Record<string, Fields[string]> = {}
  for (const [key, schema] of Object.entries<Schema>(options)) {
    const value = defaults[optionName(key, schema)]
    if (value === undefined) throw new Error(`policy ${name} has no option ${optionName(key, schema)}`)
    fields[key] = { ...schema, default: writtenDefault(schema, value) }
  }
  return { doc, fields, ...(haproxy === undefined ? {} : { haproxy }) }
}

const NAMES = Object.keys(DESCRIBED) as readonly PolicyName[]

const VARIANTS: Readonly<Record<string, Variant>> = Object.fromEntries(
  NAMES.map((name) => [name, variantOf(name)]),
)

/** As read → as the policy takes them: durations say that they are ms. */
export function policyOptions(name: string, read: ChosenOptions): ChosenOptions {
  if (!isBuiltIn(name)) return read
  const { fields } = VARIANTS[name]!
  const renamed = Object.entries(read).map(([key, value]) => {
    const field = fields[key]
    return [field === undefined || field.kind === 'planned' ? key : optionName(key, field), value] as const
  })
  return Object.fromEntries(renamed)
}

/** And not the path of a module. */
export function isBuiltIn(name: string): name is PolicyName {
  return Object.hasOwn(VARIANTS, name)
}

/** It sends the same key to the same endpoint, so there must be a key. */
export function isHashing(name: string): boolean {
  return Object.hasOwn(BY_HASH, name)
}

export const policy: VariantsSchema = {
  kind: 'variants',
  entry: 'policy',
  variants: VARIANTS,
  other: 'policyModule',
  default: 'p2c',
  why: 'The least surprise: no tuning, no measurement to be wrong about, and unequal servers or requests do not pile up as they do when it goes round.',
  doc: 'How an endpoint is chosen.',
  haproxy: 'balance',
}

export const shadow: VariantsSchema & { readonly optional: true } = {
  kind: 'variants',
  entry: 'policy',
  variants: VARIANTS,
  other: 'policyModule',
  optional: true,
  doc: 'Another policy whose choices are computed and compared in the metrics, but never acted upon.',
}
