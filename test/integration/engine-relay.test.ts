import assert from 'node:assert/strict'
import { once } from 'node:events'
import type net from 'node:net'
import { constants } from 'node:os'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { EVENT, OP, RELAY } from '../../src/io/engine.ts'
import type { EngineOptions, Handle } from '../../src/io/engine.ts'
import { Rig, closed, dial, eventually, pattern, readAll } from './engine-rig.ts'
import type { Row } from './engine-rig.ts'

const { ECONNRESET } = constants.errno
const MIB = 1 << 20

type Scene = {
  readonly rig: Rig
  readonly left: net.Socket
  readonly right: net.Socket
  readonly from: Handle
  readonly to: Handle
}

/** Two clients; bytes of `left` arrive at `from`, what `to` is sent arrives at `right`. */
async function scene(t: TestContext, options: Partial<EngineOptions> = {}): Promise<Scene> {
  const rig = new Rig(t, options)
  const group = rig.listen()
  const [left, from] = await rig.pair(group)
  const [right, to] = await rig.pair(group)
  return { rig, left, right, from, to }
}

function relay({ rig }: Scene, from: Handle, to: Handle, bytes: number): void {
  const words = bytes === Infinity ? [-1, -1] : [bytes | 0, Math.floor(bytes / 2 ** 32)]
  rig.op(OP.relay, from, to.fd, to.generation, ...words)
}

function relayed(row: Row): number {
  return (row.b >>> 0) + (row.c >>> 0) * 2 ** 32
}

/** Collects what a socket hears. */
function ear(socket: net.Socket): { readonly length: number; readonly bytes: Buffer } {
  const pieces: Buffer[] = []
  let length = 0
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece)
    length += piece.length
  })
  return {
    get length() {
      return length
    },
    get bytes() {
      return Buffer.concat(pieces)
    },
  }
}

test('exactly n bytes are relayed, what follows is data', async (t) => {
  const set = await scene(t)
  const { rig, left, right, from, to } = set
  const heard = ear(right)
  for (const n of [1, 2, 4095, 65_536, 131_072, 131_073, 5 * MIB]) {
    const before = heard.length
    const bytes = pattern(n + 100, n)
    relay(set, from, to, n)
    left.write(bytes)
    const done = await rig.next(EVENT.relayDone, from)
    assert.equal(done.a, RELAY.complete)
    assert.equal(relayed(done), n)
    assert.deepEqual(await rig.data(from, 100), bytes.subarray(n))
    await eventually(() => heard.length === before + n, 'the bytes')
    assert.deepEqual(heard.bytes.subarray(before), bytes.subarray(0, n))
  }
  assert.equal(rig.stat('bytesRelayed'), rig.stat('bytesOut'))
})

test('until the source ends: ended, no end row; the target can still be sent to and closed', async (t) => {
  const set = await scene(t)
  const { rig, left, right, from, to } = set
  const bytes = pattern(3 * MIB)
  relay(set, from, to, Infinity)
  left.end(bytes)
  const heard = readAll(right)
  const done = await rig.next(EVENT.relayDone, from)
  assert.deepEqual([done.a, relayed(done)], [RELAY.ended, bytes.length])
  rig.send(to, 'trailer')
  rig.op(OP.shutdown, to)
  assert.deepEqual(await heard, Buffer.concat([bytes, Buffer.from('trailer')]))
  assert.ok(!rig.rows.some(({ kind }) => kind === EVENT.end || kind === EVENT.data))
  relay(set, from, to, 5)
  assert.equal(rig.stat('badOps'), 1, 'the target is shut down')
})

test('a source that ends before n bytes: ended with what came', async (t) => {
  const set = await scene(t)
  relay(set, set.from, set.to, 2 ** 33)
  set.left.end('short')
  const done = await set.rig.next(EVENT.relayDone, set.from)
  assert.deepEqual([done.a, relayed(done)], [RELAY.ended, 5])
  relay(set, set.from, set.to, Infinity)
  assert.equal((await set.rig.next(EVENT.relayDone, set.from)).a, RELAY.ended, 'it ended before')
  relay(set, set.from, set.to, 0)
  assert.equal((await set.rig.next(EVENT.relayDone, set.from)).a, RELAY.complete, 'nothing is left to do')
})

test('a target that does not read: a bounded queue, the source stops by itself, nothing is lost', async (t) => {
  const set = await scene(t)
  const { rig, left, right, from, to } = set
  right.pause()
  relay(set, from, to, Infinity)
  const bytes = pattern(32 * MIB)
  left.write(bytes)
  await eventually(() => rig.stat('queuedBytes') > 0, 'the target to block')
  let progress = -1
  await eventually(() => {
    const now = rig.engine.progress(from.fd, from.generation)
    const still = now === progress
    progress = now
    return still
  }, 'the relay to stand still')
  assert.ok(rig.stat('queuedBytes') <= 512 * 1024, `${rig.stat('queuedBytes')} queued`)
  assert.ok(progress < bytes.length)
  left.end()
  const heard = readAll(right)
  const done = await rig.next(EVENT.relayDone, from)
  assert.deepEqual([done.a, relayed(done)], [RELAY.ended, bytes.length])
  rig.op(OP.shutdown, to)
  assert.deepEqual(await heard, bytes)
  assert.deepEqual(rig.rows, [], 'TypeScript was never woken')
})

