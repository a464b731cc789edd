import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ActorRef, Remote } from '../../../src/actor/rpc.ts'
import type { Snapshot } from '../../../src/config/snapshot.ts'
import { ShardLink } from '../../../src/control/shard-link.ts'
import type { Orders } from '../../../src/control/shard-link.ts'
import type { EngineMemory } from '../../../src/io/engine.ts'
import type { ShardControl } from '../../../src/proxy/control.ts'

/** A shard that notes what it is told; `stuck` answers never. */
function notingShard(): { readonly ref: ActorRef<ShardControl>; readonly told: string[] } {
  const told: string[] = []
  const note = async (what: string): Promise<void> => {
    told.push(what)
    await new Promise(setImmediate)
  }
  const calls = {
    apply: (snapshot: Snapshot) => note(`apply ${snapshot.version}`),
    listen: (fd: number, id: number) => note(`listen ${fd} for ${id}`),
    unlisten: (fd: number) => note(`unlisten ${fd}`),
  } as unknown as Remote<ShardControl>
  const ref = { name: 'shard', call: calls, within: () => calls, die: () => {}, pending: () => 0 }
  return { ref, told }
}

const MEMORY = {} as EngineMemory

/** By the fd of shard 1's member, which listener it is for; shards `serving` are in service. */
const desired = (
  version: number,
  bindings: Readonly<Record<number, number>>,
  serving: readonly number[] = [0, 1],
): Orders => ({
  serving,
  snapshot: { version } as Snapshot,
  bindings: Object.entries(bindings).map(([fd, listener]) => {
    const group = { address: 'x', fds: [Number(fd) - 1, Number(fd)] }
    return { key: fd, address: 'x', name: 'x', backlog: 1, listener, group }
  }),
})

test('a new life is told everything: the snapshot first, then its own members of the groups', async () => {
  const { ref, told } = notingShard()
  await new ShardLink(ref, 1, MEMORY).sync(() => desired(3, { 11: 0, 21: 1 }))
  assert.deepEqual(told, ['apply 3', 'listen 11 for 0', 'listen 21 for 1'])
})

test('afterwards only what is missing: sockets that came before those that went, a moved one let go of first', async () => {
  const { ref, told } = notingShard()
  const link = new ShardLink(ref, 1, MEMORY)
  await link.sync(() => desired(1, { 11: 0, 21: 1 }))
  told.length = 0
  await link.sync(() => desired(1, { 11: 0, 21: 1 }))
  assert.deepEqual(told, [])
  await link.sync(() => desired(2, { 21: 5, 31: 2 }))
  assert.deepEqual(told, ['apply 2', 'unlisten 21', 'listen 21 for 5', 'listen 31 for 2', 'unlisten 11'])
})

test('it stands in for those who are not in service, lets go when they are, and of everything when it leaves', async () => {
  const { ref, told } = notingShard()
  const link = new ShardLink(ref, 1, MEMORY)
  await link.sync(() => desired(1, { 11: 4 }, [1]))
  assert.deepEqual(told.splice(0), ['apply 1', 'listen 10 for 4', 'listen 11 for 4'])
  await link.sync(() => desired(1, { 11: 4 }, [0, 1]))
  assert.deepEqual(told.splice(0), ['unlisten 10'])
  await link.sync(() => desired(1, { 11: 4 }, [0]))
  assert.deepEqual(told.splice(0), ['unlisten 11'])
})

test('syncs that overlap end in what is desired last, each thing told once', async () => {
  const { ref, told } = notingShard()
  const link = new ShardLink(ref, 1, MEMORY)
  let now = desired(1, { 11: 0 })
  const first = link.sync(() => now)
  now = desired(2, { 21: 1 })
  await Promise.all([first, link.sync(() => now), link.sync(() => now)])
  assert.deepEqual(told, ['apply 2', 'listen 21 for 1'])
})

test('a sync that failed is made up for by the next', async () => {
  const { ref, told } = notingShard()
  let fails = true
  const within = (): Remote<ShardControl> => ({
    ...ref.call,
    listen: async (fd, id) => {
      if (fails) throw new Error('not now')
      return ref.call.listen(fd, id)
    },
  })
  const link = new ShardLink({ ...ref, within }, 1, MEMORY)
  await assert.rejects(
    link.sync(() => desired(1, { 11: 0 })),
    /not now/,
  )
  fails = false
  await link.sync(() => desired(1, { 11: 0 }))
  assert.deepEqual(told, ['apply 1', 'listen 11 for 0'])
})
