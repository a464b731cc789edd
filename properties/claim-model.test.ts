import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { PoolClaim, REFUSED, SharedCount } from '../src/shm/claim.ts'
import { openFleet, zeroStripe } from '../src/shm/fleet.ts'
import type { Fleet } from '../src/shm/fleet.ts'
import { allocateFleet } from '../src/shm/layout.ts'

const SHARDS = 3
const ENDPOINTS = 4

const makeFleet = (): Fleet =>
  openFleet(
    allocateFleet({
      shards: SHARDS,
      endpoints: ENDPOINTS,
      clusters: 2,
      listeners: 1,
      widths: { engine: 0, shard: 0, listener: 0, cluster: 0, histograms: 0, endpoint: 0 },
      clientBuckets: 1,
      logBytes: 0,
      explainBytes: 0,
      fds: 64,
      ringRecords: 64,
    }),
  )

const shard = fc.nat(SHARDS - 1)
const endpoint = fc.nat(ENDPOINTS - 1)
const commands = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('claim' as const), shard, endpoint }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), shard, endpoint }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), shard }) },
  ),
  { maxLength: 100, size: 'max' },
)

test('pool claims one after another = a table of holders: granted exactly while both limits leave room, both or none', () => {
  fc.assert(
    fc.property(commands, fc.nat(4), fc.nat(6), (script, maxPerHost, maxTotal) => {
      const fleet = makeFleet()
      const claims = Array.from({ length: SHARDS }, (_, i) => new PoolClaim(fleet, i))
      const held = Array.from({ length: SHARDS }, () => new Int32Array(ENDPOINTS))
      const clusterOf = (slot: number): number => slot & 1
      const hostCount = (slot: number): number => held.reduce((sum, row) => sum + row[slot]!, 0)
      const totalCount = (cluster: number): number => hostCount(cluster) + hostCount(cluster + 2)
      const limits = { maxPerHost, maxTotal }
      for (const command of script) {
        if (command.kind === 'die') {
          zeroStripe(fleet, command.shard)
          held[command.shard]!.fill(0)
          continue
        }
        const claim = claims[command.shard]!
        const cluster = clusterOf(command.endpoint)
        if (command.kind === 'release') {
          if (held[command.shard]![command.endpoint] === 0) continue
          claim.release(command.endpoint, cluster)
          held[command.shard]![command.endpoint]!--
        } else {
          const hostRoom = maxPerHost === 0 || hostCount(command.endpoint) < maxPerHost
          const totalRoom = maxTotal === 0 || totalCount(cluster) < maxTotal
          assert.equal(claim.claim(command.endpoint, cluster, limits), hostRoom && totalRoom)
          assert.equal(
            claim.refusedBy,
            !hostRoom ? REFUSED.host : !totalRoom ? REFUSED.total : REFUSED.nothing,
          )
          if (hostRoom && totalRoom) held[command.shard]![command.endpoint]!++
        }
        const hosts = new SharedCount(fleet, 'endpointGauges', 0)
        const totals = new SharedCount(fleet, 'clusterGauges', 0)
        for (let slot = 0; slot < ENDPOINTS; slot++) assert.equal(hosts.count(slot), hostCount(slot))
        for (let each = 0; each < 2; each++) assert.equal(totals.count(each), totalCount(each))
      }
    }),
    { numRuns: 300 },
  )
})
