import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask } from '../support/backend.ts'
import { FAULTS, fault, faulty, isBack } from '../support/fault.ts'
import type { Fault } from '../support/fault.ts'
import { shardsOf } from '../support/mortal.ts'
import { openFds, scrape } from '../support/observe.ts'
import { dialWeir, GET, settingText } from '../support/proxied.ts'
import { scriptedBackend } from '../support/scripted.ts'
import type { ScriptedBackend } from '../support/scripted.ts'
import { startWeir, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import { rawBackend } from '../support/wire.ts'
import type { Scope, Wire } from '../support/wire.ts'

/** The program, whose actors fail when told to. */
function startFaulty(t: Scope, backend: { readonly address: string }, shards: number): Promise<Weir> {
  return startWeir(t, faulty(settingText({ endpoints: [backend.address], shards, more: FAULTS })))
}

/** Answers at once; `/hold` when told to; `/part` never to the end. */
async function patientBackend(t: Scope): Promise<ScriptedBackend & { release: () => void }> {
  const released = Promise.withResolvers<void>()
  const backend = await scriptedBackend(t, async (wire) => {
    const { line } = await wire.request()
    if (line.includes('/hold')) await released.promise
    if (line.includes('/part')) wire.send('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart')
    else wire.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  })
  return { ...backend, release: released.resolve }
}

async function crowd(t: Scope, weir: Weir, count: number): Promise<readonly Wire[]> {
  const wires = await Promise.all(Array.from({ length: count }, () => dialWeir(t, weir)))
  await until(
    async () => (await shardsOf(weir)).reduce((sum, { connections }) => sum + connections, 0) === count,
    'all are accepted',
  )
  return wires
}

const status = async (wire: Wire): Promise<number> => (await wire.response()).status

/** By the fault: what is said of a thread's end. */
const REASONS = {
  throw: /a fault on purpose/,
  exit: /exit code 70/,
  spin: /no heartbeat for \d+ ms/,
  oom: /its heap is full/,
} as const satisfies Readonly<Record<Fault, RegExp>>

for (const kind of ['throw', 'exit', 'spin', 'oom'] as const satisfies readonly Fault[]) {
  test(`a shard dies (${kind}): idle clients go on, requests that were not answered yet are begun anew, responses that were under way are broken off, gauges tell the truth, and it comes back`, async (t) => {
    const backend = await patientBackend(t)
    const weir = await startFaulty(t, backend, 2)
    const wires = await crowd(t, weir, 32)
    const quarter = (n: number): readonly Wire[] => wires.filter((_, i) => i % 4 === n)
    const [silent, idle, holding, parted] = [quarter(0), quarter(1), quarter(2), quarter(3)]
    for (const wire of idle) wire.send(GET)
    for (const wire of idle) assert.equal(await status(wire), 200)
    for (const wire of holding) wire.send('GET /hold HTTP/1.1\r\nhost: a\r\n\r\n')
    for (const wire of parted) wire.send('GET /part HTTP/1.1\r\nhost: a\r\n\r\n')
    for (const wire of parted) await wire.until(({ text }) => text.endsWith('part'), 'a part')
    const inFlight = async (): Promise<number> =>
      (await scrape(weir)).value('weir_listener_exchanges_in_flight')
    await until(async () => (await inFlight()) === 16, 'half of them are under way')
    const loads = (await shardsOf(weir)).map(({ inFlight: load }) => load)
    const dying = loads.indexOf(Math.max(...loads))
    await fault(weir, dying, kind)
    const line = await weir.line(new RegExp(`^weir: shard ${dying} ended unexpectedly`))
    assert.match(line, REASONS[kind])
    await isBack(weir, dying)
    const broken = (): readonly Wire[] => wires.filter(({ ended }) => ended !== undefined)
    await until(async () => (await inFlight()) === 16 - broken().length, 'the gauges tell the truth')
    for (const wire of broken()) {
      assert.ok(parted.includes(wire))
      assert.equal(wire.ended, 'reset')
    }
    for (const wire of [...silent, ...idle]) wire.send(GET)
    for (const wire of [...silent, ...idle]) assert.equal(await status(wire), 200)
    backend.release()
    for (const wire of holding) assert.equal(await status(wire), 200)
    await until(async () => (await inFlight()) === 8 - broken().length, 'only parts are under way')
    const metrics = await scrape(weir)
    assert.equal(metrics.value('weir_listener_connections'), 32 - broken().length)
    assert.equal(metrics.value('weir_actor_restarts_total', { actor: `shard ${dying}` }), 1)
    assert.equal(metrics.value('weir_shard_up'), 2)
    assert.ok((await crowdServed(t, weir, 16)).every((one) => one === 200))
  })
}

async function crowdServed(t: Scope, weir: Weir, count: number): Promise<readonly number[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const wire = await dialWeir(t, weir)
      wire.send(GET)
      return status(wire)
    }),
  )
}

test('a shard that hangs: others accept from its sockets long before it is ended', async (t) => {
  const backend = await scriptedBackend(t)
  const text = settingText({
    endpoints: [backend.address],
    shards: 2,
    more: 'supervision: { killAfter: 3s }',
  })
  const weir = await startWeir(t, faulty(text))
  await fault(weir, 0, 'spin')
  await until(async () => (await crowdServedIn(t, weir, 8, 400)) === 8, 'the others have its sockets')
  assert.ok(!weir.lines.some((line) => line.includes('ended unexpectedly')), 'it hangs still')
  // From now on nobody who connects waits for it.
  assert.equal(await crowdServedIn(t, weir, 64, 1500), 64)
  assert.ok(!weir.lines.some((line) => line.includes('ended unexpectedly')), 'it hangs still')
  await weir.line(/^weir: shard 0 ended unexpectedly: no heartbeat for 3000 ms/)
  await isBack(weir, 0)
})

