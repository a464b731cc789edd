import type { POLICY_DEFAULTS, PolicyName } from '../../../balance/options.ts'
import type { Schema } from '../types.ts'

/** `decayMs` is written `decay: 10s`. */
type Written<K> = K extends `${infer Stem}Ms` ? Stem : K

/** What is said of every option of a policy: its kind, range, meaning and reason. Its default is the policy's own. */
type Described<N extends PolicyName> = {
  readonly [K in keyof (typeof POLICY_DEFAULTS)[N] as Written<K>]: Schema
}

export type PolicyDescription<N extends PolicyName> = {
  readonly doc: string
  readonly haproxy?: string
  readonly options: Described<N>
}

export type PolicyDescriptions<N extends PolicyName> = { readonly [K in N]: PolicyDescription<K> }

export const choices = {
  kind: 'integer',
  min: 1,
  max: 64,
  why: 'Two are enough to avoid the worst exponentially more often than one; more herd.',
  doc: 'How many are drawn and compared.',
} as const
