import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask } from '../support/backend.ts'
import type { Answer } from '../support/backend.ts'
import { shardsOf } from '../support/mortal.ts'
import { scrape } from '../support/observe.ts'
import { dialWeir, GET, settingText } from '../support/proxied.ts'
import { scriptedBackend } from '../support/scripted.ts'
import { startWeir, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import type { Scope, Wire } from '../support/wire.ts'

const post = (weir: Weir, path: string, body?: object): Promise<Answer> =>
  ask(`${weir.adminUrl()}/api/v1/${path}`, {
    method: 'POST',
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })

async function start(t: Scope, faults: boolean, more = ''): Promise<Weir> {
  const backend = await scriptedBackend(t)
  const text = settingText({ endpoints: [backend.address], shards: 2, more: `overload: off\n${more}` }) // a crowded machine
  const admin = `admin: { bind: 127.0.0.1:0, faults: ${faults ? 'on' : 'off'} }`
  assert.match(text, /^admin: .*$/m)
  return startWeir(t, text.replace(/^admin: .*$/m, admin))
}

/** Each asks once more on the connection it has. */
async function allServed(wires: readonly Wire[]): Promise<void> {
  for (const wire of wires) wire.send(GET)
  const responses = await Promise.all(wires.map((wire) => wire.response()))
  for (const response of responses) assert.equal(response.status, 200, JSON.stringify(response))
}

test('shards are restarted by order, one or all: no idle client notices, the order is audited, one at a time', async (t) => {
  const weir = await start(t, false)
  const wires = await Promise.all(Array.from({ length: 16 }, () => dialWeir(t, weir)))
  await allServed(wires)
  const answers = await Promise.all([post(weir, 'shards/0/restart'), post(weir, 'shards/1/restart')])
  const [done, refused] = answers.toSorted((a, b) => a.status - b.status)
  assert.deepEqual([done?.status, refused?.status], [200, 409], answers.map(({ body }) => body).join())
  assert.equal(refused?.headers['content-type'], 'application/problem+json')
  const { id, state, restarts } = JSON.parse(done?.body ?? '') as {
    id: number
    state: string
    restarts: number
  }
  assert.deepEqual([state, restarts], ['running', 1])
  await weir.line(new RegExp(`^weir: audit: shard ${id} restart by 127\\.0\\.0\\.1:\\d+$`))
  await allServed(wires)
  const rolling = await post(weir, 'shards/restart')
  assert.deepEqual([rolling.status, JSON.parse(rolling.body)], [202, { restarting: [0, 1] }])
  assert.equal((await post(weir, 'shards/0/restart')).status, 409)
  assert.equal((await post(weir, 'shards/restart')).status, 409)
  await until(
    async () => (await shardsOf(weir)).reduce((sum, shard) => sum + shard.restarts, 0) === 3,
    'both were restarted',
  )
  await until(async () => (await shardsOf(weir)).every((shard) => shard.state === 'running'), 'both serve')
  await allServed(wires)
  const metrics = await scrape(weir)
  assert.equal(metrics.value('weir_shard_deaths_total'), 0)
  assert.equal(metrics.value('weir_shard_handovers_total', { result: 'done' }), 3)
  assert.equal(metrics.value('weir_estate_connections_total', { result: 'reset' }), 0)
  assert.equal((await post(weir, 'shards/2/restart')).status, 404)
  assert.equal((await post(weir, 'shards/0/fault', { kind: 'exit' })).status, 403)
  assert.equal((await ask(`${weir.adminUrl()}/api/v1/shards/0/restart`)).status, 405)
})

test('any actor is made to fail by order: it comes back, and is counted', async (t) => {
  const weir = await start(t, true)
  const wire = await dialWeir(t, weir)
  for (const actor of ['acceptor', 'health', 'discovery', 'telemetry']) {
    const restarts = async (): Promise<number> => {
      try {
        return (await scrape(weir)).value('weir_actor_restarts_total', { actor })
      } catch {
        return -1 // telemetry, which answers, is away
      }
    }
    const kind = actor === 'health' ? 'exit' : 'throw'
    const answer = await post(weir, `actors/${actor}/fault`, { kind })
    assert.deepEqual([answer.status, JSON.parse(answer.body)], [202, { actor, kind }])
    await until(async () => (await restarts()) === 1, `${actor} is back`)
    wire.send(GET)
    assert.equal((await wire.response()).status, 200)
  }
  assert.equal((await post(weir, 'shards/1/fault', { kind: 'throw' })).status, 202)
  await weir.line(/^weir: shard 1 ended unexpectedly/)
  await until(async () => (await shardsOf(weir))[1]?.restarts === 1, 'it is back')
  wire.send(GET)
  assert.equal((await wire.response()).status, 200)
  assert.equal((await scrape(weir)).value('weir_shard_deaths_total', { shard: '1' }), 1)
  await weir.line(/^weir: audit: shard 1 fault throw by 127\.0\.0\.1:\d+$/)
})

test('a shard that spins is stuck, is counted, and is named busy, not idle', async (t) => {
  const weir = await start(t, true, 'supervision: { killAfter: 4s }')
  assert.equal((await post(weir, 'shards/0/fault', { kind: 'spin' })).status, 202)
  await until(
    async () => (await scrape(weir)).value('weir_shard_stalls_total', { shard: '0' }) >= 1,
    'counted',
  )
  const bottleneck = async (): Promise<unknown> => {
    const { body } = await ask(`${weir.adminUrl()}/api/v1/shards`)
    return (JSON.parse(body) as { bottleneck: { shard: number } | null }).bottleneck?.shard
  }
  await until(async () => (await bottleneck()) === 0, 'it is the bottleneck')
  await weir.line(/^weir: shard 0 ended unexpectedly/)
  await until(async () => (await shardsOf(weir))[0]?.state === 'running', 'it is back')
})
