import assert from 'node:assert/strict'
import { OP } from '../../../src/io/engine.ts'
import { pattern, type Contract, type Pair, type Rig } from './rig.ts'

const LINGER_MS = 3000
/** For a peer that has much to send yet, in small pieces. */
const LONG_LINGER_MS = 30_000
const SHORT_LINGER_MS = 1000
/** The lingering close, and the one without, whose time for a peer that takes nothing is as long. */
const CLOSES: readonly (readonly [string, number])[] = [
  ['its lingering', SHORT_LINGER_MS],
  ['the time of a close without lingering', 0],
]
/** Between two sips of a slow reader: standing still for less than a linger. */
const SIP_MS = 200

/** The ways a connection ends, from both sides. */
export function endingCases(contract: Contract): void {
  contract("the peer's FIN is an end row, once, and sending still works", async (rig) => {
    const { near, far } = await rig.accepted()
    far.send('question')
    far.fin()
    await rig.until(() => near.has('end'), 'the end')
    assert.equal(near.text, 'question')
    rig.probe.send(near, 'answer')
    await rig.until(() => far.text === 'answer', 'the answer')
    rig.probe.op(OP.close, near, LINGER_MS)
    await rig.until(() => far.finReceived, "the engine's FIN")
    await rig.gone()
    assert.equal(near.rows.filter((name) => name === 'end').length, 1)
  })

  contract("the peer's RST is a reset row with its errno, and the handle is dead", async (rig) => {
    const { near, far } = await rig.accepted()
    far.rst()
    await rig.until(() => near.has('reset'), 'reset')
    assert.equal(near.errno, 104)
    assert.equal(rig.stat('resets'), 1)
    assert.equal(rig.harness.engine.progress(near.fd, near.generation), -1)
    assert.equal(rig.harness.engine.generationOf(near.fd), 0)
    rig.probe.send(near, 'too late')
    rig.probe.op(OP.close, near, 0)
    assert.equal(rig.stat('staleOps'), 2)
    await rig.gone()
  })

  contract('a reset is reported while paused', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.op(OP.pause, near)
    far.send('unread')
    far.rst()
    await rig.until(() => near.has('reset'), 'reset')
    assert.deepEqual(near.rows, ['accepted', 'reset'])
  })

  contract('sending to a peer that has reset ends in one reset row', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.op(OP.pause, near)
    far.rst()
    while (!near.has('reset')) {
      rig.probe.send(near, pattern(1000))
      await rig.pass(1)
    }
    await rig.pass(20)
    assert.equal(near.rows.filter((name) => name === 'reset').length, 1)
    assert.equal(rig.stat('queuedBytes'), 0)
  })

  contract(
    'shutdown sends FIN behind the queue; receiving goes on',
    async (rig) => {
      const { near, far } = await rig.accepted()
      far.stopReading()
      const words = pattern(rig.harness.floodBytes)
      rig.probe.send(near, words)
      rig.probe.op(OP.shutdown, near)
      far.send('still there')
      await rig.until(() => near.text === 'still there', "the peer's words")
      far.startReading()
      await rig.until(() => far.finReceived, 'FIN')
      assert.ok(Buffer.from(far.received).equals(words))
      far.fin()
      await rig.until(() => near.has('end'), 'the end')
    },
    { queueCap: 64 * 1024 * 1024 },
  )

  contract('a send after shutdown is a bad op; a second shutdown is none', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.op(OP.shutdown, near)
    rig.probe.op(OP.shutdown, near)
    rig.probe.send(near, 'too late')
    assert.equal(rig.stat('badOps'), 1)
    await rig.until(() => far.finReceived, 'FIN')
    assert.equal(far.receivedBytes, 0)
    assert.equal(near.has('reset'), false)
  })

  contract(
    'close delivers all that is queued, then FIN, while the peer goes on sending',
    async (rig) => {
      const { near, far } = await rig.accepted()
      far.stopReading()
      const words = pattern(rig.harness.parcelBytes)
      rig.probe.send(near, words)
      for (let i = 0; i < 10; i++) far.send(pattern(5000))
      await rig.until(() => near.receivedBytes > 0, 'the peer sends')
      rig.probe.op(OP.close, near, LONG_LINGER_MS)
      for (let i = 0; i < 10; i++) far.send(pattern(5000))
      far.startReading()
      await rig.until(() => far.finReceived || far.resetBy !== 0, 'FIN')
      assert.equal(far.resetBy, 0)
      assert.ok(Buffer.from(far.received).equals(words))
      far.send('even now')
      far.fin()
      await rig.gone()
      assert.equal(far.resetBy, 0)
      assert.equal(rig.stat('lingerTimeouts'), 0)
    },
    { queueCap: 64 * 1024 * 1024 },
  )

  contract('nothing is heard of a connection after close, reset or handover ran', async (rig) => {
    const { near, far } = await rig.accepted()
    const other = await rig.accepted()
    far.send('x'.repeat(50_000))
    other.far.send('x'.repeat(50_000))
    rig.probe.op(OP.close, near, 1000)
    rig.probe.op(OP.reset, other.near)
    const rows = [near.rows.length, other.near.rows.length]
    far.fin()
    await rig.gone()
    await rig.pass(20)
    assert.deepEqual([near.rows.length, other.near.rows.length], rows)
    assert.equal(rig.harness.engine.generationOf(near.fd), 0)
  })

  contract('lingering ends by itself when the peer says nothing', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.send(near, 'last words')
    rig.probe.op(OP.close, near, 50)
    assert.equal(rig.harness.engine.progress(near.fd, near.generation), -1)
    await rig.gone()
    assert.equal(rig.stat('lingerTimeouts'), 1)
    await rig.until(() => far.text === 'last words' && far.finReceived, 'the last words')
  })

  contract(
    'close without lingering sends all that is queued, then FIN',
    async (rig) => {
      const { near, far } = await rig.accepted()
      rig.probe.send(near, pattern(rig.harness.parcelBytes))
      rig.probe.op(OP.close, near, 0)
      await rig.until(() => far.finReceived, 'FIN')
      assert.ok(Buffer.from(far.received).equals(pattern(rig.harness.parcelBytes)))
      await rig.gone()
    },
    { queueCap: 64 * 1024 * 1024 },
  )

  contract(
    'close without lingering gives a peer that does not read one second, then RST',
    async (rig) => {
      const { near, far } = await rig.accepted()
      far.stopReading()
      rig.probe.send(near, pattern(rig.harness.floodBytes))
      rig.probe.op(OP.close, near, 0)
      await rig.pass(500)
      assert.equal(rig.stat('open'), 1)
      await rig.gone()
      assert.equal(rig.stat('queuedBytes'), 0)
      assert.equal(rig.stat('lingerTimeouts'), 1)
      far.startReading()
      await rig.until(() => far.resetBy !== 0, 'the reset')
    },
    { queueCap: 64 * 1024 * 1024 },
  )

  for (const [name, lingerMs] of CLOSES) {
    contract(
      `a peer that reads more slowly than ${name} lasts gets everything, then FIN`,
      async (rig) => {
        const pair = await rig.accepted()
        const words = parting(rig, pair, lingerMs)
        let sips = 0
        for (; rig.stat('open') === 1 && !pair.far.finReceived && pair.far.resetBy === 0; sips++) {
          await rig.pass(SIP_MS)
          await sip(rig, pair)
        }
        assert.ok(sips * SIP_MS > SHORT_LINGER_MS, `${sips} sips`)
        pair.far.startReading()
        await rig.until(() => pair.far.finReceived || pair.far.resetBy !== 0, 'FIN')
        assert.equal(pair.far.resetBy, 0)
        assert.ok(Buffer.from(pair.far.received).equals(words))
        pair.far.fin()
        await rig.gone()
        assert.equal(rig.stat('lingerTimeouts'), 0)
      },
      { queueCap: 64 * 1024 * 1024 },
    )
  }

  contract(
    'a peer that reads of the last words for a while and then no more is reset when it has stood still as long as it may',
    async (rig) => {
      const pair = await rig.accepted()
      parting(rig, pair, SHORT_LINGER_MS)
      for (let sips = 0; sips < 3; sips++) {
        await rig.pass(SIP_MS)
        await sip(rig, pair)
      }
      assert.ok(rig.stat('queuedBytes') > 0)
      await rig.pass(SHORT_LINGER_MS / 2)
      assert.equal(rig.stat('open'), 1)
      await rig.pass(SHORT_LINGER_MS)
      await rig.gone()
      assert.equal(rig.stat('lingerTimeouts'), 1)
      assert.equal(rig.stat('queuedBytes'), 0)
      pair.far.startReading()
      await rig.until(() => pair.far.resetBy !== 0, 'the reset')
    },
    { queueCap: 64 * 1024 * 1024 },
  )

  contract(
    "the wait for the peer's FIN begins when the last words are sent",
    async (rig) => {
      const pair = await rig.accepted()
      parting(rig, pair, SHORT_LINGER_MS)
      await rig.pass(0.8 * SHORT_LINGER_MS)
      pair.far.startReading()
      await rig.until(() => pair.far.finReceived, 'FIN')
      await rig.pass(SHORT_LINGER_MS / 2)
      assert.equal(rig.stat('open'), 1)
      await rig.gone()
      assert.equal(rig.stat('lingerTimeouts'), 1)
      assert.equal(pair.far.resetBy, 0)
    },
    { queueCap: 64 * 1024 * 1024 },
  )

  contract('the reset op resets', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.op(OP.reset, near)
    assert.equal(rig.stat('open'), 0)
    await rig.until(() => far.resetBy !== 0, 'the reset')
    assert.equal(far.finReceived, false)
    assert.equal(near.has('reset'), false)
  })

  contract('an op that follows close in the same batch is stale', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.react = (name, connection) => {
      if (name !== 'data') return
      rig.probe.send(connection, 'said')
      rig.probe.op(OP.close, connection, LINGER_MS)
      rig.probe.send(connection, 'not said')
      rig.probe.op(OP.resume, connection)
    }
    far.send('?')
    await rig.until(() => far.finReceived, 'FIN')
    assert.equal(far.text, 'said')
    assert.equal(rig.stat('staleOps'), 2)
    assert.deepEqual(near.rows, ['accepted', 'data'])
    far.fin()
    await rig.gone()
  })
}

/** Close behind more than the peer, who does not read, and the sockets hold: what is queued. */
function parting(rig: Rig, { near, far }: Pair, lingerMs: number): Uint8Array {
  far.stopReading()
  const words = pattern(rig.harness.floodBytes)
  rig.probe.send(near, words)
  rig.probe.op(OP.close, near, lingerMs)
  assert.ok(rig.stat('queuedBytes') > 0)
  return words
}

/** The peer reads what has arrived, and nothing more. */
async function sip(rig: Rig, { far }: Pair): Promise<void> {
  const before = far.receivedBytes
  far.startReading()
  await rig.until(
    () => far.receivedBytes > before || far.finReceived || far.resetBy !== 0,
    'something to read',
  )
  far.stopReading()
}
