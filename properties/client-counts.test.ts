import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { seededRng } from '../src/base/random.ts'
import { ClientCounts } from '../src/limit/clients.ts'
import { openFleet, zeroStripe } from '../src/shm/fleet.ts'
import type { Fleet } from '../src/shm/fleet.ts'
import { allocateFleet } from '../src/shm/layout.ts'

const SHARDS = 3

const makeFleet = (clientBuckets: number): Fleet =>
  openFleet(
    allocateFleet({
      shards: SHARDS,
      endpoints: 0,
      clusters: 0,
      listeners: 0,
      widths: { engine: 0, shard: 0, listener: 0, cluster: 0, histograms: 0, endpoint: 0 },
      clientBuckets,
      logBytes: 0,
      explainBytes: 0,
      fds: 64,
      ringRecords: 64,
    }),
  )

const shard = fc.nat(SHARDS - 1)
const anybody = fc.nat(11)
const ipOf = (who: number): string => (who < 6 ? `192.0.2.${who}` : `2001:db8:0:${who}::1`)
const commands = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant('open' as const), shard, client: anybody, max: fc.nat(5) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('close' as const), shard, client: anybody }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), shard }) },
  ),
  { maxLength: 150, size: 'max' },
)

test('client counts, however few the buckets: never below the truth, limits hold, nothing is left when all have closed', () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 8, 65_536), fc.integer(), commands, (buckets, key, script) => {
      const fleet = makeFleet(buckets)
      const counts = Array.from({ length: SHARDS }, (_, i) => new ClientCounts(fleet, i, [key, ~key]))
      const open = Array.from({ length: SHARDS }, () => new Int32Array(12))
      const truth = (who: number): number => open.reduce((sum, row) => sum + row[who]!, 0)
      const check = (): void => {
        for (let who = 0; who < 12; who++)
          assert.ok(counts[0]!.count({ listener: 0, ip: ipOf(who) }) >= truth(who))
      }
      for (const command of script) {
        if (command.kind === 'die') {
          zeroStripe(fleet, command.shard)
          open[command.shard]!.fill(0)
        } else if (command.kind === 'close') {
          if (open[command.shard]![command.client] === 0) continue
          counts[command.shard]!.close({ listener: 0, ip: ipOf(command.client) })
          open[command.shard]![command.client]!--
        } else {
          const before = counts[0]!.count({ listener: 0, ip: ipOf(command.client) })
          const admitted = counts[command.shard]!.tryOpen(
            { listener: 0, ip: ipOf(command.client) },
            command.max,
          )
          assert.equal(admitted, command.max === 0 || before < command.max)
          if (admitted) open[command.shard]![command.client]!++
          if (admitted && command.max > 0) assert.ok(truth(command.client) <= command.max)
        }
        check()
      }
      for (const [i, row] of open.entries()) {
        row.forEach((left, who) => {
          for (let n = 0; n < left; n++) counts[i]!.close({ listener: 0, ip: ipOf(who) })
        })
      }
      for (const stripe of fleet.stripes) assert.ok(stripe.clients.every((word) => word === 0))
    }),
    { numRuns: 150 },
  )
})

test('client counts: the excess stays near open connections / buckets, and another key moves it elsewhere', () => {
  const buckets = 1024
  const clients = 5000
  const rng = seededRng(3)
  const addresses = Array.from({ length: clients }, () => [0, 0, 0, 0].map(() => rng.below(256)).join('.'))
  const strangers = Array.from({ length: 1000 }, (_, i) => `2001:db8:${i.toString(16)}::`)
  const excesses = [1, 2].map((key) => {
    const counts = new ClientCounts(makeFleet(buckets), 0, [key, key])
    for (const address of addresses) counts.tryOpen({ listener: 0, ip: address }, 0)
    return strangers.map((ip) => counts.count({ listener: 0, ip }))
  })
  for (const excess of excesses) {
    // a row's expected excess is 4.9; the lesser of two lies below it, and 20 in both would be seven deviations off
    const mean = excess.reduce((sum, each) => sum + each, 0) / excess.length
    assert.ok(mean < clients / buckets, String(mean))
    assert.ok(Math.max(...excess) < 20)
  }
  assert.notDeepEqual(excesses[0], excesses[1])
})

test('a limit per client, whatever the IPv6 prefix: against a model that counts exactly, no client is let in beyond it, and none is refused below it', () => {
  const groupOf = fc.nat(3)
  const address = fc.oneof(
    fc.tuple(groupOf, groupOf, groupOf).map(([a, b, c]) => `2001:db8:${a}:${b}::${c + 1}`),
    fc.tuple(groupOf, fc.boolean()).map(([a, mapped]) => `${mapped ? '::ffff:' : ''}192.0.2.${a}`),
  )
  const step = fc.record({ open: fc.boolean(), shard, address, prefix: fc.constantFrom(32, 48, 64, 128) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 4 }), (steps, max) => {
      const fleet = makeFleet(65_536)
      const counts = Array.from({ length: SHARDS }, (_, i) => new ClientCounts(fleet, i, [5, 7]))
      const open: { shard: number; ip: string; prefix: number }[] = []
      for (const { open: opens, shard: who, address: ip, prefix } of steps) {
        const client = { listener: 0, ip, ipv6Prefix: prefix }
        if (opens) {
          const before = open.filter((each) => modelKey(each.ip, each.prefix) === modelKey(ip, prefix)).length
          assert.equal(counts[who]!.tryOpen(client, max), before < max)
          if (before < max) open.push({ shard: who, ip, prefix })
          continue
        }
        const at = open.findIndex((each) => each.shard === who && each.ip === ip && each.prefix === prefix)
        if (at >= 0) counts[who]!.close(client)
        if (at >= 0) open.splice(at, 1)
      }
      for (const each of open)
        counts[each.shard]!.close({ listener: 0, ip: each.ip, ipv6Prefix: each.prefix })
      for (const stripe of fleet.stripes) assert.ok(stripe.clients.every((word) => word === 0))
    }),
    { numRuns: 60 },
  )
})

/** The model's idea of a client: the address written out, cut to its prefix; as text. What two prefixes leave of one network is one client. */
const modelKey = (ip: string, prefix: number): string => {
  const v4 = /(?:^|:)(\d+\.\d+\.\d+\.\d+)$/.exec(ip)
  if (v4 !== null) return v4[1]!
  const [head = '', tail = ''] = ip.split('::')
  const groups = head.split(':').map((group) => parseInt(group, 16))
  while (groups.length < 7) groups.push(0)
  groups.push(parseInt(tail, 16))
  return groups.map((group, at) => (at * 16 < prefix ? group : 0)).join()
}
