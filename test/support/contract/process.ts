import assert from 'node:assert/strict'
import { OP } from '../../../src/io/engine.ts'
import { Probe } from '../engine-probe.ts'
import { pattern, type Contract } from './rig.ts'

/** Ticks, clocks, other engines, the process's table. */
export function processCases(contract: Contract): void {
  contract('tickEvery calls the handler with no rows while nothing happens; 0 stops it', async (rig) => {
    const { probe, harness } = rig
    harness.engine.tickEvery(5)
    await rig.until(() => probe.emptyBatches >= 5, 'five ticks')
    harness.engine.tickEvery(0)
    await rig.pass(20)
    const { batches } = probe
    await rig.pass(30)
    assert.equal(probe.batches, batches)
    assert.equal(rig.stat('ticks'), batches)
  })

  contract('the clock is read once a batch and never goes back', async (rig) => {
    const { probe, harness } = rig
    harness.engine.tickEvery(2)
    const { far } = await rig.accepted()
    for (let i = 0; i < 5; i++) {
      far.send('x')
      await rig.pass(2)
    }
    await rig.until(() => probe.clocks.length >= 8, 'batches')
    const steps = probe.clocks.slice(1).map((reading, i) => reading - (probe.clocks[i] ?? 0))
    assert.ok(steps.every((step) => step >= 0))
    assert.ok(steps.some((step) => step > 0))
    assert.ok((harness.engine.clock[1] ?? 0) > 1_700_000_000_000)
  })

  contract('wake delivers a row to the other engine, one for many calls', async (rig) => {
    const other = rig.harness.sibling()
    const probe = new Probe(other.engine, other.options)
    for (let i = 0; i < 10; i++) assert.equal(rig.harness.engine.wake(other.options.shard), true)
    await rig.until(() => probe.wakes > 0, 'wake')
    await rig.pass(10)
    assert.equal(probe.wakes, 1)
    assert.equal(rig.probe.wakes, 0)
    assert.equal(rig.harness.engine.wake(rig.harness.options.shard), true)
    await rig.until(() => rig.probe.wakes === 1, 'waking oneself')
    assert.equal(rig.harness.engine.wake(255), false)
  })

  contract('a connection handed over lives on there, paused, and its old handle is dead', async (rig) => {
    const other = rig.harness.sibling()
    const probe = new Probe(other.engine, other.options)
    const { near, far } = await rig.accepted()
    far.send('before ')
    await rig.until(() => near.text === 'before ', 'data')
    rig.probe.op(OP.handover, near, other.options.shard, -42)
    rig.probe.send(near, 'stale')
    assert.equal(rig.stat('staleOps'), 1)
    assert.equal(rig.stat('open'), 0)
    far.send('after')
    await rig.until(() => probe.takenOver.length === 1, 'takenOver')
    const heir = probe.takenOver[0]
    assert.ok(heir)
    assert.notEqual(heir.generation, near.generation)
    assert.deepEqual([heir.tag, heir.flags], [-42, 0])
    await rig.pass(20)
    assert.deepEqual(heir.rows, ['takenOver'])
    probe.op(OP.resume, heir)
    await rig.until(() => heir.text === 'after', 'data there')
    probe.send(heir, 'answer')
    await rig.until(() => far.text === 'answer', 'the answer')
    assert.equal(rig.harness.connections.count(rig.harness.options.shard), 0)
    assert.equal(rig.harness.connections.count(other.options.shard), 1)
  })

  contract(
    'handover takes the queue and the seen end along',
    async (rig) => {
      const other = rig.harness.sibling()
      const probe = new Probe(other.engine, other.options)
      const { near, far } = await rig.accepted()
      far.fin()
      await rig.until(() => near.has('end'), 'the end')
      far.stopReading()
      rig.probe.send(near, pattern(rig.harness.floodBytes))
      rig.probe.op(OP.handover, near, other.options.shard, 1)
      assert.equal(rig.stat('queuedBytes'), 0)
      await rig.until(() => probe.takenOver.length === 1, 'takenOver')
      const heir = probe.takenOver[0]
      assert.ok(heir)
      assert.equal(heir.flags, 3)
      far.startReading()
      await rig.until(() => far.receivedBytes === rig.harness.floodBytes, 'the queue')
      assert.ok(Buffer.from(far.received).equals(pattern(rig.harness.floodBytes)))
      await rig.until(() => heir.has('writable'), 'writable there')
      probe.op(OP.resume, heir)
      probe.op(OP.close, heir, 1000)
      await rig.until(() => far.finReceived, 'FIN')
    },
    { queueCap: 64 * 1024 * 1024 },
  )

  contract('a connection that is handed to nobody comes back under a new handle', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.op(OP.handover, near, 255, 1)
    await rig.until(() => rig.probe.takenOver.length === 1, 'takenOver')
    assert.equal(rig.stat('open'), 1)
    rig.probe.send(near, 'stale')
    assert.equal(rig.stat('staleOps'), 1)
    const [back] = rig.probe.takenOver
    assert.ok(back)
    rig.probe.op(OP.resume, back)
    rig.probe.send(back, 'still here')
    await rig.until(() => far.receivedBytes === 10, 'it')
    assert.equal(far.resetBy, 0)
  })

  contract(
    'connections beyond maxConnections are closed at once and counted',
    async (rig) => {
      const kept = [await rig.accepted(), await rig.accepted()]
      const extra = await rig.harness.client(7)
      await rig.until(() => rig.stat('refusedOverLimit') === 1, 'refused')
      await rig.until(() => extra.finReceived || extra.resetBy !== 0, 'closed')
      assert.equal(rig.probe.accepted.length, 2)
      for (const { near, far } of kept.slice(0, 1)) {
        rig.probe.op(OP.reset, near)
        await rig.until(() => far.resetBy !== 0, 'reset')
      }
      await rig.accepted()
      assert.equal(rig.stat('accepted'), 3)
    },
    { maxConnections: 2 },
  )

  contract('unlisten takes no more and leaves alone what was accepted', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.harness.engine.unlisten(rig.listenerFd)
    void rig.harness.client(7)
    await rig.pass(30)
    assert.equal(rig.probe.accepted.length, 1)
    far.send('still here')
    await rig.until(() => near.text === 'still here', 'data')
  })

  contract('a stopped engine leaves its connections in the table, for someone to reset', async (rig) => {
    const { far } = await rig.accepted()
    const second = await rig.accepted()
    const { shard } = rig.harness.options
    assert.equal(rig.harness.connections.count(shard), 2)
    rig.harness.engine.stop()
    second.far.send('unheard')
    await rig.pass(20)
    assert.equal(rig.harness.connections.count(shard), 2)
    assert.equal(far.resetBy, 0)
    assert.equal(rig.harness.connections.resetOwned(shard), 2)
    await rig.until(() => far.resetBy !== 0 && second.far.resetBy !== 0, 'reset')
    assert.equal(rig.harness.connections.count(shard), 0)
  })

  contract('of a stopped engine, what was closed gracefully and is sent already ends well', async (rig) => {
    const { near, far } = await rig.accepted()
    const { shard } = rig.harness.options
    far.stopReading()
    rig.probe.send(near, pattern(500))
    rig.probe.op(OP.close, near, 5000)
    await rig.pass(100)
    await rig.until(() => rig.stat('queuedBytes') === 0, 'the flush')
    rig.harness.engine.stop()
    assert.equal(rig.harness.connections.count(shard), 1)
    assert.equal(rig.harness.connections.resetOwned(shard), 0)
    assert.equal(rig.harness.connections.count(shard), 0)
    far.startReading()
    await rig.until(() => far.finReceived || far.resetBy !== 0, 'the end')
    assert.deepEqual([far.receivedBytes, far.resetBy], [500, 0])
  })

  contract('one engine per shard index at a time', ({ harness }) => {
    assert.throws(() => harness.twin())
    return Promise.resolve()
  })

  contract('gauges and counters add up', async (rig) => {
    for (let i = 0; i < 5; i++) {
      const { near, far } = await rig.accepted()
      assert.equal(rig.stat('open'), 1)
      far.fin()
      await rig.until(() => near.has('end'), 'end')
      rig.probe.op(OP.close, near, 1000)
      await rig.gone()
    }
    assert.equal(rig.stat('accepted'), 5)
    assert.equal(rig.stat('staleOps') + rig.stat('badOps') + rig.stat('resets') + rig.stat('overflows'), 0)
    assert.ok(rig.stat('events') >= 10)
    assert.ok(rig.stat('ticks') >= 5)
  })
}
