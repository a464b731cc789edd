import assert from 'node:assert/strict'
import {
  ESTATE_WORDS,
  EVENT,
  EVENT_WORDS,
  LIVE,
  LIVE_WORDS,
  OP,
  OP_WORDS,
  type Connections,
  type EngineOptions,
} from '../../../src/io/engine.ts'
import { Probe, type ProbeConnection } from '../engine-probe.ts'
import { pattern, type Contract, type Pair, type Rig } from './rig.ts'

/** A row of `Connections.estate`. */
export type Left = {
  readonly fd: number
  readonly generation: number
  readonly kind: number
  readonly token: number
  readonly bytes: number
}

export function estateOf(connections: Connections, shard: number): Left[] {
  const words = connections.estate(shard)
  return Array.from({ length: words.length / ESTATE_WORDS }, (_, row) => {
    const [fd = 0, generation = 0, kind = 0, token = 0, low = 0, high = 0] = words.subarray(
      row * ESTATE_WORDS,
    )
    return { fd, generation, kind, token, bytes: (low >>> 0) + (high >>> 0) * 0x1_0000_0000 }
  })
}

/** The `data` rows that nobody saw, as text by fd, out of the memory of a life that is over. */
function unseen({ memory }: EngineOptions): Map<number, string> {
  assert.ok(memory)
  const live = new Int32Array(memory.buffer, memory.live, LIVE_WORDS)
  const events = new Int32Array(memory.buffer, memory.events)
  const texts = new Map<number, string>()
  for (let row = (live[LIVE.cursor] ?? 0) + 1; row < (live[LIVE.rows] ?? 0); row++) {
    const [kind, fd = 0, , from = 0, length = 0] = events.subarray(row * EVENT_WORDS)
    const bytes = Buffer.from(memory.buffer, memory.mem + from, length)
    if (kind === EVENT.data) texts.set(fd, (texts.get(fd) ?? '') + bytes.toString('latin1'))
  }
  return texts
}

/** A sibling that has taken and resumed all that the first engine left. */
function heirOf(rig: Rig): { probe: Probe; taken: ProbeConnection[] } {
  const { engine, options } = rig.harness.sibling()
  const probe = new Probe(engine, options)
  const taken = estateOf(rig.harness.connections, rig.harness.options.shard).map(({ fd, generation }) => {
    const connection = probe.take(fd, generation)
    assert.ok(connection)
    probe.op(OP.resume, connection)
    return connection
  })
  return { probe, taken }
}

