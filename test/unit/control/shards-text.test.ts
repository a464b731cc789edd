import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ShardFacts, ShardsFacts } from '../../../src/control/shard-facts.ts'
import { shardsText } from '../../../src/control/shards-text.ts'

const aShard: ShardFacts = {
  id: 0,
  state: 'running',
  restarts: 0,
  deaths: 0,
  stalls: 0,
  connections: 600,
  upstreamConnections: 0,
  inFlight: 0,
  requests: 1,
  requestsPerSecond: 1234.5,
  utilisation: 0.1,
  delayMs: 0,
  heartbeatAgeMs: 3,
  heap: { usedBytes: 1, limitBytes: 2 },
  gc: { pauses: 0, pauseMs: 0, longestMs: 0 },
  loop: { delayMs: 0, longestMs: 0 },
  cpuMs: 0,
  accepted: 0,
  refusedOverLimit: 0,
  bytesIn: 0,
  bytesOut: 0,
  bytesPerSecond: 0,
}
const even = { max: 0.1, mean: 0.1, index: 1 }
const facts = (shards: readonly ShardFacts[], more: Partial<ShardsFacts> = {}): ShardsFacts => ({
  version: 1,
  maxConnections: 1,
  shards,
  imbalance: { busy: even, connections: even, requests: even, bytes: even },
  bottleneck: null,
  ...more,
})

test('one line where all is well', () => {
  assert.equal(
    shardsText(facts([aShard, { ...aShard, id: 1 }])),
    'shards  2 of 2 in service  1,200 connections  2,469 requests/s  busy 10% on average, 10% at most\n',
  )
})

test('the bottleneck is named, although the average is low; so is who is out of service', () => {
  const busy = { max: 0.97, mean: 0.315, index: 3.08 }
  const text = shardsText(
    facts([aShard, { ...aShard, id: 1, state: 'restarting' }], {
      imbalance: { busy, connections: even, requests: even, bytes: even },
      bottleneck: { shard: 3, utilisation: 0.97, mean: 0.315 },
    }),
  )
  assert.deepEqual(text.split('\n').slice(1), [
    '  BOTTLENECK: shard 3 is busy 97% of the time, all are 32%',
    '  shard 1 restarting',
    '',
  ])
})

test('no line is wider than 100 columns, however many shards there are', () => {
  const shards = Array.from({ length: 256 }, (_, id) => ({
    ...aShard,
    id,
    state: 'restarting' as const,
    connections: 1e9,
    requestsPerSecond: 1e9,
  }))
  for (const line of shardsText(facts(shards)).split('\n')) assert.ok(line.length <= 100, line)
})
