import assert from 'node:assert/strict'
import { OP } from '../../../src/io/engine.ts'
import type { FarEnd } from '../engine-harness.ts'
import type { ProbeConnection } from '../engine-probe.ts'
import type { Contract } from './rig.ts'

/** What ops may say, whom they may name, and connecting. */
export function opCases(contract: Contract): void {
  contract('an op never reaches the next tenant of its fd', async (rig) => {
    const backend = await rig.harness.backend()
    const first = await rig.accepted()
    rig.probe.op(OP.reset, first.near)
    const others: ProbeConnection[] = []
    do others.push(rig.probe.connect(backend.address))
    while (others.every(({ fd }) => fd !== first.near.fd) && others.length < 50)
    const near = others.at(-1) as ProbeConnection
    assert.equal(near.fd, first.near.fd, 'the fd was used again')
    await rig.until(() => near.has('connected') && backend.accepted.length === others.length, 'connected')
    rig.probe.send(near, 'who is who')
    await rig.until(() => backend.accepted.some(({ text }) => text === 'who is who'), 'the far end')
    const far = backend.accepted.find(({ text }) => text === 'who is who') as FarEnd
    assert.notEqual(near.generation, first.near.generation)
    const kinds = Object.values(OP)
    for (const kind of kinds) rig.probe.op(kind, first.near, 0, 0)
    rig.probe.flush()
    assert.equal(rig.stat('staleOps'), kinds.length)
    far.send('hello')
    await rig.until(() => near.text === 'hello', 'the heir lives')
    assert.deepEqual([far.text, far.resetBy, far.finReceived], ['who is who', 0, false])
  })

  contract('rows out of bounds are counted and dropped, the connection goes on', async (rig) => {
    const { near, far } = await rig.accepted()
    const { mem } = rig.harness.engine
    const bad: [kind: number, ...words: number[]][] = [
      [OP.send, -1, 10],
      [OP.send, 0, -1],
      [OP.send, mem.length, 1],
      [OP.send, mem.length - 5, 6],
      [OP.send, 0x7fff_ffff, 0x7fff_ffff],
      [OP.close, -1],
      [OP.relay, near.fd, near.generation, -1, -1],
      [OP.handover, -1, 0],
      [OP.handover, 256, 0],
      [0, 0],
      [99, 0],
      [-1, 0],
    ]
    for (const [kind, ...words] of bad) rig.probe.op(kind, near, ...words)
    rig.probe.flush()
    assert.equal(rig.stat('badOps'), bad.length)
    rig.probe.op(OP.pause, { fd: -1, generation: 1 })
    rig.probe.op(OP.pause, { fd: 0x7fff_ffff, generation: 1 })
    assert.equal(rig.stat('badOps'), bad.length + 2)
    rig.probe.send(near, 'fine')
    await rig.until(() => far.text === 'fine', 'the connection goes on')
  })

  contract('ops can be flushed inside a batch, as often as needed', async (rig) => {
    const { near, far } = await rig.accepted()
    const many = rig.harness.options.opRows * 3 + 5
    rig.probe.react = (name, connection) => {
      if (name !== 'data') return
      for (let i = 0; i < many; i++) rig.probe.send(connection, 'ab')
    }
    far.send('?')
    await rig.until(() => far.receivedBytes === 2 * many, 'all of them')
    assert.equal(far.text, 'ab'.repeat(many))
    assert.equal(near.has('reset'), false)
  })

  for (const family of ['ipv4', 'ipv6', 'unix'] as const) {
    contract(`connect (${family}): connected, then both ways work`, async (rig) => {
      const backend = await rig.harness.backend(family)
      const { near, far } = await rig.connected(backend)
      rig.probe.send(near, 'ping')
      await rig.until(() => far.text === 'ping', 'ping')
      far.send('pong')
      await rig.until(() => near.text === 'pong', 'pong')
      assert.equal(near.rows[0], 'connected')
      assert.equal(rig.stat('connects'), 1)
      assert.equal(rig.stat('open'), 1)
    })
  }

  contract('what is sent before the connection stands is not lost', async (rig) => {
    const backend = await rig.harness.backend()
    const near = rig.probe.connect(backend.address)
    rig.probe.send(near, 'early ')
    rig.probe.send(near, 'bird')
    rig.probe.op(OP.shutdown, near)
    await rig.until(() => backend.accepted[0]?.finReceived === true, 'FIN')
    assert.equal(backend.accepted[0]?.text, 'early bird')
    assert.equal(near.rows[0], 'connected')
  })

  contract('a refused connect is a connectFailed row with its errno, and the handle is dead', async (rig) => {
    const near = rig.probe.connect(await rig.harness.refusing())
    rig.probe.send(near, 'nobody hears this')
    await rig.until(() => near.has('connectFailed'), 'connectFailed')
    assert.equal(near.errno, 111)
    assert.deepEqual(near.rows, ['connectFailed'])
    assert.equal(rig.stat('connectFailures'), 1)
    assert.equal(rig.stat('queuedBytes'), 0)
    assert.equal(rig.harness.engine.progress(near.fd, near.generation), -1)
    await rig.gone()
  })

  contract('an address that is none is refused at once with EINVAL', async ({ harness }) => {
    for (const address of ['', 'localhost:80', '127.0.0.1', '::1:80', '[::1]', '127.0.0.1:99999', 'unix:']) {
      assert.equal(harness.engine.connect(address), -22, address)
    }
    await harness.pass(1)
  })

  contract('a connect under way can be given up', async (rig) => {
    const backend = await rig.harness.backend()
    const one = rig.probe.connect(backend.address)
    const two = rig.probe.connect(backend.address)
    rig.probe.op(OP.reset, one)
    rig.probe.op(OP.close, two, 1000)
    await rig.gone()
    await rig.pass(5)
    assert.deepEqual([one.rows, two.rows], [[], []])
  })
}
