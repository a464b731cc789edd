import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EVENT, EVENT_WORDS, OP, OP_WORDS } from '../../../src/io/engine.ts'
import { pattern } from '../../support/contract/rig.ts'
import { Probe } from '../../support/engine-probe.ts'
import type { SimEngine } from '../../support/sim-engine.ts'
import type { SimPeer } from '../../support/sim/peer.ts'
import { CALM, drawProfile, HOSTILE, ROUGH, type SimProfile } from '../../support/sim/profile.ts'
import { SIM_ENGINE_OPTIONS, SimFailure, SimWorld } from '../../support/sim/world.ts'

const TOKEN = 1

/** Sends every byte back and closes after the peer's end, out of the batch that brought them. */
function echo(engine: SimEngine): void {
  engine.start((events) => {
    let ops = 0
    for (let row = 0; row < events; row++) {
      const [kind = 0, fd = 0, generation = 0, a = 0, b = 0] = engine.events.subarray(row * EVENT_WORDS)
      if (kind === EVENT.data) engine.ops.set([OP.send, fd, generation, a, b], ops++ * OP_WORDS)
      if (kind === EVENT.end) engine.ops.set([OP.close, fd, generation, 10_000, 0], ops++ * OP_WORDS)
    }
    return ops
  })
}

type Run = {
  readonly world: SimWorld
  readonly engine: SimEngine
  readonly peers: SimPeer[]
  readonly sent: Uint8Array[]
}

/** Some clients talk to an echo until all is quiet. */
function echoRun(seed: number, profile: SimProfile): Run {
  const world = new SimWorld(seed, profile)
  const engine = world.engine()
  engine.listen(world.listener().fd, TOKEN)
  echo(engine)
  const sent: Uint8Array[] = []
  const peers = Array.from({ length: 1 + world.chance.below(6) }, () => {
    const peer = world.client(TOKEN)
    const bytes = pattern(world.chance.size([1, 3000]), world.chance.below(1000))
    sent.push(bytes)
    peer.send(bytes)
    peer.fin()
    return peer
  })
  world.run({ untilIdle: true })
  return { world, engine, peers, sent }
}

test('the same seed takes the same course, event by event; another seed another', () => {
  const courses = new Set<number>()
  for (let seed = 0; seed < 100; seed++) {
    const one = echoRun(seed, HOSTILE).world
    const two = echoRun(seed, HOSTILE).world
    assert.equal(one.fingerprint, two.fingerprint)
    assert.deepEqual(one.trace, two.trace)
    courses.add(one.fingerprint)
  }
  assert.ok(courses.size > 98)
})

test('whatever the cuts, delays and short writes, every byte arrives once and in order', () => {
  for (let seed = 0; seed < 300; seed++) {
    const { peers, sent, world } = echoRun(seed, ROUGH)
    peers.forEach((peer, i) => {
      assert.deepEqual(Buffer.from(peer.received), Buffer.from(sent[i] ?? []), `seed ${world.seed}`)
      assert.ok(peer.finReceived)
    })
  }
})

test('whatever fails, a peer gets a prefix of what it is due and an ending, and nothing is left behind', () => {
  for (let seed = 0; seed < 500; seed++) {
    const { peers, sent, world, engine } = echoRun(seed, drawProfile(new SimWorld(seed).chance))
    peers.forEach((peer, i) => {
      const due = Buffer.from(sent[i] ?? []).subarray(0, peer.receivedBytes)
      assert.deepEqual(Buffer.from(peer.received), due, `seed ${seed}`)
      assert.ok(peer.finReceived || peer.resetBy !== 0, `seed ${seed}: ${peer.name} has no ending`)
    })
    assert.deepEqual([world.process.count(), engine.stat('open'), engine.stat('queuedBytes')], [0, 0, 0])
  }
})

test('virtual time never goes back', () => {
  const { world } = echoRun(5, HOSTILE)
  const times = world.trace.map((line) => Number.parseFloat(line))
  assert.ok(times.length > 50)
  assert.ok(times.every((time, i) => i === 0 || time >= (times[i - 1] ?? 0)))
})

test('scripted splits and delays arrive as scripted', () => {
  const world = new SimWorld(1, CALM)
  const engine = world.engine()
  const probe = new Probe(engine, { ...SIM_ENGINE_OPTIONS, stats: new Float64Array() })
  const listener = world.listener()
  engine.listen(listener.fd, TOKEN)
  const pieces: [ms: number, bytes: number][] = []
  probe.react = (name, connection) => {
    if (name === 'data') pieces.push([Math.round(world.nowMs), connection.spanBytes])
  }
  world.client(TOKEN).send('abcdefghij', { splits: [1, 2, 3], delaysMs: [10, 20, 30] })
  world.run({ untilIdle: true })
  assert.deepEqual(pieces, [
    [10, 1],
    [30, 2],
    [60, 3],
    [90, 4],
  ])
})