test('a tunnel: both directions at once, each ends by itself', async (t) => {
  const set = await scene(t)
  const { rig, left, right, from, to } = set
  const [there, back] = [pattern(5 * MIB, 3), pattern(7 * MIB, 4)]
  relay(set, from, to, Infinity)
  relay(set, to, from, Infinity)
  left.end(there)
  right.end(back)
  const heard = [readAll(right), readAll(left)] as const
  for (const [source, target, length] of [
    [from, to, there.length],
    [to, from, back.length],
  ] as const) {
    const done = await rig.next(EVENT.relayDone, source)
    assert.deepEqual([done.a, relayed(done)], [RELAY.ended, length])
    rig.op(OP.shutdown, target)
  }
  assert.deepEqual(await heard[0], there)
  assert.deepEqual(await heard[1], back)
  assert.deepEqual(rig.rows, [])
})

test('stopped: the source is paused, its next bytes come after resume', async (t) => {
  const set = await scene(t)
  const { rig, left, right, from, to } = set
  const heard = ear(right)
  relay(set, from, to, Infinity)
  left.write('one')
  await eventually(() => heard.length === 3, 'the bytes')
  rig.op(OP.relayStop, from)
  const done = await rig.next(EVENT.relayDone, from)
  assert.deepEqual([done.a, relayed(done)], [RELAY.stopped, 3])
  left.write('two')
  rig.op(OP.relayStop, from)
  rig.op(OP.resume, from)
  assert.equal((await rig.data(from, 3)).toString(), 'two')
  assert.deepEqual(rig.rows, [], 'stopping what does not run is nothing')
  assert.equal(rig.stat('badOps'), 0)
})

test('the target goes: broken, the source is paused and alive', async (t) => {
  for (const end of ['reset by the peer', 'closed by us', 'reset by us', 'overflow'] as const) {
    await t.test(end, async (sub) => {
      const set = await scene(sub, { queueCap: 300_000 })
      const { rig, left, right, from, to } = set
      right.pause()
      relay(set, from, to, Infinity)
      const bytes = pattern(24 * MIB)
      left.write(bytes)
      await eventually(() => rig.stat('queuedBytes') > 0, 'the target to block')
      if (end === 'reset by the peer') right.resetAndDestroy()
      else if (end === 'overflow') rig.send(to, pattern(300_001))
      else rig.op(end === 'closed by us' ? OP.close : OP.reset, to, 100)
      const done = await rig.next(EVENT.relayDone, from)
      assert.equal(done.a, RELAY.broken)
      if (end === 'reset by the peer' || end === 'overflow') await rig.next(EVENT.reset, to)
      rig.op(OP.resume, from)
      assert.deepEqual(
        await rig.data(from, 1000).then((got) => got.subarray(0, 1000)),
        bytes.subarray(relayed(done)).subarray(0, 1000),
      )
      relay(set, from, to, 10)
      const again = await rig.next(EVENT.relayDone, from)
      assert.deepEqual([again.a, relayed(again)], [RELAY.broken, 0], 'a relay to the dead is answered')
    })
  }
})

test('the source breaks: reset of the source, the target is free', async (t) => {
  const set = await scene(t)
  const { rig, left, right, from, to } = set
  const heard = ear(right)
  relay(set, from, to, Infinity)
  await new Promise((resolve) => left.write('some', resolve))
  left.resetAndDestroy()
  assert.equal((await rig.next(EVENT.reset, from)).a, ECONNRESET)
  assert.deepEqual(rig.rows, [])
  rig.send(to, ' more')
  rig.op(OP.close, to, 1000)
  right.end()
  await once(right, 'end')
  assert.equal(heard.bytes.toString(), 'some more')
  await eventually(() => rig.stat('open') === 0, 'the end')
})

test('one relay from a source, one into a target; none is handed over', async (t) => {
  const set = await scene(t)
  const { rig, from, to } = set
  const [, third] = await rig.pair(rig.listen())
  relay(set, from, to, Infinity)
  relay(set, from, third, Infinity)
  relay(set, third, to, Infinity)
  relay(set, from, from, Infinity)
  rig.op(OP.handover, from, 0, 0)
  rig.op(OP.handover, to, 0, 0)
  assert.equal(rig.stat('badOps'), 5)
  rig.op(OP.reset, from)
  relay(set, third, to, 3)
  rig.op(OP.reset, to)
  assert.equal((await rig.next(EVENT.relayDone, third)).a, RELAY.broken)
})

test('a relay into a connection that is still connecting begins when it stands', async (t) => {
  const set = await scene(t)
  const { rig, left, from } = set
  const upstream = rig.connect(rig.listen().address)
  relay(set, from, upstream, 5)
  left.write('hello, world')
  const [accepted] = await Promise.all([rig.next(EVENT.accepted), rig.next(EVENT.connected, upstream)])
  assert.equal((await rig.data(accepted, 5)).toString(), 'hello')
  assert.equal((await rig.data(from, 7)).toString(), ', world')
})

test('many relays share the engine: a busy one does not starve another', async (t) => {
  const set = await scene(t)
  const { rig, left, right, from, to } = set
  right.resume()
  relay(set, from, to, Infinity)
  const flood = (): void => {
    while (left.writable && left.write(pattern(MIB)));
  }
  left.on('drain', flood)
  flood()
  const [quick, other] = await rig.pair(rig.listen())
  for (let round = 0; round < 20; round++) {
    quick.write('ping')
    assert.equal((await rig.data(other, 4)).toString(), 'ping')
  }
  const gone = closed(left)
  left.resetAndDestroy()
  await gone
  await rig.next(EVENT.reset, from)
  dial(rig.listen().address).destroy()
})
