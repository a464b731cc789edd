import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { socketsOf } from '../src/control/assignment.ts'

const arbGroup = fc.tuple(
  fc.integer({ min: 1, max: 20 }),
  fc.uniqueArray(fc.nat(19), { maxLength: 20 }).map((shards) => shards.toSorted((a, b) => a - b)),
)

test('while anybody serves, each socket is accepted from by exactly one of them, stand-ins are dealt evenly, and each has its own', () => {
  const property = fc.property(arbGroup, ([members, serving]) => {
    const takers = new Map<number, number>()
    const standIns: number[] = []
    for (let shard = 0; shard < 20; shard++) {
      const sockets = socketsOf(shard, members, serving)
      if (!serving.includes(shard)) {
        assert.deepEqual(sockets, [])
        continue
      }
      for (const member of sockets) takers.set(member, (takers.get(member) ?? 0) + 1)
      if (shard < members || members === 1) assert.ok(sockets.includes(members === 1 ? 0 : shard))
      standIns.push(sockets.filter((member) => member !== shard).length)
    }
    if (serving.length === 0) return
    for (let member = 0; member < members; member++) {
      assert.equal(takers.get(member), members === 1 ? serving.length : 1)
    }
    if (members > 1) assert.ok(Math.max(...standIns) - Math.min(...standIns) <= 1, standIns.join())
  })
  fc.assert(property)
})
