import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SlotsExhausted, SlotTable } from '../../../src/config/slots.ts'

test('an id stays with its key, and each kind counts for itself', () => {
  const slots = new SlotTable()
  assert.equal(slots.cluster('a'), 0)
  assert.equal(slots.cluster('b'), 1)
  assert.equal(slots.listener('a'), 0)
  assert.equal(slots.endpoint('a', 'x:1'), 0)
  assert.equal(slots.endpoint('b', 'x:1'), 1)
  assert.equal(slots.endpoint('a', 'x:1'), 0)
  assert.equal(slots.cluster('a'), 0)
})

test('an id is used again only after its release, the lowest first', () => {
  const slots = new SlotTable({ listener: 1, cluster: 3, endpoint: 1 })
  for (const name of ['a', 'b', 'c']) slots.cluster(name)
  assert.throws(() => slots.cluster('d'), SlotsExhausted)
  slots.release({ listener: [], cluster: [2, 0], endpoint: [] })
  assert.equal(slots.cluster('d'), 0)
  assert.equal(slots.cluster('b'), 1)
  assert.equal(slots.cluster('a'), 2)
})

test('releasing twice is a programming error', () => {
  const slots = new SlotTable()
  slots.listener('a')
  slots.release({ listener: [0], cluster: [], endpoint: [] })
  assert.throws(() => slots.release({ listener: [0], cluster: [], endpoint: [] }), /released twice/)
})

test('exhaustion says what and has a code', () => {
  const slots = new SlotTable({ listener: 0, cluster: 0, endpoint: 0 })
  assert.throws(() => slots.endpoint('a', 'b'), {
    code: 'SLOTS_EXHAUSTED',
    message: /all 0 endpoint slots are taken/,
  })
})

test('an id carries how often it was given to another before', () => {
  const slots = new SlotTable({ listener: 0, cluster: 0, endpoint: 2 })
  const generations: number[] = []
  for (const address of ['x', 'x', 'y', 'z']) {
    const id = slots.endpoint('a', address)
    generations.push(slots.generation(id))
    if (generations.length > 1) slots.release({ listener: [], cluster: [], endpoint: [id] })
  }
  assert.deepEqual(generations, [0, 0, 1, 2])
  assert.equal(slots.generation(slots.endpoint('a', 'x')), 3)
  assert.equal(slots.generation(slots.endpoint('a', 'y')), 0, 'an id that nobody had before')
})
