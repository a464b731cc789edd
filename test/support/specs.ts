import { PLAIN_BALANCE } from '../../src/config/balance.ts'
import type { ClusterSpec, EndpointSpec } from '../../src/config/snapshot.ts'

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