test('the arena is poisoned when its batch is over', () => {
  const world = new SimWorld(1, CALM)
  const engine = world.engine()
  const probe = new Probe(engine, { ...SIM_ENGINE_OPTIONS, stats: new Float64Array() })
  engine.listen(world.listener().fd, TOKEN)
  let seen = ''
  probe.react = (name, { spanAt, spanBytes }) => {
    if (name === 'data') seen = Buffer.from(engine.mem.subarray(spanAt, spanAt + spanBytes)).toString()
  }
  world.client(TOKEN).send('secret')
  world.run({ untilIdle: true })
  assert.equal(seen, 'secret')
  assert.ok(engine.mem.subarray(0, engine.arenaBytes).every((byte) => byte === 0xdd))
})

test('a freed fd has its next tenant at once', () => {
  const world = new SimWorld(1, CALM)
  const engine = world.engine()
  world.backend('10.0.0.1:80')
  const first = engine.connect('10.0.0.1:80')
  const generation = engine.generationOf(first)
  engine.ops.set([OP.reset, first, generation])
  engine.flush(1)
  assert.equal(engine.connect('10.0.0.1:80'), first)
  assert.notEqual(engine.generationOf(first), generation)
})

test('backends refuse, keep silent, or take their time', () => {
  const world = new SimWorld(1, CALM)
  const engine = world.engine()
  const probe = new Probe(engine, { ...SIM_ENGINE_OPTIONS, stats: new Float64Array() })
  world.backend('10.0.0.1:1', { refuse: 113 })
  world.backend('10.0.0.1:2', { silent: true })
  world.backend('10.0.0.1:3', { connectMs: [300, 300] })
  const [refused, silent, slow] = [1, 2, 3].map((port) => probe.connect(`10.0.0.1:${port}`))
  world.run({ untilMs: 299 })
  assert.deepEqual([refused?.errno, silent?.rows, slow?.rows], [113, [], []])
  world.run({ untilMs: 301 })
  assert.deepEqual(slow?.rows, ['connected'])
  world.run({ untilMs: 200_000 })
  assert.deepEqual([silent?.rows, silent?.errno], [['connectFailed'], 110])
})

test('closing on unread input costs the peer our last words, lingering saves them (RFC 9112 §9.6)', () => {
  for (const lingerMs of [0, 1000]) {
    const world = new SimWorld(1, { ...CALM, resetLosesData: 1 })
    const engine = world.engine()
    const probe = new Probe(engine, { ...SIM_ENGINE_OPTIONS, stats: new Float64Array() })
    engine.listen(world.listener().fd, TOKEN)
    const peer = world.client(TOKEN)
    probe.react = (name, connection) => {
      if (name !== 'data') return
      probe.send(connection, 'last words')
      probe.op(OP.close, connection, lingerMs)
    }
    peer.stopReading()
    peer.send('question')
    peer.send('and more', { delaysMs: [5] })
    world.run({ untilMs: 50 })
    peer.startReading()
    world.run({ untilIdle: true })
    assert.equal(peer.text, lingerMs === 0 ? '' : 'last words')
    assert.equal(peer.resetBy, lingerMs === 0 ? 104 : 0)
  }
})

test('when fds run out the engine says so at most once a second, and goes on accepting', () => {
  const world = new SimWorld(3, { ...CALM, acceptExhausted: 0.7 })
  const engine = world.engine()
  const said: number[] = []
  engine.start((events) => {
    for (let row = 0; row < events; row++) {
      if (engine.events[row * EVENT_WORDS] === EVENT.exhausted) said.push(world.nowMs)
    }
    return 0
  })
  engine.listen(world.listener().fd, TOKEN)
  const peers = Array.from({ length: 60 }, () => world.client(TOKEN))
  world.run({ untilIdle: true })
  const turnedAway = peers.filter((peer) => peer.finReceived).length
  assert.equal(engine.stat('accepted') + turnedAway, 60)
  assert.ok(said.length > 0 && said.every((ms, i) => i === 0 || ms - (said[i - 1] ?? 0) >= 1000))
})

test('a failure carries the seed and the last events', () => {
  const world = new SimWorld(42, CALM)
  const engine = world.engine()
  engine.start(() => {
    throw new Error('bug in the handler')
  })
  engine.listen(world.listener().fd, TOKEN)
  world.client(TOKEN)
  assert.throws(
    () => world.run({ untilIdle: true }),
    (error) =>
      error instanceof SimFailure && /seed 42.*bug in the handler[^]*engine0 accept/.test(error.message),
  )
})

test('a world that does not come to rest is a failure', () => {
  const world = new SimWorld(1, CALM)
  const again = (): void => world.after(1, again)
  again()
  assert.throws(() => world.run({ untilIdle: true, maxSteps: 1000 }), /no rest after 1000 steps/)
})
