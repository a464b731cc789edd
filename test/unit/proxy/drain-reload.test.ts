/** The end of a shard's clients, and changes of configuration under way. */
import assert from 'node:assert/strict'
import { setImmediate as settled } from 'node:timers/promises'
import { test } from 'node:test'
import { get, parse, ProxyRig, respond, verdict } from '../../support/proxy-rig.ts'
import { RegularClient } from '../../support/regular-client.ts'
import { CLUSTER, LISTENER, snapshotOf } from '../../support/sim-shard.ts'
import { SHARD_TABLE } from '../../../src/telemetry/catalogue.ts'

type Draining = { over: boolean }

/** Drains that are over, as counted. */
const drains = ({ shards }: ProxyRig): Record<string, number> => {
  const { counters } = shards[0]!.fleet.stripe(0)
  const of = (at: number): number => counters[SHARD_TABLE.column.drains + at]!
  return { listenerDone: of(0), listenerLate: of(1), programDone: of(2), programLate: of(3) }
}
const NO_DRAIN = { listenerDone: 0, listenerLate: 0, programDone: 0, programLate: 0 }

const drain = (rig: ProxyRig, windowMs: number, hardMs: number): Draining => {
  const state = { over: false }
  void rig.shards[0]?.shard.drain(windowMs, hardMs).then(() => {
    state.over = true
  })
  return state
}

test('a drain closes idle clients, spread over the window', async () => {
  const rig = new ProxyRig()
  rig.backend(respond('x'))
  const clients = Array.from({ length: 40 }, () => rig.client(get()))
  rig.until(() => clients.every(({ receivedBytes }) => receivedBytes > 0))
  const state = drain(rig, 2000, 10_000)
  const closed = (): number => clients.filter(({ finReceived }) => finReceived).length
  const startMs = rig.nowMs
  const marks = [500, 1000, 1500, 2151].map((ms) => {
    rig.world.run({ untilMs: startMs + ms })
    return closed()
  })
  const [a = 0, b = 0, c = 0, d = 0] = marks
  assert.ok(a >= 7 && a <= 14 && b >= 17 && b <= 25 && c >= 27 && c <= 35 && d === 40, marks.join())
  assert.ok(clients.every(({ resetBy }) => resetBy === 0))
  await settled()
  assert.equal(state.over, true)
  assert.deepEqual(drains(rig), { ...NO_DRAIN, programDone: 1 })
  rig.conclude()
})

test('a drain lets requests under way finish, and says close', async () => {
  const rig = new ProxyRig()
  rig.backend((peer) => {
    rig.world.after(3000, () => peer.send(respond('late')))
  })
  const client = rig.client(get())
  rig.pass(10)
  const state = drain(rig, 100, 10_000)
  rig.pass(1000)
  await settled()
  assert.equal(state.over, false)
  rig.until(() => client.finReceived)
  const { fields, body } = parse(client.text)
  assert.deepEqual([fields['connection'], body], ['close', 'late'])
  rig.pass(100)
  await settled()
  assert.equal(state.over, true)
  assert.deepEqual(rig.outcomes, { complete: 1 })
  rig.conclude()
})

test('requests within the window are answered, the more of them with close the less is left, and none is lost', async () => {
  const rig = new ProxyRig()
  rig.backend(respond('x'))
  const clients = Array.from({ length: 60 }, () => new RegularClient(rig, 70))
  const state = drain(rig, 6000, 20_000)
  const startMs = rig.nowMs
  const marks = [1500, 3000, 4500, 6400].map((ms) => {
    rig.world.run({ untilMs: startMs + ms })
    return clients.filter(({ endedMs }) => endedMs > 0).length
  })
  const [a = 0, b = 0, c = 0, d = 0] = marks
  assert.ok(a >= 12 && a <= 19 && b >= 27 && b <= 35 && c >= 42 && c <= 50 && d === 60, marks.join())
  for (const { sent, answered, told } of clients) assert.deepEqual([answered, told], [sent, 1])
  await settled()
  assert.equal(state.over, true)
  rig.conclude()
})

