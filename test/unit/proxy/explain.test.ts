/** Why a request went where it went: written down for all that failed or were tried more than once, and for a share of the others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makePolicy } from '../../../src/balance/registry.ts'
import { replayPick } from '../../../src/balance/replay.ts'
import { text } from '../../../src/base/bytes.ts'
import type { ClusterSpec } from '../../../src/config/snapshot.ts'
import { ringCounts, RingReader } from '../../../src/shm/ring.ts'
import { SHARD_TABLE } from '../../../src/telemetry/catalogue.ts'
import type { ExplainRecord } from '../../../src/telemetry/explain-record.ts'
import { BACKEND, get, parse, ProxyRig, respond } from '../../support/proxy-rig.ts'

const TWO = '10.0.0.2:80'

const records = (rig: ProxyRig): ExplainRecord[] => {
  const found: ExplainRecord[] = []
  const ring = new RingReader(rig.shards[0]!.fleet.stripe(0).explain)
  ring.drain((bytes, start, end) => {
    found.push(JSON.parse(text(bytes, start, end)) as ExplainRecord)
  })
  return found
}

test('a 5xx of the endpoint is kept as failed, an answer below is not', () => {
  const rig = new ProxyRig({ endpoints: [BACKEND] })
  let status = 200
  rig.backend(() => respond('said').replace('200 OK', `${status} Said`))
  for (status of [200, 404, 503]) {
    const client = rig.client(get())
    rig.until(() => client.text.endsWith('said'))
  }
  assert.deepEqual(
    records(rig).map((record) => [record.kept, record.status]),
    [['failed', 503]],
  )
})

const RETRY: ClusterSpec['retry'] = { attempts: 1, on: ['reset'], budget: { ratio: 1, perSecond: 9 } }

test('a request that was tried twice tells of both, and both picks replay', () => {
  const rig = new ProxyRig({ endpoints: [BACKEND, TWO], cluster: { retry: RETRY } })
  let first = ''
  for (const address of [BACKEND, TWO]) {
    rig.backend((peer) => {
      if (first !== '') return respond('fine')
      first = address
      peer.rst()
      return undefined
    }, address)
  }
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('fine'))
  const [record] = records(rig)
  assert.ok(record !== undefined)
  assert.equal(record.id, parse(client.text).fields['x-request-id'])
  assert.deepEqual(
    [record.kept, record.outcome, record.status, record.cluster],
    ['failed', 'complete', 200, 'web'],
  )
  const second = first === BACKEND ? TWO : BACKEND
  assert.deepEqual(
    record.tries.map(({ endpoint, kind, result }) => [endpoint, kind, result]),
    [
      [first, 'first', 'upstream-reset'],
      [second, 'retry', 'answered 200'],
    ],
  )
  assert.deepEqual(record.tries[1]!.excluded, [{ endpoint: first, why: 'tried before' }])
  const [one] = record.tries
  assert.ok(one?.replay !== undefined && one.replay !== null)
  const again = replayPick(
    { ...one, replay: one.replay },
    makePolicy({ name: one.policy, options: one.replay.options }),
  )
  assert.equal(again, one.replay.picked)
  rig.conclude()
})

test('a request that found nobody says so; one that went well is told of only by chance', () => {
  const rig = new ProxyRig({ endpoints: [] })
  const client = rig.client(get())
  rig.until(() => client.text.includes('503'))
  const [record] = records(rig)
  assert.deepEqual(
    record?.tries.map(({ endpoint, result }) => [endpoint, result]),
    [['', 'nobody to pick']],
  )
  rig.conclude()
  for (const explained of [0, 1]) {
    const calm = new ProxyRig({ explained })
    calm.backend(respond('x'))
    const one = calm.client(get())
    calm.until(() => one.text.endsWith('x'))
    calm.pass(10)
    assert.deepEqual(
      records(calm).map(({ kept }) => kept),
      explained === 1 ? ['sampled'] : [],
    )
    calm.conclude()
  }
})

test('a stale connection and the loser of a hedge are told of as what they are', () => {
  const rig = new ProxyRig({ explained: 1 })
  rig.backend((peer, _request, index) => (index === 1 ? peer.close() : respond('x')))
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('x'))
  client.send(get())
  rig.until(() => rig.outcomes['complete'] === 2)
  const stale = records(rig).at(-1)
  assert.deepEqual(
    stale?.tries.map(({ kind }) => kind),
    ['first', 'stale-reuse'],
  )
  rig.conclude()
  const hedged = new ProxyRig({
    endpoints: [BACKEND, TWO],
    cluster: { retry: RETRY, hedge: { delayMs: 100, attempts: 1 } },
  })
  for (const address of [BACKEND, TWO])
    hedged.backend(() => (hedged.nowMs < 50 ? undefined : respond('x')), address)
  const other = hedged.client(get())
  hedged.until(() => other.text.endsWith('x'))
  const [record] = records(hedged)
  assert.deepEqual(
    record?.tries.map(({ kind, result }) => [kind, result]),
    [
      ['first', 'cancelled'],
      ['hedge', 'answered 200'],
    ],
  )
  hedged.conclude()
})

test('a record is bounded: of one that is too long, lists and replay go', () => {
  const endpoints = Array.from({ length: 60 }, (_, i) => `10.9.${i}.1:80`)
  const rig = new ProxyRig({
    endpoints,
    cluster: {
      retry: { attempts: 12, on: ['reset'], budget: { ratio: 1, perSecond: 99 } },
      policy: { name: 'least-request', module: undefined, options: { choices: 0 } },
    },
  })
  for (const address of endpoints) rig.backend((peer) => peer.rst(), address)
  const client = rig.client(get())
  rig.until(() => client.text.includes('502'))
  const [record] = records(rig)
  assert.equal(record?.tries.length, 13)
  assert.ok(JSON.stringify(record).length <= 16_384)
  assert.equal(rig.shards[0]!.fleet.stripe(0).counters[SHARD_TABLE.column.explainSkipped], 0)
  rig.conclude()
})

test('so many a second and no more; what finds the ring full is dropped: requests go on', () => {
  const rig = new ProxyRig({ explained: 1 })
  rig.backend(respond('x'))
  const go = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const client = rig.client(get())
      rig.until(() => client.text.endsWith('x'))
      client.close()
    }
  }
  const { fleet } = rig.shards[0]!
  const skipped = (): number => fleet.stripe(0).counters[SHARD_TABLE.column.explainSkipped]!
  for (let second = 1; second <= 5; second++) {
    go(40)
    assert.ok(rig.nowMs % 1000 < 900, 'all in one second')
    assert.equal(skipped(), 15 * second)
    rig.pass(1000 - (rig.nowMs % 1000))
  }
  const { records: written, dropped } = ringCounts(fleet.stripe(0).explain)
  assert.ok(dropped > 0)
  assert.equal(written + dropped, 125)
  assert.equal(records(rig).length, written)
  rig.conclude()
})

test('a request that began while nothing was explained ends well when that changes, and tells nothing', () => {
  const rig = new ProxyRig({ kept: 0 })
  rig.backend((peer) => {
    rig.world.after(100, () => peer.rst())
  })
  const client = rig.client(get())
  rig.pass(10)
  rig.reload({ kept: 64 })
  rig.until(() => client.text.includes('502'))
  assert.deepEqual(records(rig), [])
  assert.deepEqual(rig.outcomes, { 'upstream-reset': 1 })
  rig.conclude()
})
