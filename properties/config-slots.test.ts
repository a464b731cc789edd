import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { SlotsExhausted, SlotTable } from '../src/config/slots.ts'

const CAPACITY = 6
const command = fc.oneof(
  fc.record({ take: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h') }),
  fc.record({ release: fc.nat(CAPACITY - 1) }),
)

test('law: ids are those of a model: stable while held, distinct, below the capacity, reused only after release', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const slots = new SlotTable({ listener: 0, cluster: CAPACITY, endpoint: 0 })
      const held = new Map<string, number>()
      for (const step of commands) {
        if ('take' in step) take(slots, held, step.take)
        else release(slots, held, step.release)
      }
    }),
  )
})

function take(slots: SlotTable, held: Map<string, number>, name: string): void {
  const known = held.get(name)
  if (known === undefined && held.size === CAPACITY) {
    assert.throws(() => slots.cluster(name), SlotsExhausted)
    return
  }
  const id = slots.cluster(name)
  if (known !== undefined) {
    assert.equal(id, known)
    return
  }
  assert.ok(id >= 0 && id < CAPACITY && ![...held.values()].includes(id))
  held.set(name, id)
}

function release(slots: SlotTable, held: Map<string, number>, id: number): void {
  const holder = [...held].find(([, taken]) => taken === id)
  const ids = { listener: [], cluster: [id], endpoint: [] }
  if (holder === undefined) {
    assert.throws(() => slots.release(ids))
    return
  }
  slots.release(ids)
  held.delete(holder[0])
}
