import assert from 'node:assert/strict'
import { OP, RELAY } from '../../../src/io/engine.ts'
import { Probe } from '../engine-probe.ts'
import { estateOf } from './estates.ts'
import type { Contract, Rig } from './rig.ts'

function heir(rig: Rig): Probe {
  const { engine, options } = rig.harness.sibling()
  return new Probe(engine, options)
}

/** Taking what another engine left. */
export function inheritedCases(contract: Contract): void {
  contract(
    'what is taken is paused until resume; what was not read is announced anew, the old handle is dead',
    async (rig) => {
      const { near, far } = await rig.accepted()
      rig.probe.stop()
      far.send('unread')
      const probe = heir(rig)
      const taken = probe.take(near.fd, near.generation)
      assert.ok(taken)
      assert.notEqual(taken.generation, near.generation)
      assert.equal(probe.engine.generationOf(near.fd), taken.generation)
      assert.equal(probe.engine.progress(near.fd, near.generation), -1)
      assert.equal(probe.engine.flagsOf(near.fd, near.generation), -1)
      assert.equal(probe.engine.peerOf(near.fd, near.generation), undefined)
      await rig.pass(30)
      assert.deepEqual(taken.rows, [])
      probe.op(OP.resume, taken)
      await rig.until(() => taken.text === 'unread', 'data')
      probe.op(OP.reset, taken)
      await rig.until(() => far.resetBy !== 0, 'reset')
      assert.equal(rig.harness.connections.count(), 0)
    },
  )

  contract(
    'a handle is taken once; of one that is served already take returns the generation',
    async (rig) => {
      const { near } = await rig.accepted()
      const probe = heir(rig)
      assert.equal(probe.take(near.fd, near.generation), undefined, 'its engine lives')
      rig.probe.stop()
      assert.equal(probe.take(near.fd, near.generation + 1), undefined)
      assert.equal(probe.take(near.fd, 0), undefined)
      assert.equal(probe.take(-1, 1), undefined)
      const taken = probe.take(near.fd, near.generation)
      assert.ok(taken)
      assert.equal(probe.engine.take(near.fd, near.generation), 0)
      assert.equal(probe.engine.take(near.fd, taken.generation), taken.generation)
      const { engine } = rig.harness.twin()
      assert.equal(engine.take(near.fd, near.generation), 0)
      assert.equal(engine.take(near.fd, taken.generation), 0)
    },
  )

  contract('a FIN that was read is known, and not read twice', async (rig) => {
    const { near, far } = await rig.accepted()
    far.send('all')
    far.fin()
    await rig.until(() => near.has('end'), 'the end')
    rig.probe.stop()
    const probe = heir(rig)
    const taken = probe.take(near.fd, near.generation)
    assert.ok(taken)
    assert.equal(probe.engine.flagsOf(taken.fd, taken.generation), 1)
    probe.op(OP.resume, taken)
    probe.send(taken, 'answer')
    probe.op(OP.close, taken, 1000)
    await rig.until(() => far.finReceived, 'FIN')
    assert.equal(far.text, 'answer')
    assert.deepEqual(taken.rows, [])
  })

  contract('a break that came meanwhile is reported by a reset row', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.stop()
    far.rst()
    await rig.pass(30)
    const probe = heir(rig)
    const taken = probe.take(near.fd, near.generation)
    assert.ok(taken)
    await rig.until(() => taken.has('reset'), 'reset')
    assert.deepEqual(taken.rows, ['reset'])
  })

  contract('relays of the life before are forgotten; a tunnel goes on by relays of the heir', async (rig) => {
    const client = await rig.accepted()
    const upstream = await rig.connected()
    const tunnel = (probe: Probe, one: typeof client.near, other: typeof client.near): void => {
      probe.op(OP.relay, one, other.fd, other.generation, -1, -1)
      probe.op(OP.relay, other, one.fd, one.generation, -1, -1)
    }
    tunnel(rig.probe, client.near, upstream.near)
    client.far.send('there ')
    await rig.until(() => upstream.far.text === 'there ', 'one way')
    rig.probe.stop()
    client.far.send('and on')
    const probe = heir(rig)
    const left = estateOf(rig.harness.connections, rig.harness.options.shard)
    const [one, other] = left
      .toSorted((a, b) => a.kind - b.kind)
      .map(({ fd, generation }) => probe.take(fd, generation))
    assert.ok(one && other)
    await rig.pass(30)
    assert.deepEqual([one.rows, other.rows, upstream.far.text], [[], [], 'there '])
    tunnel(probe, one, other)
    await rig.until(() => upstream.far.text === 'there and on', 'what was sent meanwhile')
    upstream.far.send('back')
    await rig.until(() => client.far.text === 'back', 'the other way')
    upstream.far.fin()
    await rig.until(() => other.relays.length === 1, 'the end of a relay')
    assert.equal(other.relays[0]?.status, RELAY.ended)
  })

  contract(
    'a successor with the same index is another engine: it has nothing until it takes',
    async (rig) => {
      const { near, far } = await rig.accepted()
      rig.probe.stop()
      const { engine, options } = rig.harness.twin()
      const probe = new Probe(engine, options)
      assert.equal(engine.generationOf(near.fd), 0)
      assert.equal(engine.progress(near.fd, near.generation), -1)
      probe.send(near, 'not yet')
      far.send('patience')
      await rig.pass(20)
      assert.equal(far.receivedBytes, 0)
      const taken = probe.take(near.fd, near.generation)
      assert.ok(taken)
      probe.op(OP.resume, taken)
      await rig.until(() => taken.text === 'patience', 'data')
      assert.equal(rig.harness.connections.count(options.shard), 1)
    },
  )

  contract(
    'handed over and not yet noticed when the other engine stops: in its estate, one generation on',
    async (rig) => {
      const other = heir(rig)
      const { near, far } = await rig.accepted()
      const target = [...Array(256).keys()].find(
        (index) => index !== rig.harness.options.shard && rig.harness.engine.wake(index),
      )
      assert.ok(target !== undefined)
      rig.probe.op(OP.handover, near, target, 3)
      other.stop()
      const [left, ...more] = estateOf(rig.harness.connections, target)
      assert.deepEqual(
        [left?.fd, left?.generation, more.length],
        [near.fd, (near.generation + 1) | 0 || 1, 0],
      )
      const taken = rig.probe.engine.take(near.fd, left?.generation ?? 0)
      assert.notEqual(taken, 0)
      assert.equal(far.resetBy, 0)
    },
  )

  contract('the peer of a connection, whichever family', async (rig) => {
    for (const [index, family] of (['ipv4', 'ipv6', 'unix'] as const).entries()) {
      rig.harness.listen(20 + index, family)
      const far = await rig.harness.client(20 + index)
      await rig.until(() => rig.probe.accepted.length > index, 'accepted')
      const near = rig.probe.accepted[index]
      assert.equal(rig.harness.engine.peerOf(near?.fd ?? -1, near?.generation ?? 0), `${far.ip} ${far.port}`)
      const backend = await rig.harness.backend(family)
      const { near: made } = await rig.connected(backend)
      const colon = backend.address.lastIndexOf(':')
      const expected =
        family === 'unix'
          ? 'unix: 0'
          : `${backend.address.slice(0, colon).replaceAll(/[[\]]/g, '')} ${backend.address.slice(colon + 1)}`
      assert.equal(rig.harness.engine.peerOf(made.fd, made.generation), expected)
    }
  })
}