/** How many of so many new connections are served within the time. */
async function crowdServedIn(t: Scope, weir: Weir, count: number, withinMs: number): Promise<number> {
  const served = Array.from({ length: count }, async () => {
    const wire = await dialWeir(t, weir)
    wire.send(GET)
    return wire
      .until(({ text }) => text.includes('200 OK'), 'a response', withinMs)
      .then(
        () => 1,
        () => 0,
      )
  })
  return (await Promise.all(served)).reduce<number>((sum, one) => sum + one, 0)
}

test('a shard that dies in the middle of a download resets its client: it never looks complete', async (t) => {
  const backend = await rawBackend(t, async (wire) => {
    await wire.request()
    wire.send('HTTP/1.1 200 OK\r\nx: close-delimited\r\n\r\npart')
  })
  const weir = await startFaulty(t, backend, 1)
  const wire = await dialWeir(t, weir)
  wire.send(GET)
  await wire.until(({ text }) => text.includes('part'), 'a part')
  await fault(weir, 0, 'throw')
  assert.equal(await wire.ending(), 'reset')
  await until(() => backend.wires[0]?.ended !== undefined, 'the backend lost its connection')
})

test('with one shard only, its connections wait for the successor, and so does who connects meanwhile', async (t) => {
  const backend = await scriptedBackend(t)
  const weir = await startFaulty(t, backend, 1)
  const kept = await crowd(t, weir, 8)
  const fdsBefore = openFds(weir)
  for (let round = 1; round <= 3; round++) {
    const before = weir.lines.length
    await fault(weir, 0, 'throw')
    await weir.line(/^weir: shard 0 ended unexpectedly/, before)
    for (const wire of kept) wire.send(GET)
    assert.ok((await crowdServed(t, weir, 4)).every((one) => one === 200))
    for (const wire of kept) assert.equal(await status(wire), 200)
    await isBack(weir, 0, round)
  }
  // The dead left no descriptor behind: only the connections of the living are there.
  await until(() => openFds(weir) <= fdsBefore + 30, 'descriptors are back')
})

/** Between two round trips: somebody asks all the time, and who is to come back has a core for it. */
const PAUSE_MS = 10

test('actors that are no shards die', async (scope) => {
  const backend = await scriptedBackend(scope)
  const weir = await startFaulty(scope, backend, 2)
  const wires = await crowd(scope, weir, 4)
  const adminUrl = weir.adminUrl()
  for (const actor of ['acceptor', 'telemetry', 'health', 'discovery'] as const) {
    await scope.test(
      `${actor} dies (throw, exit, spin): no request fails, no connection is refused or broken, and each time it comes back`,
      async (t) => {
        const roundTrip = async (): Promise<void> => {
          for (const wire of wires) wire.send(GET)
          for (const wire of wires) assert.equal(await status(wire), 200)
          assert.deepEqual(await crowdServed(t, weir, 2), [200, 200])
        }
        for (const [n, kind] of (['throw', 'exit', 'spin'] as const).entries()) {
          const before = weir.lines.length
          await fault(weir, actor, kind)
          const died = weir.line(new RegExp(`^weir: ${actor} ended unexpectedly`), before)
          let isOver = false
          void died.then(() => (isOver = true))
          while (!isOver) {
            await roundTrip()
            await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
          }
          await died
          await until(async () => {
            await roundTrip()
            return restarted(weir, actor, n + 1)
          }, `${actor} is back`)
        }
        assert.equal(weir.adminUrl(), adminUrl)
        assert.match((await ask(`${adminUrl}/readyz`)).body, /ready/)
        // Whoever came back does its work: a reload takes all of them.
        const text = faulty(settingText({ endpoints: [backend.address], shards: 2, more: FAULTS }))
        const more = text.replace('listeners: {', `listeners: { ${actor}: { bind: 127.0.0.1:0 },`)
        assert.match(await weir.reload(more), /reloaded/)
        const wire = await dialWeir(t, weir, actor)
        wire.send(GET)
        assert.equal(await status(wire), 200)
      },
    )
  }
})

test('an actor that dies too often ends the data plane, which says why; the master starts another on the same sockets', async (t) => {
  const backend = await scriptedBackend(t)
  const limits = 'supervision: { maxRestarts: 2, within: 60s }'
  const text = faulty(settingText({ endpoints: [backend.address], shards: 2, more: limits }))
  const weir = await startWeir(t, text)
  for (let death = 1; death <= 3; death++) {
    const before = weir.lines.length
    await fault(weir, 'health', 'exit')
    await weir.line(/^weir: health ended unexpectedly/, before)
    if (death < 3) await until(async () => await restarted(weir, 'health', death), 'it is back')
  }
  await weir.line(/^weir: health died once too often: the data plane gives up/)
  // Who was on the line is cut off; who connects is not refused.
  await until(
    () =>
      crowdServed(t, weir, 1).then(
        ([one]) => one === 200,
        () => false,
      ),
    'another serves',
  )
  await until(async () => await restarted(weir, 'health', 0), 'and counts from the beginning')
})

async function restarted(weir: Weir, actor: string, times: number): Promise<boolean> {
  const metrics = await scrape(weir).catch(() => undefined)
  return metrics?.value('weir_actor_restarts_total', { actor }) === times
}
