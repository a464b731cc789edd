import type { Rng } from '../base/random.ts'
import type { OutlierSpec } from '../config/snapshot.ts'
import type { Standing } from './standing.ts'

/**
 * For how long the `count`-th ejection of an endpoint keeps it out, ms: `ejectionMs × count`, at most `maxEjectionMs`, and up to `jitter` of that
 * longer, so that those ejected together do not return together.
 */
export const ejectionTimeMs = (spec: OutlierSpec, count: number, rng: Rng): number =>
  Math.min(spec.ejectionMs * count, spec.maxEjectionMs) * (1 + spec.jitter * rng.next())

/**
 * The ejection budget. Law: one always stays in service; one may be quarantined whatever the share; beyond that those out of service for
 * whatever reason are at most `maxEjected` of the cluster.
 */
export const mayEject = (
  { endpoints, inService, quarantined, down }: Standing,
  maxEjected: number,
): boolean => {
  if (inService <= 1) return false
  return quarantined === 0 || quarantined + down + 1 <= Math.floor(maxEjected * endpoints + 1e-9)
}

/**
 * How many ejections still count after `behavedMs` in service without one: one fewer for every `ejectionMs` (as Envoy lowers its multiplier).
 */
export const ejectionsLeft = (count: number, behavedMs: number, ejectionMs: number): number =>
  Math.max(0, count - Math.max(0, Math.floor(behavedMs / Math.max(1, ejectionMs))))
