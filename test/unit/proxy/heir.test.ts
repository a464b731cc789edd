/** A shard's thread ends, and another goes on with its connections: what their clients and backends see of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EstateResult } from '../../../src/proxy/control.ts'
import { GAUGE } from '../../../src/shm/layout.ts'
import { sumGauge } from '../../../src/shm/fleet.ts'
import { get, parse, ProxyRig, respond, verdict } from '../../support/proxy-rig.ts'
import { LISTENER } from '../../support/sim-shard.ts'
import { endpointSpec } from '../../support/specs.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const NONE = { adopted: 0, rescued: 0, answered: 0, reset: 0 }

/** The whole text of so many responses of `respond`. */
const got = (peer: SimPeer, body: string): boolean => peer.text.endsWith(body)

const clientsCounted = ({ shards }: ProxyRig): number =>
  sumGauge(shards[0]!.fleet, 'listenerGauges', LISTENER.id, GAUGE.open)

const inFlight = ({ shards }: ProxyRig): number[] =>
  (['listenerGauges', 'clusterGauges', 'endpointGauges'] as const).map((table) =>
    sumGauge(shards[0]!.fleet, table, 0, GAUGE.inFlight),
  )

test('an idle client is served by the heir on the same connection, and its endpoint’s on the one it had', async () => {
  const rig = new ProxyRig({ shards: 2 })
  const backends = rig.backend((_, request) => respond(request.includes('/one') ? 'one' : 'two'))
  const client = rig.client(get('/one'))
  rig.until(() => got(client, 'one'))
  rig.pass(60)
  rig.kill(0)
  assert.deepEqual(await rig.settle(0), { ...NONE, adopted: 2 })
  assert.equal(clientsCounted(rig), 1)
  client.send(get('/two'))
  rig.until(() => got(client, 'two'))
  assert.equal(backends.length, 1, 'the pooled connection was used again')
  assert.equal(client.resetBy, 0)
  assert.deepEqual(rig.outcomes, { complete: 2 })
  rig.conclude()
})

test('a head of which part was read is completed with the heir', async () => {
  const rig = new ProxyRig({ shards: 2 })
  rig.backend(respond('whole'))
  const request = get('/whole')
  const client = rig.client(request.slice(0, 9))
  rig.pass(60)
  rig.kill(0)
  assert.deepEqual(await rig.settle(0), { ...NONE, adopted: 1 })
  client.send(request.slice(9))
  rig.until(() => got(client, 'whole'))
  rig.conclude()
})

test('what was read and seen by nobody is fed to the heir', async () => {
  const rig = new ProxyRig({ shards: 2 })
  rig.backend(respond('seen'))
  const [one, two] = [rig.client(), rig.client()]
  rig.pass(60)
  one.send(get('/a'))
  two.send(get('/b'))
  rig.kill(0, 1) // as the first row of them is handled
  const result = await rig.settle(0)
  assert.equal(result.adopted + result.reset, 2)
  rig.until(() => [one, two].every((peer) => peer.resetBy !== 0 || got(peer, 'seen')))
  assert.ok([one, two].some((peer) => got(peer, 'seen')))
  rig.conclude()
})

test('a request without a response is sent to an endpoint again, to the letter, and what was pipelined follows', async () => {
  const rig = new ProxyRig({ shards: 2 })
  const heads: string[] = []
  let silent = true
  rig.backend((_, request) => {
    heads.push(request)
    return silent ? undefined : respond(request.includes('/next') ? 'next' : 'here')
  })
  const client = rig.client(get('/slow', 'X-Mark: 7\r\n') + get('/next'))
  rig.until(() => heads.length === 1)
  rig.pass(60)
  rig.kill(0)
  silent = false
  assert.deepEqual(await rig.settle(0), { ...NONE, rescued: 1, reset: 1 })
  assert.deepEqual(inFlight(rig), [1, 1, 1])
  rig.until(() => got(client, 'next'))
  assert.equal(heads[1], heads[0])
  assert.match(client.text, /here(?:.|\r\n)*next$/)
  const id = /x-request-id: (\w+)/.exec(heads[0]!)?.[1]
  assert.equal(parse(client.text).fields['x-request-id'], id)
  assert.deepEqual(rig.outcomes, { complete: 2, retry: 1 })
  assert.deepEqual(inFlight(rig), [0, 0, 0])
  rig.conclude()
})

