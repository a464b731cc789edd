import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Carry } from '../../../src/io/carry.ts'
import { Reactor } from '../../../src/io/reactor.ts'
import type { Accepted, ReactorHandler } from '../../../src/io/reactor-handler.ts'
import { SimWorld } from '../../support/sim/world.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const PIECE = 256

/** A reactor with so many slabs, and a connection to send to, in the midst of a batch. */
const withReactor = (slabs: number, act: (reactor: Reactor, to: Accepted) => void): SimPeer => {
  const world = new SimWorld(1)
  const options = { scratchBytes: 1024, granularityMs: 50, slabs: [{ bytes: PIECE, count: slabs }] }
  const engine = world.engine({ ownBytes: Reactor.ownBytes(options) })
  const handler: ReactorHandler = {
    onAccepted: (accepted) => act(reactor, accepted),
    onWake() {},
    onExhausted() {},
    onTakenOver() {},
    onError(error) {
      throw error
    },
    onTurn() {},
    restless: () => false,
    onBatchStart: () => 0,
    onBatchEnd() {},
  }
  const reactor: Reactor = new Reactor(engine, options, handler)
  reactor.start()
  engine.listen(world.listener().fd, 0)
  const client = world.client(0)
  world.run({ untilMs: 10 })
  return client
}

/** Write text to where nobody else writes, at the end of the arena, and say where. */
const place = (reactor: Reactor, text: string): [number, number] => {
  const start = reactor.engine.arenaBytes - 1000
  reactor.mem.set(Buffer.from(text), start)
  return [start, start + text.length]
}

for (const slabs of [1, 2, 3]) {
  test(`what was sent from the front of what is carried goes out as it was, with ${slabs} slabs in all`, () => {
    const client = withReactor(slabs, (reactor, to) => {
      const carry = new Carry()
      assert.equal(carry.append(reactor, ...place(reactor, 'first')), true)
      assert.equal(carry.append(reactor, ...place(reactor, 'second')), true)
      reactor.ops.send(to, carry.start, carry.start + 5)
      carry.keepFrom(reactor, carry.start + 5)
      assert.equal(carry.end - carry.start, 6)
      assert.equal(carry.append(reactor, ...place(reactor, 'third')), true)
      reactor.ops.send(to, carry.start, carry.end)
      carry.keepFrom(reactor, carry.end)
      assert.equal(carry.empty, true)
    })
    assert.equal(client.text, 'firstsecondthird')
  })
}

test('what fits no slab is refused, and what was carried stays', () => {
  withReactor(1, (reactor) => {
    const carry = new Carry()
    assert.equal(carry.append(reactor, ...place(reactor, 'x'.repeat(PIECE))), true)
    assert.equal(carry.append(reactor, ...place(reactor, 'y')), false)
    assert.equal(carry.end - carry.start, PIECE)
    const other = new Carry()
    assert.equal(other.append(reactor, ...place(reactor, 'z')), false)
    assert.equal(other.empty, true)
    carry.clear(reactor)
    assert.equal(carry.empty, true)
  })
})

test('bytes already carried may be appended again', () => {
  const client = withReactor(2, (reactor, to) => {
    const carry = new Carry()
    carry.append(reactor, ...place(reactor, 'again'))
    carry.append(reactor, carry.start, carry.end)
    reactor.ops.send(to, carry.start, carry.end)
  })
  assert.equal(client.text, 'againagain')
})
