import type { PolicySpec } from '../config/snapshot.ts'
import type { Policy } from './policy.ts'
import { makePolicy } from './registry.ts'

/** Where a cluster's policies come from: the built-in ones by name, an operator's from its module, which was loaded before. */
export interface PolicySource {
  /** A fresh instance. Throws if the module's constructor does, or if there is no such policy. */
  make(spec: PolicySpec): Policy
}

/** The built-in ones alone. */
export const BUILT_IN: PolicySource = { make: makePolicy }

/** What stands in for a policy that fails, and what a cluster that names none has. */
export const DEFAULT_POLICY: PolicySpec = { name: 'p2c', module: undefined, options: {} }
