import type { PolicyOptions } from '../config/snapshot.ts'

/**
 * Every policy's options with their defaults: plain data, which the configuration's schema mirrors and where the meaning of each is written
 * for users. Times are ms. The policies themselves say where a default comes from.
 */
export const POLICY_DEFAULTS = {
  'round-robin': {},
  random: {},
  'weighted-random': {},
  /** choices: how many are compared. */
  p2c: { choices: 2 },
  /** mode: `choices` (some, drawn), `scan` (all) or `edf` (by weight over load; bias is the exponent of the load). */
  'least-request': { mode: 'choices', choices: 2, bias: 1 },
  /** beta: probability of choosing between two, else at random. */
  'one-plus-beta': { beta: 0.5 },
  /** decayMs: time constant of the cost. */
  'peak-ewma': { decayMs: 10_000, choices: 2 },
  /** penaltyMs: what a failure counts for at least. */
  'failure-biased-ewma': { decayMs: 10_000, penaltyMs: 5000, choices: 2 },
  /** explore: share of the picks that are drawn by weight whatever the times. */
  'least-time': { decayMs: 10_000, explore: 0.02 },
  orca: { penalty: 1, blackoutMs: 10_000, expiryMs: 180_000, updateMs: 1000 },
  d2: {
    intervalMs: 5000,
    high: 1.3,
    low: 1.2,
    down: 0.2,
    up: 0.05,
    initial: 0.01,
    errorRatio: 0.1,
    minRequests: 10,
  },
  prequal: {
    path: '/',
    pool: 16,
    probesPerRequest: 3,
    maxProbesPerSecond: 100,
    remove: 1,
    ageMs: 1000,
    quantile: 0.84,
    timeoutMs: 100,
  },
  /** Sizes: of virtual nodes on the ring. boundedLoad: most in flight at an endpoint over the mean, ≥ 1; 0 is off. */
  'ring-hash': { minSize: 1024, maxSize: 1_048_576, boundedLoad: 0 },
  maglev: { tableSize: 65_537, boundedLoad: 0 },
  rendezvous: { boundedLoad: 0 },
  'ip-hash': { boundedLoad: 0 },
} as const

export type PolicyName = keyof typeof POLICY_DEFAULTS

type Widened<T> = T extends number ? number : T extends boolean ? boolean : string

/** The options of a policy, filled in. */
export type OptionsOf<N extends PolicyName> = {
  readonly [K in keyof (typeof POLICY_DEFAULTS)[N]]: Widened<(typeof POLICY_DEFAULTS)[N][K]>
}

/** What is given, and the default for what is not or is of another type: then the schema, which refuses it, was not asked. */
export const optionsOf = <N extends PolicyName>(name: N, given: PolicyOptions): OptionsOf<N> => {
  const defaults: PolicyOptions = POLICY_DEFAULTS[name]
  const filled: Record<string, number | string | boolean> = {}
  for (const [key, byDefault] of Object.entries(defaults)) {
    const value = Object.hasOwn(given, key) ? given[key] : undefined
    const fits = typeof value === typeof byDefault && !Number.isNaN(value)
    filled[key] = fits && value !== undefined ? value : byDefault
  }
  return filled as OptionsOf<N>
}
