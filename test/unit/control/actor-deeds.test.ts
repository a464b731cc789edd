import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ActorDeeds, shardNamed } from '../../../src/control/actor-deeds.ts'
import type { ActorDeed } from '../../../src/control/actor-deeds.ts'
import { answerAdmin } from '../../../src/control/admin.ts'
import type { AdminFacts } from '../../../src/control/admin.ts'
import type { OrderResult, ProgramView } from '../../../src/control/protocol.ts'
import type { DoorReply } from '../../../src/io/problem.ts'
import { fakeTimers } from '../../support/fake-timers.ts'

const NOBODY_ASKS = (): never => assert.fail('a deed reads no facts')
const facts: AdminFacts = {
  metrics: NOBODY_ASKS,
  shards: NOBODY_ASKS,
  clusters: NOBODY_ASKS,
  cluster: NOBODY_ASKS,
  explain: NOBODY_ASKS,
  readiness: NOBODY_ASKS,
}

type World = {
  readonly post: (target: string, body?: string, type?: string) => Promise<DoorReply>
  /** What main was asked, and what was audited. */
  readonly asked: string[]
  readonly lines: string[]
  readonly timers: ReturnType<typeof fakeTimers>
}

/** The admin API over a main that answers as it is told. */
function world(faults: boolean, answer: (asked: string) => Promise<OrderResult> | OrderResult): World {
  const asked: string[] = []
  const lines: string[] = []
  const timers = fakeTimers()
  const ask = async (what: string): Promise<OrderResult> => {
    asked.push(what)
    return answer(what)
  }
  const view = {
    snapshot: { admin: { bind: undefined, faults } },
    shards: [0, 1].map((n) => ({ state: 'running', restarts: 5 + n })),
    restarts: { acceptor: 0, telemetry: 0, health: 0, discovery: 0 },
  }
  const deeds = new ActorDeeds({
    main: {
      restartShard: (shard) => ask(`restart ${shard}`),
      restartShards: () => ask('restart all'),
      fault: (actor, kind) => ask(`fault ${actor} ${kind}`),
    },
    timers,
    // What deeds look at of it
    view: () => view as unknown as ProgramView,
    say: (line) => void lines.push(line),
  })
  const post = async (target: string, body = '', type = 'application/json'): Promise<DoorReply> => {
    const reply = answerAdmin({ method: 'POST', target, type, body: Buffer.from(body) }, facts)
    return 'deed' in reply ? deeds.do(reply as ActorDeed, '192.0.2.1:7') : reply
  }
  return { post, asked, lines, timers }
}

const OK = (): OrderResult => ({ ok: true })
const parsed = (reply: DoorReply): unknown => JSON.parse(reply.body)

test('a shard is restarted: the answer is how it stands, and who asked is audited', async () => {
  const { post, asked, lines } = world(false, OK)
  const reply = await post('/api/v1/shards/1/restart')
  assert.deepEqual([reply.status, parsed(reply)], [200, { id: 1, state: 'running', restarts: 6 }])
  assert.deepEqual(asked, ['restart 1'])
  assert.deepEqual(lines, ['weir: audit: shard 1 restart by 192.0.2.1:7'])
  const all = await post('/api/v1/shards/restart')
  assert.deepEqual([all.status, parsed(all)], [202, { restarting: [0, 1] }])
})

test('what main cannot do now is a 409 with its reason', async () => {
  const { post } = world(true, () => ({ ok: false, detail: 'The program starts or drains.' }))
  for (const [target, body] of [
    ['/api/v1/shards/0/restart', ''],
    ['/api/v1/shards/restart', ''],
    ['/api/v1/shards/0/fault', '{"kind":"exit"}'],
  ] as const) {
    const reply = await post(target, body)
    assert.equal(reply.status, 409)
    assert.match(reply.body, /The program starts or drains/)
  }
})

test('a fault is done where the configuration allows it, to any actor of the tree', async () => {
  const { post, asked, lines, timers } = world(true, OK)
  const reply = await post('/api/v1/shards/0/fault', '{"kind":"spin"}')
  assert.deepEqual([reply.status, parsed(reply)], [202, { actor: 'shard 0', kind: 'spin' }])
  for (const actor of ['acceptor', 'health', 'discovery', 'shard%201'])
    assert.equal((await post(`/api/v1/actors/${actor}/fault`, '{"kind":"throw"}')).status, 202, actor)
  const own = await post('/api/v1/actors/telemetry/fault', '{"kind":"exit"}')
  assert.equal(own.status, 202)
  assert.ok(!asked.includes('fault telemetry exit'), 'whoever answers the API fails when the answer has left')
  await timers.advance(100)
  assert.deepEqual(asked, [
    'fault shard 0 spin',
    'fault acceptor throw',
    'fault health throw',
    'fault discovery throw',
    'fault shard 1 throw',
    'fault telemetry exit',
  ])
  assert.equal(lines[0], 'weir: audit: shard 0 fault spin by 192.0.2.1:7')
  assert.equal(lines.length, 6)
})

test('where faults are off nothing is done, whatever is sent, and the answer names the key', async () => {
  const { post, asked, lines } = world(false, OK)
  for (const body of ['{"kind":"exit"}', '', '{"kind":"rm -rf"}']) {
    for (const target of [
      '/api/v1/shards/0/fault',
      '/api/v1/shards/9/fault',
      '/api/v1/actors/health/fault',
    ]) {
      const reply = await post(target, body, body === '' ? '' : 'application/json')
      assert.equal(reply.status, 403)
      assert.match(reply.body, /admin: \{ faults: on \}/)
    }
  }
  assert.deepEqual([asked, lines], [[], []])
})

test('who is not there is a 404 that says who is; what is no fault is named', async () => {
  const { post, asked } = world(true, OK)
  for (const id of ['2', '-1', '00', '1e0', '0x0', 'zero', '999999999999999999999', '%2e%2e', 'restart'])
    for (const what of ['restart', 'fault']) {
      const reply = await post(`/api/v1/shards/${id}/${what}`, '{"kind":"exit"}')
      assert.equal(reply.status, 404, id)
      assert.match(reply.body, /acceptor, telemetry, health, discovery, shard 0, shard 1/)
    }
  for (const name of ['main', 'constructor', 'shard%20', 'shard', '__proto__'])
    assert.equal((await post(`/api/v1/actors/${name}/fault`, '{"kind":"exit"}')).status, 404, name)
  const cases: readonly (readonly [status: number, body: string, type?: string])[] = [
    [415, '{"kind":"exit"}', 'text/plain'],
    [400, '{kind:exit}'],
    [422, '[]'],
    [422, '{}'],
    [422, '{"kind":"reboot"}'],
    [422, '{"kind":["exit"]}'],
    [422, '{"kind":"exit","when":"now"}'],
  ]
  for (const [status, body, type] of cases) {
    const reply = await post('/api/v1/shards/0/fault', body, type)
    assert.deepEqual([reply.status, reply.type], [status, 'application/problem+json'], body)
  }
  assert.deepEqual(asked, [])
  assert.equal(shardNamed('12'), 'shard 12')
})
