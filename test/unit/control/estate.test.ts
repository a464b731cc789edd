import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ActorRef } from '../../../src/actor/rpc.ts'
import { allocateEngineMemory } from '../../../src/io/engine-memory.ts'
import { ESTATE_WORDS } from '../../../src/io/engine.ts'
import type { Connections, EngineMemory } from '../../../src/io/engine.ts'
import { Estates } from '../../../src/control/estate.ts'
import { ShardLink } from '../../../src/control/shard-link.ts'
import { BEQUEST, BEQUEST_WORDS } from '../../../src/proxy/control.ts'
import type { Estate, EstateResult, ShardControl } from '../../../src/proxy/control.ts'
import { ConnectionNotes, NOTE, NOTE_WORDS, ROLE } from '../../../src/shm/notes.ts'

const FDS = 32
const MEMORY = allocateEngineMemory({ arenaBytes: 65_536, ownBytes: 4096, eventRows: 64, opRows: 64 })
const died = (): Error => Object.assign(new Error('it died'), { code: 'WEIR_ACTOR_DIED' })
const soon = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** A process with connections of shard 0, as many as `idle` says, all idle clients; heirs answer by `inherit`. */
function world(idle: number) {
  const orphans = new Set(Array.from({ length: idle }, (_, n) => 8 + n))
  const notes = new ConnectionNotes(new Int32Array(FDS * NOTE_WORDS))
  for (const fd of orphans) {
    notes.words[fd * NOTE_WORDS + NOTE.generation] = 1
    notes.words[fd * NOTE_WORDS + NOTE.role] = ROLE.idle
  }
  const heirs = new Map<number, ShardLink>()
  const lines: string[] = []
  const reset: number[] = []
  /** Memory nobody reads any more. */
  const settled: EngineMemory[] = []
  const connections = {
    estate: () => Int32Array.from([...orphans].flatMap((fd) => [fd, 1, 1, 0, 0, 0].slice(0, ESTATE_WORDS))),
    resetOne: (fd: number) => orphans.delete(fd) && reset.push(fd) > 0,
  } as unknown as Connections
  const estates = new Estates({
    connections,
    notes,
    heirs: () => [...heirs.values()],
    say: (line) => void lines.push(line),
    onChange: () => {},
    onSettled: (memory) => void settled.push(memory),
  })
  /** An heir in service. `inherit` says what it does with the descriptors it is offered. */
  const heir = (
    shard: number,
    inherit: (fds: readonly number[]) => EstateResult | Promise<EstateResult>,
  ): void => {
    const call = {
      inherit: async ({ rows }: Estate) => {
        const fds: number[] = []
        for (let at = 0; at < rows.length; at += BEQUEST_WORDS) fds.push(rows[at + BEQUEST.fd]!)
        return inherit(fds)
      },
    }
    const ref = { name: `shard ${shard}`, call } as unknown as ActorRef<ShardControl>
    heirs.set(shard, new ShardLink(ref, shard, MEMORY))
  }
  const takes = (fds: readonly number[]): EstateResult => {
    const taken = fds.filter((fd) => orphans.delete(fd)).length
    return { adopted: taken, rescued: 0, answered: 0, reset: 0 }
  }
  /** It takes the first, and dies of it. */
  const takesOne = ([fd = -1]: readonly number[]): void => {
    orphans.delete(fd)
    notes.words[fd * NOTE_WORDS + NOTE.role] = ROLE.none
  }
  return { estates, heirs, heir, takes, takesOne, orphans, reset, lines, settled }
}

test('an estate is dealt out evenly over those who serve; when all is settled it is said, once, and counted', async () => {
  const { estates, heir, takes, orphans, lines } = world(9)
  const shares: number[] = []
  for (const shard of [1, 2, 3])
    heir(shard, (fds) => {
      shares.push(fds.length)
      return takes(fds)
    })
  estates.open(0, MEMORY)
  await soon()
  assert.deepEqual(shares, [3, 3, 3])
  assert.equal(orphans.size, 0)
  assert.deepEqual(lines, ['shard 0: of its connections 9 go on'])
  assert.deepEqual(estates.counts, { adopted: 9, rescued: 0, answered: 0, reset: 0 })
})

