import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointFacts } from '../../../src/control/facts-shape.ts'
import { statusText } from '../../../src/control/status-text.ts'
import { aCluster, anEndpoint } from '../../support/status-facts.ts'

const NOW_MS = Date.UTC(2026, 10, 22, 12)
const ago = (seconds: number): string => new Date(NOW_MS - seconds * 1000).toISOString()
const endpoint = (last: number, more: Partial<EndpointFacts>): EndpointFacts => {
  const address = `127.0.0.1:900${last}`
  return { ...anEndpoint, address, configured: address, ...more }
}

const BUSY = {
  ...aCluster,
  healthy: 2,
  size: 6,
  inFlight: 1234,
  waiting: 3,
  limits: { ...aCluster.limits, adaptive: 200 },
  retryBudget: { used: 17, allowed: 120.4 },
  policyFaults: 2,
  shadow: { policy: 'peak-ewma', picks: 3000, agreed: 1000, faults: 0 },
  latencyMs: { count: 1, p50: 2.345, p90: 8, p99: 123.4 },
  endpoints: [
    endpoint(1, {
      weight: 3,
      effectiveWeight: 3,
      inFlight: 1230,
      successes: 12_345_678,
      firstByteMs: { mean: 2.345 },
      load: { utilisation: 0.456, requestsPerSecond: 1, errorsPerSecond: 0, source: 'header', ageMs: 5 },
    }),
    endpoint(2, {
      state: 'warming',
      why: 'recovered',
      since: ago(4),
      warmth: 0.25,
      effectiveWeight: 0.25,
      ejections: 1,
    }),
    endpoint(3, {
      state: 'quarantined',
      why: 'consecutive connection failures',
      since: ago(600),
      ejections: 3,
      effectiveWeight: 0,
      failures: { 'connect-refused': 1042, reset: 3 },
      responses: { '2xx': 0, '5xx': 5 },
      set: null,
    }),
    endpoint(4, {
      state: 'draining',
      why: 'an operator drains it',
      admin: 'drain',
      effectiveWeight: 0,
      set: null,
    }),
    endpoint(5, { priority: 1, effectiveWeight: 0, set: null }),
    { ...endpoint(6, {}), address: '[2001:db8:1234:5678:9abc:def0:1234:5678]:65535' },
  ],
}

test('weir status: a table for people', () => {
  assert.equal(
    statusText([BUSY, { ...aCluster, name: 'empty', endpoints: [], size: 0, healthy: 0 }], NOW_MS),
    `web  p2c  2 of 6 healthy  1,234 in flight  p50 2.35 p99 123 ms
  3 waiting for a connection
  adaptive limit 200 in flight
  retries in 10 s: 17 of 120 allowed
  the policy failed 2 times, the default one stood in
  shadow peak-ewma: the same in 33% of 3,000 picks
  endpoint                  state       weight       in flight   TTFB ms   answers  failed  load
  127.0.0.1:9001            ready       3                1,230      2.35     12.3M       0   46%
  127.0.0.1:9002            warming     1 → 0.25             0         -         0       0     -
    recovered, for 4 s; ejected once
  127.0.0.1:9003            quarantined 1 → 0                0         -         0   1,050     -
    consecutive connection failures, for 10 min; ejected 3 times
  127.0.0.1:9004            draining    1 → 0                0         -         0       0     -
    an operator drains it
  127.0.0.1:9005            ready       1 → 0                0         -         0       0     -
    not needed now, its priority is 1
  …bc:def0:1234:5678]:65535 ready       1                    0         -         0       0     -

empty  p2c  0 of 0 healthy  0 in flight
`,
  )
})

test('panic is said aloud; no clusters are said, too', () => {
  const panic = { ...aCluster, panic: { threshold: 0.5, now: true } }
  assert.match(statusText([panic], NOW_MS), /^ {2}PANIC: fewer than 50% are healthy/m)
  assert.equal(statusText([], NOW_MS), 'no clusters\n')
})

test('no line is wider than 100 columns, whatever the names and figures', () => {
  const huge = Number.MAX_SAFE_INTEGER
  const long = 'x'.repeat(300)
  const facts = {
    ...BUSY,
    name: long,
    policy: long,
    inFlight: huge,
    retryBudget: { used: huge, allowed: huge },
    endpoints: BUSY.endpoints.map((each) => ({
      ...each,
      address: long,
      weight: huge,
      effectiveWeight: 0.123_456,
      inFlight: huge,
      successes: huge,
      failures: { a: huge },
      firstByteMs: { mean: 1e9 + 0.5 },
      ejections: huge,
      load: { utilisation: 1e6, requestsPerSecond: 0, errorsPerSecond: 0, source: '', ageMs: 0 },
    })),
  }
  for (const line of statusText([facts], NOW_MS).split('\n')) assert.ok(line.length <= 100, line)
})
