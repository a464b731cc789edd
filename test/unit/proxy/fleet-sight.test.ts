/** Whole shards over one fleet memory: each picks on what all of them know, from its next batch on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ENDPOINT_STATE, HEALTH_REASON } from '../../../src/health/states.ts'
import { HealthVoice } from '../../../src/shm/other-voices.ts'
import { Verdict } from '../../../src/shm/tables.ts'
import { zeroStripe } from '../../../src/shm/fleet.ts'
import type { ClusterSpec } from '../../../src/config/snapshot.ts'
import { get, ProxyRig, respond } from '../../support/proxy-rig.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const BACKENDS = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80', '10.0.0.4:80']
const SHARDS = 3

/** Backends that answer when they are told to, and how many requests each holds. */
class Held {
  readonly rig: ProxyRig
  readonly held: SimPeer[][] = BACKENDS.map(() => [])

  constructor(cluster: Partial<ClusterSpec> = {}) {
    this.rig = new ProxyRig({
      shards: SHARDS,
      endpoints: BACKENDS,
      cluster: {
        policy: { name: 'least-request', module: undefined, options: { mode: 'scan' } },
        ...cluster,
      },
    })
    BACKENDS.forEach((address, i) => this.rig.backend((peer) => void this.held[i]!.push(peer), address))
  }

  get counts(): number[] {
    return this.held.map(({ length }) => length)
  }

  get total(): number {
    return this.counts.reduce((sum, count) => sum + count)
  }

  /** A request of a client of that shard: it is with a backend when this returns. */
  request(shard: number): void {
    const before = this.total
    this.rig.client(get(), { shard })
    this.rig.until(() => this.total > before)
  }

  answerAll(): void {
    for (const peers of this.held) for (const peer of peers.splice(0)) peer.send(respond('done'))
  }

  verdict(slot: number, state: 'ready' | 'quarantined'): void {
    const voice = new HealthVoice(this.rig.shards[0]!.fleet)
    const verdict = Object.assign(new Verdict(), {
      state: ENDPOINT_STATE[state],
      reason: HEALTH_REASON['consecutive connection failures'],
      sinceMs: this.rig.nowMs,
    })
    voice.nowMs = this.rig.nowMs
    voice.verdict(slot, verdict)
  }
}

test('shards fill endpoints evenly together: each request goes where all of them have the fewest under way (envoy #33707, #23514)', () => {
  const fleet = new Held()
  for (let i = 0; i < 24; i++) {
    fleet.request(i % SHARDS)
    const { counts } = fleet
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join())
  }
  assert.deepEqual(fleet.counts, [6, 6, 6, 6])
  fleet.answerAll()
  fleet.rig.until(() => fleet.rig.outcomes['complete'] === 24)
  fleet.rig.conclude()
})

test('what ends on one shard is free for the others: nothing stays counted', () => {
  const fleet = new Held()
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 8; i++) fleet.request(0)
    fleet.answerAll()
    fleet.rig.until(() => fleet.rig.outcomes['complete'] === 12 * round + 8)
    fleet.rig.pass(100)
    for (let i = 0; i < 4; i++) fleet.request(1 + (i % 2))
    assert.deepEqual(fleet.counts, [1, 1, 1, 1])
    fleet.answerAll()
    fleet.rig.until(() => fleet.rig.outcomes['complete'] === 12 * round + 12)
    fleet.rig.pass(100)
  }
  fleet.rig.conclude()
})

test('a verdict holds on every shard from its next batch on: no request goes to an endpoint in quarantine (envoy #18950)', () => {
  const fleet = new Held()
  for (let i = 0; i < 8; i++) fleet.request(i % SHARDS)
  fleet.verdict(2, 'quarantined')
  for (let i = 0; i < 12; i++) fleet.request(i % SHARDS)
  assert.equal(fleet.counts[2], 2, 'none since')
  assert.deepEqual(
    fleet.counts.filter((_, i) => i !== 2),
    [6, 6, 6],
  )
  fleet.verdict(2, 'ready')
  for (let i = 0; i < 4; i++) fleet.request(i % SHARDS)
  assert.deepEqual(fleet.counts, [6, 6, 6, 6])
  fleet.answerAll()
  fleet.rig.until(() => fleet.rig.outcomes['complete'] === 24)
  fleet.rig.conclude()
})

test('exchanges of a shard that died burden no endpoint', () => {
  const fleet = new Held({ panic: 0 })
  for (let i = 0; i < 12; i++) fleet.request(0)
  assert.deepEqual(fleet.counts, [3, 3, 3, 3])
  fleet.verdict(0, 'quarantined')
  for (let i = 0; i < 3; i++) fleet.request(1)
  assert.deepEqual(fleet.counts, [3, 4, 4, 4])
  fleet.verdict(0, 'ready')
  zeroStripe(fleet.rig.shards[0]!.fleet, 0) // as its supervisor does
  fleet.request(2)
  assert.deepEqual(fleet.counts, [4, 4, 4, 4], 'by the living alone, the first has none and the others one')
})