test('without anybody to inherit it waits for who comes; a second death of the same shard does not deal it out twice', async () => {
  const { estates, heir, heirs, takes, orphans } = world(4)
  estates.open(0, MEMORY)
  await soon()
  assert.equal(orphans.size, 4)
  estates.open(0, MEMORY) // its successor died before it served; nothing new is there
  let offered = 0
  heir(0, (fds) => {
    offered += fds.length
    return takes(fds)
  })
  assert.equal(heirs.size, 1)
  estates.settle()
  await soon()
  assert.equal(offered, 4)
  assert.equal(estates.counts.adopted, 4)
})

test('what an heir was told of and has not taken is not part of the next life’s estate: its bytes lie in the memory of this one', async () => {
  const { estates, heir, heirs, takes, orphans, reset } = world(4)
  let begin = (): void => {}
  heir(1, async (fds) => {
    await new Promise<void>((resolve) => (begin = resolve)) // it hangs for a while
    return takes(fds)
  })
  estates.open(0, MEMORY)
  await soon()
  heirs.delete(1) // nobody relies on it
  const offered: number[] = []
  heir(2, (fds) => {
    offered.push(...fds)
    return takes(fds)
  })
  estates.open(0, MEMORY) // its successor dies, too
  await soon()
  assert.deepEqual([offered, reset, orphans.size], [[], [], 4])
  begin()
  await soon()
  assert.deepEqual([orphans.size, estates.counts.adopted], [0, 4])
})

test('the memory of a life may be used again when its estate is settled, not while an heir reads it', async () => {
  const { estates, heir, takes, settled } = world(1)
  estates.open(0, MEMORY)
  await soon()
  assert.equal(settled.length, 0)
  let begin = (): void => {}
  heir(1, async (fds) => {
    await new Promise<void>((resolve) => (begin = resolve))
    return takes(fds)
  })
  estates.settle()
  await soon()
  assert.equal(settled.length, 0)
  begin()
  await soon()
  assert.deepEqual(settled, [MEMORY])
})

test('an heir that dies of it: what it had not taken goes to another', async () => {
  const { estates, heir, heirs, takes, orphans, reset } = world(6)
  heir(1, (fds) => {
    takes(fds.slice(0, 2)) // those are in its own estate now
    heirs.delete(1)
    heir(2, takes)
    throw died()
  })
  estates.open(0, MEMORY)
  await soon()
  await soon()
  assert.deepEqual([orphans.size, reset.length], [0, 0])
  assert.equal(estates.counts.adopted, 4)
})

test('what five heirs died of is given up: a connection that kills whoever takes it does not kill on and on', async () => {
  const { estates, heir, heirs, takesOne, orphans, reset } = world(8)
  let deaths = 0
  const deadly = (shard: number): void =>
    heir(shard, (fds) => {
      takesOne(fds)
      deaths++
      heirs.delete(shard)
      deadly(shard + 1)
      throw died()
    })
  deadly(1)
  estates.open(0, MEMORY)
  for (let n = 0; n < 12; n++) await soon()
  assert.equal(deaths, 5)
  assert.deepEqual([orphans.size, reset.length], [0, 3])
  assert.equal(estates.counts.reset, 3)
})

test('heirs that end before they begin cost nothing: what they were to have goes to the next', async () => {
  const { estates, heir, heirs, takes, orphans, reset } = world(3)
  const shortLived = (shard: number): void =>
    heir(shard, (fds) => {
      if (shard === 12) return takes(fds)
      heirs.delete(shard)
      shortLived(shard + 1)
      throw died()
    })
  shortLived(1)
  estates.open(0, MEMORY)
  for (let n = 0; n < 30; n++) await soon()
  assert.deepEqual([orphans.size, reset.length, estates.counts.adopted], [0, 0, 3])
})

test('a program that stops resets what waits', () => {
  const { estates, orphans, reset } = world(3)
  estates.open(0, MEMORY)
  estates.abandon()
  assert.deepEqual([orphans.size, reset.length], [0, 3])
})