test('a request that may not be sent twice gets 502, and never reaches a backend again', async () => {
  const rig = new ProxyRig({ shards: 2 })
  let seen = 0
  rig.backend(() => void seen++)
  const client = rig.client('POST /once HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc')
  rig.until(() => seen === 1)
  rig.pass(60)
  rig.kill(0)
  assert.deepEqual(await rig.settle(0), { ...NONE, answered: 1, reset: 1 })
  rig.until(() => client.finReceived)
  assert.equal(verdict(client), '502 proxy_internal_error')
  assert.equal(parse(client.text).fields['connection'], 'close')
  rig.pass(1000)
  assert.equal(seen, 1)
  assert.deepEqual(rig.outcomes, { 'shard-lost': 1 })
  rig.conclude()
})

test('a HEAD gets its 502 without a body', async () => {
  const rig = new ProxyRig({ shards: 2 })
  let seen = 0
  rig.backend(() => void seen++)
  const client = rig.client('HEAD /h HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\na')
  rig.pass(200)
  rig.kill(0)
  await rig.settle(0)
  rig.until(() => client.finReceived)
  assert.equal(parse(client.text).body, '')
  rig.conclude()
})

test('a client that has part of a response is reset, never given a clean end', async () => {
  const rig = new ProxyRig({ shards: 2 })
  rig.backend('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf')
  const client = rig.client(get('/'))
  rig.until(() => got(client, 'half'))
  rig.pass(60)
  rig.kill(0)
  assert.deepEqual(await rig.settle(0), { ...NONE, reset: 2 })
  rig.until(() => client.resetBy !== 0)
  assert.equal(client.finReceived, false)
  rig.conclude()
})

test('an interim response is part of a response: reset', async () => {
  const rig = new ProxyRig({ shards: 2 })
  rig.backend('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n')
  const client = rig.client(get('/'))
  rig.until(() => client.text.startsWith('HTTP/1.1 103'))
  rig.pass(60)
  rig.kill(0)
  assert.equal((await rig.settle(0)).rescued, 0)
  rig.until(() => client.resetBy !== 0)
  rig.conclude()
})

test('a request is rescued three times: if its fourth shard dies as well it gets 502', async () => {
  const rig = new ProxyRig({ shards: 5 })
  let seen = 0
  rig.backend(() => void seen++)
  const client = rig.client(get('/poison'))
  const dead = new Set<number>()
  const kill = (): Promise<EstateResult> => {
    rig.pass(60)
    const its = rig.shards.findIndex(({ shard }, at) => !dead.has(at) && shard.census().clients === 1)
    dead.add(its)
    rig.kill(its)
    return rig.settle(its)
  }
  for (let life = 1; life <= 3; life++) {
    rig.until(() => seen === life)
    assert.equal((await kill()).rescued, 1)
  }
  rig.until(() => seen === 4)
  assert.equal((await kill()).answered, 1)
  rig.until(() => client.finReceived)
  assert.equal(verdict(client), '502 proxy_internal_error')
  assert.equal(seen, 4)
  rig.conclude()
})

test('a client whose listener is gone is closed; a connection to an endpoint that is gone, too', async () => {
  const rig = new ProxyRig({ shards: 2 })
  const backends = rig.backend(respond('ok'))
  const client = rig.client(get('/'))
  rig.until(() => got(client, 'ok'))
  rig.pass(60)
  rig.kill(0)
  const elsewhere = endpointSpec(0, '10.0.0.9:80', { generation: 2 })
  rig.reload({ listener: { id: 1, name: 'other' }, cluster: { endpoints: [elsewhere] } })
  assert.deepEqual(await rig.settle(0), { ...NONE, reset: 2 })
  rig.until(() => client.finReceived && backends[0]!.finReceived)
  rig.conclude()
})

test('limits do not stand in the way of a client that was let in before', async () => {
  const limits = { ...LISTENER.limits, connections: 1, connectionsPerClient: 1 }
  const rig = new ProxyRig({ shards: 2, listener: { limits: { ...limits, connections: 2 } } })
  rig.backend(respond('ok'))
  const [one, two] = [rig.client('', { ip: '192.0.2.1' }), rig.client('', { ip: '192.0.2.2' })]
  rig.pass(60)
  rig.kill(0)
  rig.reload({ listener: { limits } })
  assert.deepEqual(await rig.settle(0), { ...NONE, adopted: 2 })
  for (const peer of [one, two]) peer.send(get('/'))
  rig.until(() => got(one, 'ok') && got(two, 'ok'))
  assert.equal(clientsCounted(rig), 2)
  rig.conclude()
})

test('a FIN that the dead shard read is heeded by the heir', async () => {
  const rig = new ProxyRig({ shards: 2 })
  rig.backend(respond('ok'))
  const client = rig.client()
  rig.pass(60)
  client.fin()
  rig.kill(0, 1)
  await rig.settle(0)
  rig.until(() => client.finReceived || client.resetBy !== 0)
  rig.conclude()
})
