import assert from 'node:assert/strict'
import { OP, RELAY, type Handle } from '../../../src/io/engine.ts'
import type { ProbeConnection } from '../engine-probe.ts'
import { pattern, type Contract, type Pair, type Rig } from './rig.ts'

const UNTIL_END = -1

function relay(rig: Rig, from: Handle, to: Handle, bytes: number): void {
  const words = bytes === UNTIL_END ? [-1, -1] : [bytes | 0, Math.floor(bytes / 0x1_0000_0000) | 0]
  rig.probe.op(OP.relay, from, to.fd, to.generation, ...words)
}

/** A client and a backend, as a proxy sees them. */
async function ends(rig: Rig): Promise<{ client: Pair; backend: Pair }> {
  return { client: await rig.accepted(), backend: await rig.connected() }
}

function answered(rig: Rig, source: ProbeConnection): Promise<void> {
  return rig.until(() => source.has('relayDone'), 'relayDone')
}

/** Bytes that pass by TypeScript. */
export function relayCases(contract: Contract): void {
  contract('a relay of n bytes moves exactly n; what follows is data', async (rig) => {
    const { client, backend } = await ends(rig)
    relay(rig, client.near, backend.near, 70_000)
    client.far.send(pattern(70_000))
    client.far.send('next request')
    await rig.until(() => client.near.text === 'next request', 'the bytes behind')
    await rig.until(() => backend.far.receivedBytes === 70_000, 'the relayed bytes')
    assert.deepEqual(client.near.relays, [{ status: RELAY.complete, bytes: 70_000 }])
    assert.ok(Buffer.from(backend.far.received).equals(pattern(70_000)))
    assert.equal(rig.stat('bytesRelayed'), 70_000)
    assert.deepEqual(client.near.rows.slice(0, 3), ['accepted', 'relayDone', 'data'])
  })

  contract(
    'a relay takes a paused source that has bytes waiting, and sends of ours go first',
    async (rig) => {
      const { client, backend } = await ends(rig)
      rig.probe.op(OP.pause, client.near)
      client.far.send('body and more')
      await rig.pass(20)
      rig.probe.send(backend.near, 'head ')
      relay(rig, client.near, backend.near, 4)
      await rig.until(() => client.near.text === ' and more', 'the bytes behind')
      await rig.until(() => backend.far.text === 'head body', 'what was relayed')
    },
  )

  contract('a relay of nothing is complete at once, and its source is resumed', async (rig) => {
    const { client, backend } = await ends(rig)
    rig.probe.op(OP.pause, client.near)
    client.far.send('waiting')
    await rig.pass(20)
    relay(rig, client.near, backend.near, 0)
    await rig.until(() => client.near.text === 'waiting', 'data')
    assert.deepEqual(client.near.relays, [{ status: RELAY.complete, bytes: 0 }])
  })

  contract('an unbounded relay ends with its source, without an end row', async (rig) => {
    const { client, backend } = await ends(rig)
    relay(rig, backend.near, client.near, UNTIL_END)
    backend.far.send(pattern(150_000))
    backend.far.fin()
    await answered(rig, backend.near)
    assert.deepEqual(backend.near.relays, [{ status: RELAY.ended, bytes: 150_000 }])
    await rig.until(() => client.far.receivedBytes === 150_000, 'all of it')
    assert.ok(Buffer.from(client.far.received).equals(pattern(150_000)))
    await rig.pass(20)
    assert.equal(backend.near.has('end'), false)
    assert.equal(client.far.finReceived, false)
  })

  contract(
    'a bounded relay whose source ends early says so; counts beyond 32 bits are understood',
    async (rig) => {
      const { client, backend } = await ends(rig)
      relay(rig, client.near, backend.near, 2 ** 32 + 2 ** 31 + 5)
      client.far.send(pattern(1000))
      client.far.fin()
      await answered(rig, client.near)
      assert.deepEqual(client.near.relays, [{ status: RELAY.ended, bytes: 1000 }])
    },
  )

  contract('a relay from a source that has ended is over at once', async (rig) => {
    const { client, backend } = await ends(rig)
    client.far.fin()
    await rig.until(() => client.near.has('end'), 'the end')
    relay(rig, client.near, backend.near, UNTIL_END)
    await answered(rig, client.near)
    assert.deepEqual(client.near.relays, [{ status: RELAY.ended, bytes: 0 }])
  })

  contract('two relays make a tunnel', async (rig) => {
    const { client, backend } = await ends(rig)
    relay(rig, client.near, backend.near, UNTIL_END)
    relay(rig, backend.near, client.near, UNTIL_END)
    client.far.send(pattern(60_000))
    backend.far.send(pattern(90_000, 7))
    await rig.until(() => client.far.receivedBytes === 90_000, 'down')
    await rig.until(() => backend.far.receivedBytes === 60_000, 'up')
    assert.ok(Buffer.from(client.far.received).equals(pattern(90_000, 7)))
    assert.ok(Buffer.from(backend.far.received).equals(pattern(60_000)))
    client.far.fin()
    await answered(rig, client.near)
    backend.far.send('late')
    await rig.until(() => client.far.text.endsWith('late'), 'the other way still works')
    assert.deepEqual(client.near.rows, ['accepted', 'relayDone'])
    assert.deepEqual(backend.near.rows, ['connected'])
  })

  contract('a slow destination stops the source: what is queued stays bounded', async (rig) => {
    const { client, backend } = await ends(rig)
    client.far.stopReading()
    relay(rig, backend.near, client.near, UNTIL_END)
    const flood = pattern(2 * rig.harness.floodBytes)
    backend.far.send(flood)
    backend.far.fin()
    for (let i = 0; i < 20; i++) {
      await rig.pass(5)
      assert.ok(rig.stat('queuedBytes') <= rig.harness.options.queueCap)
    }
    assert.equal(backend.near.has('relayDone'), false)
    assert.equal(rig.stat('overflows'), 0)
    client.far.startReading()
    await answered(rig, backend.near)
    await rig.until(() => client.far.receivedBytes === flood.length, 'all of it')
    assert.ok(Buffer.from(client.far.received).equals(flood))
    assert.equal(client.near.has('blocked'), false)
  })

  contract('relayStop stops, and leaves the source paused', async (rig) => {
    const { client, backend } = await ends(rig)
    relay(rig, client.near, backend.near, UNTIL_END)
    client.far.send('relayed')
    await rig.until(() => backend.far.text === 'relayed', 'what was relayed')
    rig.probe.op(OP.relayStop, client.near)
    await answered(rig, client.near)
    client.far.send('kept')
    await rig.pass(20)
    assert.deepEqual(client.near.rows, ['accepted', 'relayDone'])
    assert.deepEqual(client.near.relays, [{ status: RELAY.stopped, bytes: 7 }])
    rig.probe.op(OP.resume, client.near)
    await rig.until(() => client.near.text === 'kept', 'data')
    rig.probe.op(OP.relayStop, client.near)
    await rig.pass(5)
    assert.equal(client.near.relays.length, 1)
    assert.equal(rig.stat('badOps'), 0)
  })

  contract(
    'a destination that resets: its reset row, broken for the source, which is paused',
    async (rig) => {
      const { client, backend } = await ends(rig)
      relay(rig, backend.near, client.near, UNTIL_END)
      backend.far.send('x')
      await rig.until(() => client.far.text === 'x', 'it runs')
      client.far.rst()
      await rig.until(() => client.near.has('reset') && backend.near.has('relayDone'), 'both rows')
      assert.equal(backend.near.relays[0]?.status, RELAY.broken)
      backend.far.send('more')
      await rig.pass(20)
      assert.equal(backend.near.has('data'), false)
      rig.probe.op(OP.resume, backend.near)
      await rig.until(() => backend.near.has('data'), 'data')
    },
  )

  contract('a destination that we close breaks the relay', async (rig) => {
    const { client, backend } = await ends(rig)
    relay(rig, client.near, backend.near, UNTIL_END)
    rig.probe.op(OP.close, backend.near, 1000)
    await answered(rig, client.near)
    assert.deepEqual(client.near.relays, [{ status: RELAY.broken, bytes: 0 }])
    backend.far.fin()
  })

  contract(
    'a relay into a destination that is already dead is stale and answered with broken',
    async (rig) => {
      const { client, backend } = await ends(rig)
      rig.probe.op(OP.reset, backend.near)
      relay(rig, client.near, backend.near, UNTIL_END)
      await answered(rig, client.near)
      assert.deepEqual(client.near.relays, [{ status: RELAY.broken, bytes: 0 }])
      assert.equal(rig.stat('staleOps'), 1)
    },
  )

  contract('a source that resets: its reset row, no relayDone, and the destination lives', async (rig) => {
    const { client, backend } = await ends(rig)
    relay(rig, client.near, backend.near, UNTIL_END)
    client.far.rst()
    await rig.until(() => client.near.has('reset'), 'reset')
    await rig.pass(5)
    assert.equal(client.near.has('relayDone'), false)
    rig.probe.send(backend.near, 'alive')
    await rig.until(() => backend.far.text.endsWith('alive'), 'the destination lives')
  })

  contract('a relay into a connection that does not stand yet waits for it', async (rig) => {
    const client = await rig.accepted()
    const target = await rig.harness.backend()
    const near = rig.probe.connect(target.address)
    relay(rig, client.near, near, 5)
    client.far.send('hello')
    await answered(rig, client.near)
    assert.deepEqual(client.near.relays, [{ status: RELAY.complete, bytes: 5 }])
    await rig.until(() => target.accepted[0]?.text === 'hello', 'the bytes')
  })

  contract(
    'one relay per source and per destination; none into a connection that was shut down',
    async (rig) => {
      const { client, backend } = await ends(rig)
      const third = await rig.accepted()
      relay(rig, client.near, backend.near, UNTIL_END)
      relay(rig, client.near, third.near, UNTIL_END)
      relay(rig, third.near, backend.near, UNTIL_END)
      rig.probe.op(OP.shutdown, third.near)
      relay(rig, backend.near, third.near, UNTIL_END)
      assert.equal(rig.stat('badOps'), 3)
      client.far.send('undisturbed')
      await rig.until(() => backend.far.text === 'undisturbed', 'the first relay')
      third.far.send('data')
      await rig.until(() => third.near.text === 'data', 'the third is not relayed')
    },
  )

  contract('pause holds a relay, resume lets it go on', async (rig) => {
    const { client, backend } = await ends(rig)
    relay(rig, client.near, backend.near, 10)
    rig.probe.op(OP.pause, client.near)
    client.far.send('0123456789')
    await rig.pass(20)
    assert.equal(backend.far.receivedBytes, 0)
    rig.probe.op(OP.resume, client.near)
    await answered(rig, client.near)
    await rig.until(() => backend.far.text === '0123456789', 'the bytes')
  })
}
