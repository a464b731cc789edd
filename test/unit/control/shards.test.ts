import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Remote } from '../../../src/actor/rpc.ts'
import { Shards } from '../../../src/control/shards.ts'
import { ENGINE_STATS } from '../../../src/io/engine.ts'
import type { Connections } from '../../../src/io/engine.ts'
import type { Thread } from '../../../src/io/thread.ts'
import type { ShardControl } from '../../../src/proxy/control.ts'
import { rowWidths } from '../../../src/telemetry/catalogue.ts'
import { fakeTimers } from '../../support/fake-timers.ts'
import { smallFleet } from '../../support/fleet.ts'
import { snapshotOf } from '../../support/sim-shard.ts'
import { until } from '../../support/weir.ts'
import type { Scope } from '../../support/wire.ts'

const url = new URL('./noting-shard.ts', import.meta.url)
type Noting = Remote<{ heirLists(): readonly (readonly number[])[] }>

/** Main's view of so many shards, each a thread that notes what it is told. */
async function world(t: Scope, count: number) {
  const fleet = smallFleet({ shards: count, widths: rowWidths(ENGINE_STATS.length) })
  const threads = new Map<number, Thread<ShardControl>>()
  const shards = new Shards({
    url,
    fleet,
    connections: { estate: () => new Int32Array(0) } as unknown as Connections, // nothing is ever left
    seed: { fleet: fleet.handle, hashKey: [1, 2], maxConnections: 0 },
    desired: () => ({ snapshot: snapshotOf({}), bindings: [] }),
    say: () => {},
    timers: fakeTimers(),
    onRoster: () => {},
    kill: (id, why) => assert.fail(`${id}: ${why}`),
    onChange: () => {},
  })
  const start = async (shard: number): Promise<void> => {
    threads.set(shard, shards.spawn(shard))
    await shards.bringUp(shard)
  }
  const end = async (shard: number): Promise<void> => {
    const thread = threads.get(shard)!
    thread.terminate()
    await thread.ended
    shards.ended(shard, undefined)
  }
  t.after(() => Promise.all([...threads.values()].map(({ terminate, ended }) => (terminate(), ended))))
  for (let shard = 0; shard < count; shard++) await start(shard)
  const told = (shard: number): Promise<readonly (readonly number[])[]> =>
    (threads.get(shard)!.ref.call as unknown as Noting).heirLists()
  /** Whom it was told of last, in the end. */
  const heirs = (shard: number, expected: readonly number[]): Promise<void> =>
    until(
      async () => (await told(shard)).at(-1)?.join() === expected.join(),
      `heirs of ${shard}: ${expected.join()}`,
    )
  return { shards, start, end, heirs, told }
}

test('a shard that leaves is told when an heir ends, when it is back, and when one leaves as well', async (t) => {
  const { shards, start, end, heirs, told } = await world(t, 3)
  const left = assert.rejects(shards.leave(0), { code: 'WEIR_ACTOR_DIED' })
  await heirs(0, [1, 2])
  await end(2)
  await heirs(0, [1])
  await start(2)
  await heirs(0, [1, 2])
  const other = assert.rejects(shards.leave(1), { code: 'WEIR_ACTOR_DIED' })
  await heirs(0, [2])
  await heirs(1, [2])
  await end(2)
  await heirs(0, [])
  await heirs(1, [])
  assert.deepEqual(await told(0), [[1, 2], [1], [1, 2], [2], []])
  await end(0)
  await end(1)
  await Promise.all([left, other])
  assert.equal(shards.counts().handovers.late, 2) // once each, however often they were told
})

test('the next life of a shard that left is told of no heirs', async (t) => {
  const { shards, start, end, heirs, told } = await world(t, 2)
  const left = assert.rejects(shards.leave(0), { code: 'WEIR_ACTOR_DIED' })
  await heirs(0, [1])
  await end(0)
  await left
  await start(0)
  await end(1)
  await start(1)
  assert.deepEqual([await told(0), await told(1)], [[], []])
})
