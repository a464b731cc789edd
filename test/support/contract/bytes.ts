import assert from 'node:assert/strict'
import { OP } from '../../../src/io/engine.ts'
import { pattern, type Contract, type Pair, type Rig } from './rig.ts'

/** Accepting, receiving, sending, backpressure. */
export function byteCases(contract: Contract): void {
  for (const family of ['ipv4', 'ipv6', 'unix'] as const) {
    contract(
      `accepted (${family}) tells the token and the peer's address and port`,
      async ({ harness, probe }) => {
        harness.listen(3, family)
        harness.listen(4, 'ipv4')
        const far = await harness.client(3)
        await harness.until(() => probe.accepted.length === 1, 'accepted')
        const near = probe.accepted[0]
        assert.deepEqual([near?.token, near?.peer, near?.port], [3, far.ip, far.port])
      },
    )
  }

  contract('data arrives complete, in order, in reads of at most readBytes', async (rig) => {
    const { near, far } = await rig.accepted()
    const sizes: number[] = []
    rig.probe.react = (name, connection) => {
      if (name === 'data') sizes.push(connection.receivedBytes - sizes.reduce((sum, size) => sum + size, 0))
    }
    const sent = pattern(300_000)
    far.send(sent)
    await rig.until(() => near.receivedBytes === sent.length, 'all bytes')
    assert.deepEqual(near.received, Buffer.from(sent))
    assert.ok(Math.max(...sizes) <= rig.harness.options.readBytes)
  })

  contract('data of many connections at once is kept apart', async (rig) => {
    const pairs: Pair[] = []
    for (let i = 0; i < 8; i++) pairs.push(await rig.accepted())
    pairs.forEach(({ far }, i) => far.send(pattern(50_000, i * 1000)))
    await rig.until(() => pairs.every(({ near }) => near.receivedBytes === 50_000), 'all bytes of all')
    pairs.forEach(({ near }, i) => assert.deepEqual(near.received, Buffer.from(pattern(50_000, i * 1000))))
  })

  contract('a span of the arena can be sent on in the batch that brought it', async (rig) => {
    const { far } = await rig.accepted()
    rig.probe.react = (name, connection) => {
      if (name === 'data') rig.probe.op(OP.send, connection, connection.spanAt, connection.spanBytes)
    }
    const sent = pattern(40_000)
    far.send(sent)
    await rig.until(() => far.receivedBytes === sent.length, 'the echo')
    assert.deepEqual(Buffer.from(far.received), Buffer.from(sent))
  })

  contract('consecutive sends arrive as one stream, in order; empty ones are fine', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.react = (_, connection) => {
      for (let i = 0; i < 200; i++) rig.probe.send(connection, i % 10 === 0 ? '' : `${i},`)
    }
    far.send('go')
    await rig.until(() => near.text === 'go', 'the request')
    const expected = Array.from({ length: 200 }, (_, i) => (i % 10 === 0 ? '' : `${i},`)).join('')
    await rig.until(() => far.text.length >= expected.length, 'the answer')
    assert.ok(far.text.startsWith(expected))
  })

  contract('sends to several connections in one batch reach each its own', async (rig) => {
    const one = await rig.accepted()
    const two = await rig.accepted()
    rig.probe.react = (name) => {
      if (name !== 'data') return
      for (let i = 0; i < 20; i++) rig.probe.send(i % 3 === 0 ? two.near : one.near, `${i};`)
    }
    one.far.send('x')
    await rig.until(() => one.far.text.endsWith('19;') && two.far.text.endsWith('18;'), 'both answers')
    assert.equal(two.far.text, '0;3;6;9;12;15;18;')
    assert.equal(one.far.text, '1;2;4;5;7;8;10;11;13;14;16;17;19;')
  })

  contract(
    'what does not fit is queued: blocked once, then writable, and nothing is lost',
    async (rig) => {
      const { near, far } = await rig.accepted()
      far.stopReading()
      const flood = pattern(rig.harness.floodBytes)
      rig.probe.send(near, flood)
      await rig.until(() => near.has('blocked'), 'blocked')
      assert.ok(rig.stat('queuedBytes') > 0)
      rig.probe.send(near, 'more')
      await rig.pass(20)
      assert.deepEqual(near.rows, ['accepted', 'blocked'])
      far.startReading()
      await rig.until(() => near.has('writable'), 'writable')
      await rig.until(() => far.receivedBytes === flood.length + 4, 'all bytes')
      assert.deepEqual(near.rows, ['accepted', 'blocked', 'writable'])
      assert.equal(rig.stat('queuedBytes'), 0)
      assert.ok(Buffer.from(far.received.subarray(0, flood.length)).equals(flood))
    },
    { queueCap: 64 * 1024 * 1024 },
  )

  contract('output beyond the cap resets the connection with ENOBUFS', async (rig) => {
    const { near, far } = await rig.accepted()
    far.stopReading()
    for (let sent = 0; sent <= rig.harness.floodBytes; sent += 200_000) rig.probe.send(near, pattern(200_000))
    await rig.until(() => near.has('reset'), 'reset')
    assert.equal(near.errno, 105)
    assert.equal(rig.stat('overflows'), 1)
    assert.equal(rig.stat('queuedBytes'), 0)
    far.startReading()
    await rig.until(() => far.resetBy !== 0, 'the peer learns of it')
    await rig.gone()
  })

  contract('a paused connection yields no data and no end; resumed, nothing is missing', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.op(OP.pause, near)
    far.send(pattern(100_000))
    far.fin()
    await rig.pass(30)
    assert.deepEqual([near.has('data'), near.has('end')], [false, false])
    rig.probe.op(OP.resume, near)
    await rig.until(() => near.has('end'), 'the end')
    assert.deepEqual(near.received, Buffer.from(pattern(100_000)))
  })

  contract('pausing at every piece of data and resuming later loses nothing', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.react = (name, connection) => {
      if (name === 'data') rig.probe.op(OP.pause, connection)
    }
    far.send(pattern(120_000))
    far.fin()
    for (let rows = near.rows.length; !near.has('end'); rows = near.rows.length) {
      rig.probe.op(OP.resume, near)
      await rig.until(() => near.rows.length > rows, 'the next piece')
    }
    assert.deepEqual(near.received, Buffer.from(pattern(120_000)))
  })

  contract(
    'queued says what a peer that does not read leaves behind, whoever feeds it',
    async (rig) => {
      const { near, far } = await rig.accepted()
      const source = await rig.accepted()
      const { engine, floodBytes } = rig.harness
      assert.equal(engine.queued(near.fd, near.generation), 0)
      far.stopReading()
      rig.probe.op(OP.relay, source.near, near.fd, near.generation, floodBytes, 0)
      source.far.send(pattern(floodBytes))
      await rig.until(() => engine.queued(near.fd, near.generation) > 0, 'the queue')
      assert.equal(engine.queued(near.fd, near.generation), rig.stat('queuedBytes'))
      far.startReading()
      await rig.until(() => far.receivedBytes === floodBytes, 'the bytes')
      assert.equal(engine.queued(near.fd, near.generation), 0)
      assert.equal(engine.queued(near.fd, near.generation + 1), -1)
    },
    { queueCap: 64 * 1024 * 1024 },
  )

  contract('progress counts bytes received and bytes the peer has', async (rig) => {
    const { near, far } = await rig.accepted()
    const { engine } = rig.harness
    assert.equal(engine.progress(near.fd, near.generation), 0)
    far.send(pattern(1000))
    await rig.until(() => near.receivedBytes === 1000, 'data')
    assert.equal(engine.progress(near.fd, near.generation), 1000)
    rig.probe.send(near, pattern(500))
    await rig.until(() => far.receivedBytes === 500, 'the answer')
    await rig.until(() => engine.progress(near.fd, near.generation) === 1500, 'what it acknowledged')
    assert.equal(rig.stat('bytesIn'), 1000)
    assert.equal(rig.stat('bytesOut'), 500)
    assert.equal(engine.progress(near.fd, near.generation + 1), -1)
    rig.probe.op(OP.shutdown, near)
    await rig.until(() => far.finReceived, 'FIN')
    await rig.until(() => engine.progress(near.fd, near.generation) === 1500, 'a FIN is no byte')
  })

  contract(
    'progress stands still while a peer does not read, whatever the kernel took for it, and goes on as it reads, bit by bit; it never falls',
    async (rig) => {
      const { near, far } = await rig.accepted()
      const { engine } = rig.harness
      const flood = pattern(rig.harness.floodBytes)
      let last = 0
      const progress = (): number => {
        const now = engine.progress(near.fd, near.generation)
        assert.ok(now >= last, `${now} behind ${last}`)
        return (last = now)
      }
      far.stopReading()
      rig.probe.send(near, flood)
      rig.probe.op(OP.shutdown, near)
      await standStill(rig, progress)
      const taken = flood.length - engine.queued(near.fd, near.generation)
      assert.ok(last < taken, `${last} of ${taken}`)
      for (let steps = 0; steps < 3; steps++) {
        const before = progress()
        while (progress() === before) {
          far.readSome(4096)
          await rig.pass(1)
        }
      }
      far.startReading()
      await rig.until(() => far.finReceived && progress() === flood.length, 'all of it')
    },
    { queueCap: 64 * 1024 * 1024 },
  )
}

/** Until it reads the same for a while. */
async function standStill(rig: Rig, reading: () => number): Promise<void> {
  for (let before = -1; before !== reading();) {
    before = reading()
    await rig.pass(100)
  }
}