/** What a life leaves: its memory, its op rows, its connections. */
export function estateCases(contract: Contract): void {
  contract('an engine works in the memory it is given', async (rig) => {
    const { engine, options } = rig.harness
    const { memory } = options
    assert.ok(memory)
    assert.deepEqual([engine.mem.buffer, engine.mem.byteOffset], [memory.buffer, memory.mem])
    assert.equal(engine.mem.length, options.arenaBytes + options.ownBytes)
    assert.deepEqual([engine.events.buffer, engine.events.byteOffset], [memory.buffer, memory.events])
    assert.equal(engine.events.length, options.eventRows * EVENT_WORDS)
    assert.deepEqual([engine.ops.buffer, engine.ops.byteOffset], [memory.buffer, memory.ops])
    assert.equal(engine.ops.length, options.opRows * OP_WORDS)
    const live = new Int32Array(memory.buffer, memory.live, LIVE_WORDS)
    assert.deepEqual(Array.from(live.subarray(0, 3)), [0, -1, 0])
    const { near, far } = await rig.accepted()
    let rowsInside = 0
    rig.probe.react = (): void => void (rowsInside = live[LIVE.rows] ?? 0)
    far.send('bytes')
    await rig.until(() => near.text === 'bytes', 'data')
    assert.ok(rowsInside > 0)
    assert.deepEqual(Array.from(live.subarray(0, 3)), [0, -1, 0])
  })

  const beaten = new Float64Array(1)
  contract(
    'who waits for work is heard, without a batch',
    async (rig) => {
      const first = beaten[0] ?? 0
      const heard = (): number => {
        rig.harness.hear()
        return beaten[0] ?? 0
      }
      await rig.until(() => heard() >= first + 30, 'beats')
      assert.equal(rig.probe.batches, 0)
    },
    { heartbeat: beaten },
  )

  contract('op rows that were written and not run are run when the engine stops', async (rig) => {
    const { near, far } = await rig.accepted()
    const { engine, options } = rig.harness
    engine.mem.set(Buffer.from('last words'), options.arenaBytes)
    engine.ops.set([OP.send, near.fd, near.generation, options.arenaBytes, 10, 0, 0, 0])
    engine.ops.set([OP.reset, near.fd, near.generation, 0, 0, 0, 0, 0], OP_WORDS)
    engine.live[LIVE.ops] = 1
    engine.stop()
    assert.equal(engine.live[LIVE.ops], 0)
    heirOf(rig) // what the socket did not take at once is its to send
    await rig.until(() => far.text === 'last words', 'what was decided')
    await rig.pass(10)
    assert.equal(far.resetBy, 0)
  })

  contract('op rows that ran are not run again when the engine stops', async (rig) => {
    const { near, far } = await rig.accepted()
    rig.probe.send(near, 'once')
    rig.probe.stop()
    heirOf(rig)
    await rig.until(() => far.text === 'once', 'the bytes')
    await rig.pass(20)
    assert.equal(far.text, 'once')
  })

  contract(
    'an engine that dies in mid-batch: each byte was answered, or lies unseen in memory, or comes to the heir',
    async (rig) => {
      const pairs: Pair[] = []
      for (let i = 0; i < 12; i++) pairs.push(await rig.accepted())
      const asked = (i: number): string => `question ${i}`
      const answered: ProbeConnection[] = []
      rig.probe.react = (name, connection): void => {
        if (name !== 'data') return
        rig.probe.send(
          connection,
          connection.received.subarray(connection.receivedBytes - connection.spanBytes),
        )
        answered.push(connection)
        if (answered.length === 3) rig.probe.stop()
      }
      for (const [i, { far }] of pairs.entries()) far.send(asked(i))
      await rig.until(() => answered.length === 3, 'three answers')
      await rig.pass(50)
      const behind = unseen(rig.harness.options)
      const { probe, taken } = heirOf(rig)
      assert.equal(taken.length, pairs.length)
      const whole = (i: number): string => {
        const { near, far } = pairs[i] as Pair
        const heir = taken.find(({ fd }) => fd === near.fd)
        return far.text + (behind.get(near.fd) ?? '') + (heir?.text ?? '')
      }
      await rig.until(() => pairs.every((_, i) => whole(i).length >= asked(i).length), 'every byte')
      await rig.pass(20)
      for (const i of pairs.keys()) assert.equal(whole(i), asked(i))
      assert.equal(answered.length, 3)
      for (const connection of taken) probe.send(connection, '!')
      await rig.until(() => pairs.every(({ far }) => far.text.endsWith('!')), 'the heir to be heard')
    },
  )

  contract(
    'the estate: what can go on, by kind, token and bytes; what was on its way in or out is ended',
    async (rig) => {
      const [client, parting] = [await rig.accepted(), await rig.accepted()]
      const upstream = await rig.connected()
      client.far.send('12345')
      await rig.until(() => client.near.text === '12345', 'data')
      rig.probe.send(client.near, 'abc')
      rig.probe.send(parting.near, 'goodbye')
      rig.probe.op(OP.close, parting.near, 60_000)
      const { address } = await rig.harness.backend()
      await rig.until(() => rig.stat('queuedBytes') === 0, 'all to be sent')
      rig.probe.connect(address)
      const { connections, options } = rig.harness
      assert.throws(() => connections.estate(options.shard), { code: 'ERR_WEIR_SHARD_ALIVE' })
      rig.probe.stop()
      assert.deepEqual([rig.stat('open'), rig.stat('queuedBytes')], [0, 0])
      assert.equal(connections.count(options.shard), 4)
      const left = estateOf(connections, options.shard)
      assert.deepEqual(
        left.toSorted((one, other) => one.kind - other.kind),
        [
          { fd: client.near.fd, generation: client.near.generation, kind: 1, token: 7, bytes: 8 },
          {
            ...left.find(({ kind }) => kind === 2),
            fd: upstream.near.fd,
            generation: upstream.near.generation,
            bytes: 0,
          },
        ],
      )
      assert.equal(connections.count(options.shard), 2)
      assert.deepEqual(estateOf(connections, options.shard), left)
      await rig.until(
        () => parting.far.finReceived || parting.far.resetBy !== 0,
        'the end of what was parting',
      )
      assert.equal(parting.far.text, 'goodbye')
    },
  )

  contract(
    'one connection of an estate is reset by its handle, once, and only while nobody serves it',
    async (rig) => {
      const [one, other] = [await rig.accepted(), await rig.accepted()]
      const { connections } = rig.harness
      const reset = ({ fd, generation }: ProbeConnection): boolean => connections.resetOne(fd, generation)
      assert.equal(reset(one.near), false)
      rig.probe.stop()
      assert.equal(connections.resetOne(one.near.fd, one.near.generation + 1), false)
      assert.equal(reset(one.near), true)
      assert.equal(reset(one.near), false)
      await rig.until(() => one.far.resetBy !== 0, 'the reset')
      const { taken } = heirOf(rig)
      assert.deepEqual(
        taken.map(({ fd }) => fd),
        [other.near.fd],
      )
      assert.equal(reset(other.near), false)
      assert.equal(reset(taken[0] as ProbeConnection), false)
      other.far.send('well')
      await rig.until(() => taken[0]?.text === 'well', 'data')
    },
  )

  contract(
    'a long answer under way is finished by the queue that went along',
    async (rig) => {
      const { near, far } = await rig.accepted()
      const { floodBytes } = rig.harness
      far.stopReading()
      rig.probe.send(near, pattern(floodBytes))
      rig.probe.op(OP.shutdown, near)
      rig.probe.stop()
      const { probe, taken } = heirOf(rig)
      const [heir] = taken
      assert.ok(heir)
      assert.equal(probe.engine.flagsOf(heir.fd, heir.generation), 2)
      assert.ok(probe.engine.queued(heir.fd, heir.generation) > 0)
      far.startReading()
      await rig.until(() => far.finReceived, 'the queue and the FIN behind it')
      assert.ok(Buffer.from(far.received).equals(pattern(floodBytes)))
      await rig.until(() => heir.has('writable'), 'writable')
    },
    { queueCap: 64 * 1024 * 1024 },
  )
}
