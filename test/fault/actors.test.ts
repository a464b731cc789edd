import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask } from '../support/backend.ts'
import { shardsOf, startMortal } from '../support/mortal.ts'
import { openFds, scrape } from '../support/observe.ts'
import { dialWeir, GET, settingText } from '../support/proxied.ts'
import { scriptedBackend } from '../support/scripted.ts'
import { until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import { rawBackend } from '../support/wire.ts'
import type { Scope, Wire } from '../support/wire.ts'

async function crowd(t: Scope, weir: Weir, count: number): Promise<readonly Wire[]> {
  const wires = await Promise.all(Array.from({ length: count }, () => dialWeir(t, weir)))
  await until(
    async () => (await shardsOf(weir)).reduce((sum, { connections }) => sum + connections, 0) === count,
    'all are accepted',
  )
  return wires
}

for (const kind of ['throw', 'exit']) {
  test(`a shard dies (${kind}): its connections are reset, its gauges zeroed, the other one goes on, and it comes back`, async (t) => {
    const backend = await scriptedBackend(t, async (wire) => {
      const { line } = await wire.request()
      if (line.includes('/hold')) await wire.ending()
      else wire.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    })
    const weir = await startMortal(
      t,
      settingText({ endpoints: [backend.address], shards: 2 }),
      'shard 0',
      kind,
    )
    const wires = await crowd(t, weir, 24)
    // A third has been served and idles, a third never said anything, a third is being served for ever.
    for (const [i, wire] of wires.entries()) if (i % 3 === 2) wire.send(GET)
    for (const [i, wire] of wires.entries()) if (i % 3 === 2) await wire.response()
    for (const [i, wire] of wires.entries())
      if (i % 3 === 1) wire.send('GET /hold HTTP/1.1\r\nhost: a\r\n\r\n')
    const inFlight = async (): Promise<number> =>
      (await scrape(weir)).value('weir_listener_exchanges_in_flight')
    await until(async () => (await inFlight()) === 8, 'eight are held')
    const [dying, other] = await shardsOf(weir)
    assert.ok(dying !== undefined && other !== undefined && dying.connections > 0 && other.connections > 0)
    weir.kill()
    await weir.line(/^weir: shard 0 ended unexpectedly/)
    assert.match(await weir.line(/^weir: shard 0 left \d+ connections: reset/), /left \d+/)
    await until(
      () => wires.filter(({ ended }) => ended === 'reset').length === dying.connections,
      'its clients were reset',
    )
    const survivors = wires.filter(({ ended }) => ended === undefined)
    assert.equal(survivors.length, other.connections)
    await until(async () => {
      const [shard] = await shardsOf(weir)
      return shard?.restarts === 1 && shard.state === 'running'
    }, 'it is back')
    const [back, same] = await shardsOf(weir)
    assert.deepEqual([back?.restarts, back?.connections, back?.inFlight], [1, 0, 0])
    assert.deepEqual(
      [same?.restarts, same?.connections, same?.inFlight],
      [0, other.connections, other.inFlight],
    )
    const held = backend.wires.filter(({ ended, text }) => ended === undefined && text === '').length
    assert.ok(held >= other.inFlight, 'the other shard keeps its connections')
    for (const wire of survivors) {
      if (wires.indexOf(wire) % 3 === 1) continue
      wire.send(GET)
      assert.equal((await wire.response()).status, 200)
    }
    const metrics = await scrape(weir)
    assert.equal(metrics.value('weir_listener_connections'), survivors.length)
    assert.equal(metrics.value('weir_actor_restarts_total', { actor: 'shard 0' }), 1)
    assert.equal(metrics.value('weir_shard_up'), 2)
    assert.ok((await crowdServed(t, weir, 16)).every((status) => status === 200))
    assert.ok(((await shardsOf(weir))[0]?.connections ?? 0) > 0, 'it accepts again')
  })
}

async function crowdServed(t: Scope, weir: Weir, count: number): Promise<readonly number[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const wire = await dialWeir(t, weir)
      wire.send(GET)
      return (await wire.response()).status
    }),
  )
}

test('a shard that dies in the middle of a download resets its client: it never looks complete', async (t) => {
  const backend = await rawBackend(t, async (wire) => {
    await wire.request()
    wire.send('HTTP/1.1 200 OK\r\nx: close-delimited\r\n\r\npart')
  })
  const weir = await startMortal(
    t,
    settingText({ endpoints: [backend.address], shards: 1 }),
    'shard 0',
    'throw',
  )
  const wire = await dialWeir(t, weir)
  wire.send(GET)
  await wire.until(({ text }) => text.includes('part'), 'a part')
  weir.kill()
  assert.equal(await wire.ending(), 'reset')
  await until(() => backend.wires[0]?.ended !== undefined, 'the backend lost its connection')
})

test('while its only shard is being restarted, who connects waits in the backlog and is served', async (t) => {
  const backend = await scriptedBackend(t)
  const weir = await startMortal(
    t,
    settingText({ endpoints: [backend.address], shards: 1 }),
    'shard 0',
    'throw',
  )
  const fdsBefore = openFds(weir)
  for (let round = 1; round <= 3; round++) {
    const before = weir.lines.length
    weir.kill()
    await weir.line(/^weir: shard 0 ended unexpectedly/, before)
    assert.ok((await crowdServed(t, weir, 4)).every((status) => status === 200))
    await until(async () => (await shardsOf(weir))[0]?.restarts === round, 'the restart is counted')
  }
  // The dead left no descriptor behind: only the connections of the living are there.
  await until(() => openFds(weir) <= fdsBefore + 10, 'descriptors are back')
})

test('telemetry dies: no request notices, and the admin API is back where it was, with its counts', async (t) => {
  const backend = await scriptedBackend(t)
  const weir = await startMortal(
    t,
    settingText({ endpoints: [backend.address], shards: 2 }),
    'telemetry',
    'throw',
  )
  const wire = await dialWeir(t, weir)
  const adminUrl = weir.adminUrl()
  for (let i = 0; i < 50; i++) {
    if (i === 10) weir.kill()
    wire.send(GET)
    assert.equal((await wire.response()).status, 200)
  }
  await weir.line(/^weir: telemetry ended unexpectedly/)
  await until(
    () =>
      ask(`${adminUrl}/healthz`).then(
        ({ status }) => status === 200,
        () => false,
      ),
    'the admin API is back',
  )
  const metrics = await scrape(weir)
  assert.equal(metrics.value('weir_listener_exchanges_total', { outcome: 'complete' }), 50)
  assert.equal(metrics.value('weir_actor_restarts_total', { actor: 'telemetry' }), 1)
})

test('the acceptor dies: its sockets stay, nobody is refused, and a reload can open and close listeners again', async (t) => {
  const backend = await scriptedBackend(t)
  const text = settingText({ endpoints: [backend.address], shards: 2 })
  const weir = await startMortal(t, text, 'acceptor', 'exit')
  weir.kill()
  await weir.line(/^weir: acceptor ended unexpectedly/)
  assert.ok((await crowdServed(t, weir, 8)).every((status) => status === 200))
  await until(
    async () => (await scrape(weir)).value('weir_actor_restarts_total', { actor: 'acceptor' }) === 1,
    'it is back',
  )
  const more = text.replace('listeners: {', 'listeners: { more: { bind: 127.0.0.1:0 },')
  assert.match(await weir.reload(more), /reloaded/)
  const wire = await dialWeir(t, weir, 'more')
  wire.send(GET)
  assert.equal((await wire.response()).status, 200)
})
