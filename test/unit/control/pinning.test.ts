import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { pinning } from '../../../src/control/pinning.ts'
import { availableCpus, parseCpuList } from '../../../src/io/cpus.ts'
import type { Cpu } from '../../../src/io/cpus.ts'

/** Two nodes of two cores with two threads each, numbered as Linux does: threads of a core four apart. */
const SERVER: readonly Cpu[] = Array.from({ length: 8 }, (_, id) => ({
  id,
  core: id % 4,
  node: id % 4 < 2 ? 0 : 1,
}))

test('first one thread of every core, by turns over the memory nodes, then the second ones', () => {
  assert.deepEqual(pinning(SERVER, 8), [0, 2, 1, 3, 4, 6, 5, 7])
  assert.deepEqual(pinning(SERVER, 2), [0, 2])
})

test('more shards than CPUs begin again; no CPUs known: none is named', () => {
  assert.deepEqual(pinning(SERVER.slice(0, 2), 5), [0, 1, 0, 1, 0])
  assert.deepEqual(pinning([], 3), [])
})

test('for all machines: only CPUs there are, as evenly used as can be, no second thread of a core before every core has a shard', () => {
  const cpu = fc.record({ core: fc.nat(7), node: fc.nat(1) })
  const machine = fc
    .array(cpu, { minLength: 1, maxLength: 16 })
    .map((all) => all.map((it, id) => ({ ...it, id })))
  fc.assert(
    fc.property(machine, fc.integer({ min: 1, max: 40 }), (cpus, shards) => {
      const plan = pinning(cpus, shards)
      assert.equal(plan.length, shards)
      const uses = cpus.map(({ id }) => plan.filter((at) => at === id).length)
      assert.ok(Math.max(...uses) - Math.min(...uses) <= 1)
      const cores = new Set(cpus.map(({ core }) => core)).size
      const used = new Set(plan.slice(0, cores).map((id) => cpus[id]!.core))
      assert.equal(used.size, Math.min(shards, cores))
    }),
  )
})

test('lists of CPUs as the kernel writes them, and what is none', () => {
  assert.deepEqual(parseCpuList('0-2,8\n'), [0, 1, 2, 8])
  assert.deepEqual(parseCpuList(''), [])
  assert.deepEqual(parseCpuList('x,3-1,4'), [4])
})

test('this machine has the CPUs that it says it has', () => {
  const cpus = availableCpus()
  assert.ok(cpus.length > 0)
  for (const { core, node } of cpus) assert.ok(core >= 0 && node >= 0)
})
