import type { ClusterSpec } from './snapshot.ts'

/** The part of a cluster that says how its endpoints are balanced. */
export type BalanceSpec = Omit<ClusterSpec, 'id' | 'name' | 'endpoints' | 'timeouts' | 'pool'>

/** What a cluster is that says nothing of balancing. */
export const PLAIN_BALANCE: BalanceSpec = {
  policy: { name: 'round-robin', module: undefined, options: {} },
  shadow: undefined,
  hashKey: { kind: 'none', name: '' },
  sticky: undefined,
  locality: { zone: '', mode: 'none', weights: {}, proxies: {}, minSize: 6, label: '', order: [] },
  subset: { size: 0, seed: 0 },
  panic: 0.5,
  health: undefined,
  outliers: {
    connect: { consecutive: 3, weight: 1, decayMs: 30_000 },
    http: undefined,
    latency: undefined,
    maxEjected: 0.5,
    ejectionMs: 30_000,
    maxEjectionMs: 300_000,
    jitter: 0.2,
    recoverAfter: 2,
    recoverIntervalMs: 5000,
  },
  slowStart: undefined,
  feedback: { orca: false, retryAfterMaxMs: 0 },
  retry: { attempts: 1, on: ['connect', 'reset'], budget: { ratio: 0.2, perSecond: 10 } },
  hedge: undefined,
  limits: { inFlight: 0, inFlightPerEndpoint: 0, queue: 1024, adaptive: undefined },
}
