import type { ExplainRecord, ExplainTry } from '../../src/telemetry/explain-record.ts'

/** A try as a shard would tell it. */
export const anExplainTry: ExplainTry = {
  endpoint: '127.0.0.1:9001',
  kind: 'first',
  by: 'policy',
  policy: 'p2c',
  set: 'priority 0',
  panic: false,
  epoch: 12,
  size: 3,
  stalenessMs: 0.25,
  key: 0,
  rng: [1, 2, 3, 4],
  propensity: 1 / 3,
  candidates: [
    { endpoint: '127.0.0.1:9001', score: 1, weight: 1, warmth: 1, inFlight: 1, costMs: 2.125 },
    { endpoint: '127.0.0.1:9002', score: 4, weight: 1, warmth: 1, inFlight: 4, costMs: 12.5 },
  ],
  looked: 2,
  excluded: [],
  shadow: null,
  replay: null,
  result: 'answered 200',
  startedMs: 0,
  tookMs: 3.25,
}

export const anExplainRecord: ExplainRecord = {
  id: '0198a3f2c4d5',
  at: Date.UTC(2026, 10, 22, 3, 34, 50),
  shard: 1,
  cluster: 'web',
  outcome: 'complete',
  status: 200,
  durationMs: 3.5,
  kept: 'sampled',
  tries: [anExplainTry],
}

/** JSON text as on the ring. */
export const explained = (facts: Partial<ExplainRecord>): string =>
  JSON.stringify({ ...anExplainRecord, ...facts })
