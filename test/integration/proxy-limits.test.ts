import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { namedBackend, startBackend } from '../support/backend.ts'
import { highestFd, openFds, scrape } from '../support/observe.ts'
import { dialWeir, GET, settingText, startProxy } from '../support/proxied.ts'
import { dataPlanePid, startWeir, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import type { Scope, Wire } from '../support/wire.ts'

/** Connect `count` times and ask on each: those that were answered, and how many were closed without a word. */
async function crowd(t: Scope, weir: Weir, count: number): Promise<{ served: Wire[]; refused: number }> {
  const served: Wire[] = []
  let refused = 0
  for (let i = 0; i < count; i++) {
    const wire = await dialWeir(t, weir)
    wire.send(GET)
    const answered = await wire.response().then(
      ({ status }) => status === 200,
      () => false,
    )
    if (answered) served.push(wire)
    else refused++
  }
  return { served, refused }
}

for (const [limit, reason] of [
  ['connections', 'limit'],
  ['connectionsPerClient', 'client-limit'],
] as const) {
  test(`limits.${limit} holds over two shards: with all at work the excess is closed and counted, and a place that comes free is given again`, async (t) => {
    const backend = await startBackend(t, (request, response) => {
      if (request.url !== '/held') response.end('ok')
    })
    const weir = await startProxy(t, {
      endpoints: [backend.address],
      shards: 2,
      listener: `limits: { ${limit}: 10 }`,
    })
    const held: Wire[] = []
    for (let i = 0; i < 10; i++) {
      const wire = await dialWeir(t, weir)
      wire.send(GET.replace('/', '/held'))
      held.push(wire)
    }
    await until(() => backend.requests() === 10, 'ten are at work')
    assert.equal((await crowd(t, weir, 20)).refused, 20)
    const metrics = await scrape(weir)
    assert.equal(metrics.value('weir_listener_connections_refused_total', { reason }), 20)
    assert.equal(metrics.value('weir_listener_connections'), 10)
    for (const wire of held.splice(0, 5)) wire.socket.destroy()
    await until(
      async () => (await scrape(weir)).value('weir_listener_connections') === 5,
      'five places are free',
    )
    assert.equal((await crowd(t, weir, 5)).served.length, 5)
  })

  test(`limits.${limit}: idle connections of a client that has many make room, the longest idle first, and are counted`, async (t) => {
    const backend = await namedBackend(t, 'ok')
    const weir = await startProxy(t, {
      endpoints: [backend.address],
      shards: 1,
      listener: `limits: { ${limit}: 10 }`,
    })
    const { served } = await crowd(t, weir, 10)
    let ended = 0
    for (const wire of served) wire.socket.on('end', () => ended++)
    const newcomers: Wire[] = []
    await until(async () => {
      const more = await crowd(t, weir, 1) // refused while the others are not idle for long enough
      newcomers.push(...more.served)
      return newcomers.length === 3
    }, 'three newcomers were served')
    await until(() => ended === 3, 'three made room')
    const metrics = await scrape(weir)
    assert.equal(metrics.value('weir_listener_connections_reclaimed_total'), 3)
    assert.equal(metrics.value('weir_listener_connections'), 10)
    assert.equal(served[0]?.socket.readyState === 'open', false)
    assert.equal(served[9]?.socket.readyState, 'open')
  })
}

test('under a limit of 256 descriptors: it says so, the excess is closed and counted, and service goes on afterwards', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const weir = await startWeir(t, settingText({ endpoints: [backend.address], shards: 2 }), 256)
  const said = weir.lines.find((line) => line.includes('client connections at most')) ?? ''
  const most = Number(/(\d+) client connections at most/.exec(said)?.[1])
  assert.match(said, /file descriptors: 256/)
  assert.ok(most >= 16 && most < 128, said)
  const { served, refused } = await crowd(t, weir, most + 60)
  const metrics = await scrape(weir)
  // On a slow machine the first are idle for long enough to make room for the last.
  const reclaimed = metrics.value('weir_listener_connections_reclaimed_total')
  assert.ok(served.length - reclaimed <= most && served.length >= most - 2, `${served.length} of ${most}`)
  assert.equal(metrics.value('weir_engine_refused_total'), refused)
  for (const wire of served) wire.socket.destroy()
  await until(async () => (await scrape(weir)).value('weir_listener_connections') === 0, 'all are gone')
  assert.equal((await crowd(t, weir, 10)).refused, 0)
  assert.equal(weir.process.exitCode, null)
})

test('EMFILE: who comes is closed rather than left in silence, and counted; who is there is served, and later everybody is', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 2 })
  const setLimit = (limit: number): Promise<unknown> =>
    promisify(execFile)('prlimit', [`--pid=${dataPlanePid(weir)}`, `--nofile=${limit}:`])
  const early = await dialWeir(t, weir)
  early.send(GET)
  assert.equal((await early.response()).status, 200)
  // Not below what is open: the descriptors that the engine keeps in reserve must stay below the limit, as they do in life.
  const limit = highestFd(weir) + 1
  const free = limit - openFds(weir)
  await setLimit(limit)
  const { served, refused } = await crowd(t, weir, free + 8)
  assert.ok(served.length <= free, `${served.length} served with ${free} descriptors free`)
  for (let i = 0; i < 5; i++) {
    early.send(GET)
    assert.equal((await early.response()).status, 200, 'who was there before is served')
  }
  await setLimit(4096)
  const metrics = await scrape(weir)
  assert.ok(metrics.value('weir_engine_accept_exhausted_total') > 0)
  assert.ok(metrics.value('weir_engine_refused_total') >= refused - free, 'closed, not left in silence') // a 503 is not counted there
  const later = await dialWeir(t, weir)
  later.send(GET)
  assert.equal((await later.response()).status, 200)
})

test('EMFILE on the way to a backend is our shortage: 503, not the backend’s fault', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 1 })
  const wire = await dialWeir(t, weir)
  await until(async () => (await scrape(weir)).value('weir_listener_connections') === 1, 'it was accepted')
  const limit = openFds(weir) - 3
  await promisify(execFile)('prlimit', [`--pid=${dataPlanePid(weir)}`, `--nofile=${limit}:`])
  wire.send(GET)
  const response = await wire.response()
  assert.equal(response.status, 503)
  await promisify(execFile)('prlimit', [`--pid=${dataPlanePid(weir)}`, '--nofile=4096:'])
  const again = await dialWeir(t, weir)
  again.send(GET)
  assert.equal((await again.response()).status, 200)
})