test('clients of a listener that leaves the configuration follow within its own drain; others, and new ones of its name, stay', () => {
  const rig = new ProxyRig({ listener: { drain: { windowMs: 2000, hardMs: 4000 } } })
  rig.backend((_, request) => (request.includes('/slow') ? undefined : respond('x')))
  const idle = Array.from({ length: 20 }, () => rig.client(get()))
  const busy = rig.client(get('/slow'))
  rig.until(() => idle.every(({ receivedBytes }) => receivedBytes > 0))
  rig.reload({ listener: { name: 'another', bind: ['127.0.0.1:81'] } })
  const startMs = rig.nowMs
  const stays = rig.client(get())
  rig.reload({})
  const back = rig.client(get())
  rig.world.run({ untilMs: startMs + 1000 })
  const half = idle.filter(({ finReceived }) => finReceived).length
  assert.ok(half >= 7 && half <= 12, `${half} of 20 after half of the window`)
  rig.world.run({ untilMs: startMs + 2151 })
  assert.ok(idle.every(({ finReceived, resetBy }) => finReceived && resetBy === 0))
  assert.equal(busy.resetBy, 0)
  rig.world.run({ untilMs: startMs + 4151 })
  assert.ok(busy.resetBy !== 0, 'what is left at the hard end is reset')
  assert.ok(stays.finReceived, 'its listener left, too, a moment later')
  assert.ok(!back.finReceived && back.resetBy === 0)
  rig.world.run({ untilMs: startMs + 5151 })
  assert.deepEqual(drains(rig), { ...NO_DRAIN, listenerLate: 1, listenerDone: 1 })
  rig.conclude()
})

test('a listener whose clients had all gone is not counted as late because the program drains to its hard end', () => {
  const rig = new ProxyRig({ listener: { drain: { windowMs: 200, hardMs: 60_000 } } })
  rig.backend((_, request) => (request.includes('/slow') ? undefined : respond('x')))
  const idle = rig.client(get())
  rig.until(() => idle.receivedBytes > 0)
  rig.reload({ listener: { name: 'another', bind: ['127.0.0.1:81'] } })
  rig.until(() => idle.finReceived)
  const busy = rig.client(get('/slow'))
  rig.pass(10)
  drain(rig, 0, 1000)
  rig.until(() => busy.resetBy !== 0)
  assert.deepEqual(drains(rig), { ...NO_DRAIN, listenerDone: 1, programLate: 1 })
  rig.conclude()
})

test('a listener under another name on the same address is the same: its clients stay', () => {
  const rig = new ProxyRig()
  rig.backend(respond('x'))
  const clients = Array.from({ length: 10 }, () => rig.client(get()))
  rig.until(() => clients.every(({ receivedBytes }) => receivedBytes > 0))
  rig.reload({ listener: { name: 'another' } })
  rig.pass(10_000)
  assert.ok(clients.every(({ finReceived, resetBy }) => !finReceived && resetBy === 0))
  rig.conclude()
})

test('a listener with a drain of its own keeps to it when the program stops, never beyond the hard end', async () => {
  const rig = new ProxyRig({ listener: { drain: { windowMs: 200, hardMs: 400 } } })
  rig.backend(respond('x'))
  const clients = Array.from({ length: 10 }, () => rig.client(get()))
  rig.until(() => clients.every(({ receivedBytes }) => receivedBytes > 0))
  const state = drain(rig, 30_000, 40_000)
  rig.pass(351)
  assert.ok(clients.every(({ finReceived }) => finReceived))
  rig.pass(50)
  await settled()
  assert.equal(state.over, true)
  rig.conclude()
})

test('what is left at the hard end is reset, even where an end would look complete', async () => {
  const rig = new ProxyRig()
  rig.backend('HTTP/1.1 200 OK\r\n\r\nhalf')
  const client = rig.client('GET / HTTP/1.0\r\n\r\n')
  rig.until(() => client.text.endsWith('half'))
  const startMs = rig.nowMs
  const state = drain(rig, 500, 2000)
  rig.until(() => client.resetBy !== 0 || client.finReceived)
  assert.equal(client.finReceived, false)
  assert.ok(rig.nowMs - startMs >= 1900 && rig.nowMs - startMs <= 2101, `${rig.nowMs - startMs} ms`)
  await settled()
  assert.equal(state.over, true)
  assert.deepEqual(rig.outcomes, { shutdown: 1 })
  assert.deepEqual(drains(rig), { ...NO_DRAIN, programLate: 1 })
  rig.conclude()
})

