import type { BalanceSpec } from '../../src/config/balance.ts'
import type { ClusterSpec, EndpointSpec } from '../../src/config/snapshot.ts'

/** What a cluster is that says nothing of balancing but that it goes round. */
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

/** An endpoint of which nothing special is said. */
export const endpointSpec = (
  id: number,
  address: string,
  more: Partial<EndpointSpec> = {},
): EndpointSpec => ({
  id,
  generation: 0,
  address,
  configured: address,
  weight: 1,
  priority: 0,
  zone: '',
  labels: {},
  ...more,
})

/** A cluster of which nothing special is said. */
export const clusterSpec = (more: Partial<ClusterSpec> = {}): ClusterSpec => ({
  id: 0,
  name: 'web',
  ...PLAIN_BALANCE,
  endpoints: [],
  timeouts: { connectMs: 5000, queueMs: 5000, serverMs: 30_000, serverFinMs: 1000, perTryMs: 0, totalMs: 0 },
  pool: { maxPerHost: 0, maxTotal: 0, idleTimeoutMs: 60_000, queue: 1024 },
  ...more,
})
