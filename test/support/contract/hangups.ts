import assert from 'node:assert/strict'
import { OP } from '../../../src/io/engine.ts'
import { Probe, type EventName, type ProbeConnection } from '../engine-probe.ts'
import { pattern, type Contract } from './rig.ts'

/** What fits into the smallest socket: a FIN comes behind what was sent before. */
const SENT = 600

const times = (connection: ProbeConnection, name: EventName): number =>
  connection.rows.filter((row) => row === name).length

/** The FIN of a peer that is not read. */
export function hangupCases(contract: Contract): void {
  for (const bytes of [0, SENT])
    contract(
      `a FIN while paused is a hangup row, once; what came before it (${bytes} bytes) and the end come with resume`,
      async (rig) => {
        const { near, far } = await rig.accepted()
        rig.probe.op(OP.pause, near)
        far.send(pattern(bytes))
        far.fin()
        await rig.until(() => near.has('hangup'), 'hangup')
        rig.probe.op(OP.pause, near)
        await rig.pass(20)
        assert.deepEqual(near.rows, ['accepted', 'hangup'])
        rig.probe.send(near, 'answer')
        await rig.until(() => far.text === 'answer', 'the answer: its side is open still')
        rig.probe.op(OP.resume, near)
        await rig.until(() => near.has('end'), 'the end')
        assert.deepEqual(near.received, Buffer.from(pattern(bytes)))
        assert.equal(times(near, 'hangup'), 1)
      },
    )

  contract('a FIN that had come before the pause is told of as well', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.react = (name, connection) => {
      if (name === 'data') rig.probe.op(OP.pause, connection)
    }
    far.send(pattern(SENT))
    far.fin()
    await rig.until(() => near.has('hangup') || near.has('end'), 'hangup, or read with the data')
    for (let rows = near.rows.length; !near.has('end'); rows = near.rows.length) {
      rig.probe.op(OP.resume, near)
      await rig.until(() => near.rows.length > rows, 'the next piece')
    }
    assert.ok(times(near, 'hangup') <= 1)
    assert.equal(near.receivedBytes, SENT)
  })

  contract('a peer that is read, or whose end was, hangs up by its end alone', async (rig) => {
    const { near, far } = await rig.accepted()
    far.send(pattern(SENT))
    far.fin()
    await rig.until(() => near.has('end'), 'the end')
    rig.probe.op(OP.pause, near)
    await rig.pass(20)
    assert.equal(near.has('hangup'), false)
  })

  contract('a peer that breaks while paused is reset, not hung up', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.op(OP.pause, near)
    far.rst()
    await rig.until(() => near.has('reset'), 'reset')
    assert.deepEqual(near.rows, ['accepted', 'reset'])
  })

  contract('a relay that is held tells of the FIN of its source, and goes on as ever', async (rig) => {
    const source = await rig.accepted()
    const target = await rig.accepted()
    rig.probe.op(OP.relay, source.near, target.near.fd, target.near.generation, -1, -1)
    rig.probe.op(OP.pause, source.near)
    source.far.send('words')
    source.far.fin()
    await rig.until(() => source.near.has('hangup'), 'hangup')
    assert.equal(source.near.has('relayDone'), false)
    rig.probe.op(OP.resume, source.near)
    await rig.until(() => source.near.has('relayDone'), 'relayDone')
    await rig.until(() => target.far.text === 'words', 'the words')
    assert.deepEqual(source.near.rows, ['accepted', 'hangup', 'relayDone'])
  })

  contract('the engine that a connection is handed over to tells of its FIN anew', async (rig) => {
    const other = rig.harness.sibling()
    const probe = new Probe(other.engine, other.options)
    const { near, far } = await rig.accepted()
    rig.probe.op(OP.pause, near)
    far.send('unread')
    far.fin()
    await rig.until(() => near.has('hangup'), 'hangup')
    rig.probe.op(OP.handover, near, other.options.shard, 1)
    await rig.until(() => probe.takenOver[0]?.has('hangup') === true, 'hangup there')
    const heir = probe.takenOver[0] as ProbeConnection
    probe.op(OP.resume, heir)
    await rig.until(() => heir.has('end'), 'the end')
    assert.deepEqual([heir.text, times(heir, 'hangup')], ['unread', 1])
  })
}