test('a second drain can only bring the end forward', async () => {
  const rig = new ProxyRig()
  rig.backend(() => {})
  const client = rig.client(get())
  rig.pass(10)
  const first = drain(rig, 0, 60_000)
  const second = drain(rig, 0, 0)
  rig.pass(100)
  await settled()
  assert.ok(client.resetBy !== 0)
  assert.deepEqual([first.over, second.over], [true, true])
  rig.conclude()
})

test('requests under way finish on the configuration they began with', () => {
  const rig = new ProxyRig()
  const connections = rig.backend((peer) => {
    rig.world.after(3000, () => peer.send(respond('old')))
  })
  const client = rig.client(get())
  rig.pass(10)
  rig.reload({ endpoints: [], cluster: { timeouts: { ...CLUSTER.timeouts, serverMs: 100 } } })
  const other = rig.client(get())
  rig.until(() => other.receivedBytes > 0)
  assert.equal(verdict(other), '503 destination_unavailable')
  rig.until(() => client.text.endsWith('old'))
  rig.pass(10)
  assert.equal(rig.upstreams, 0, 'an endpoint that left keeps no idle connection')
  assert.equal(connections.length, 1)
  rig.conclude()
})

test('a connection keeps the limits of the listener it was accepted under; a new one gets the new ones', () => {
  const rig = new ProxyRig()
  rig.backend(respond('x'))
  const old = rig.client()
  rig.reload({ listener: { limits: { ...LISTENER.limits, target: 10 } } })
  const target = `/${'x'.repeat(50)}`
  old.send(get(target))
  rig.until(() => old.text.endsWith('x'))
  const fresh = rig.client(get(target))
  rig.until(() => fresh.finReceived)
  assert.equal(parse(fresh.text).status, 414)
  rig.conclude()
})

test('a snapshot that is not newer changes nothing', () => {
  const rig = new ProxyRig()
  rig.backend(respond('x'))
  rig.reload({})
  rig.apply(snapshotOf({ version: 1, endpoints: [] }))
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('x'))
  rig.conclude()
})

test('an endpoint whose address changes under its id gets connections of its own', () => {
  const rig = new ProxyRig()
  rig.backend(respond('old'))
  rig.backend(respond('new'), '10.0.0.9:80')
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('old'))
  rig.reload({ endpoints: ['10.0.0.9:80'] })
  client.send(get())
  rig.until(() => client.text.endsWith('new'))
  assert.equal(rig.upstreams, 1)
  rig.conclude()
})

test('a cluster that leaves while requests wait in it serves them', () => {
  const rig = new ProxyRig({ cluster: { pool: { ...CLUSTER.pool, maxPerHost: 1 } } })
  rig.backend((peer, request) => {
    rig.world.after(100, () => peer.send(respond(request.slice(4, 6))))
  })
  const clients = ['/1', '/2', '/3'].map((path) => rig.client(get(path)))
  rig.pass(10)
  rig.apply({ ...snapshotOf({ version: 5 }), clusters: [], routes: [] })
  rig.until(() => clients.every((client, index) => client.text.endsWith(`/${index + 1}`)), 1000)
  const later = rig.client(get())
  rig.until(() => later.receivedBytes > 0)
  assert.match(verdict(later), /^(404|421) /)
  rig.conclude()
})

test('who waits for a place in a cluster that leaves hears of it as soon as another shard frees one', () => {
  const limits = { inFlight: 1, inFlightPerEndpoint: 0, queue: 9, adaptive: undefined }
  const rig = new ProxyRig({ shards: 2, cluster: { limits } })
  rig.backend((peer) => {
    rig.world.after(300, () => peer.send(respond('x')))
  })
  const first = rig.client(get())
  rig.pass(10)
  const second = rig.client(get(), { shard: 1 })
  rig.pass(10)
  rig.apply({ ...snapshotOf({ version: 5 }), clusters: [], routes: [] })
  rig.until(() => first.text.endsWith('x'))
  const waited = rig.until(() => second.receivedBytes > 0)
  assert.match(verdict(second), /^503 /)
  assert.ok(waited <= 100, String(waited))
  rig.conclude()
})
