import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ListenerSpec } from '../../../src/config/snapshot.ts'
import { memberOf, planBindings, wantedBindings } from '../../../src/control/bindings.ts'
import type { Binding, Wanted } from '../../../src/control/bindings.ts'

const want = (address: string, name: string, listener = 0): Wanted => {
  const key = address.endsWith(':0') ? `${address} ${name} 0` : address
  return { key, address, name, listener, backlog: 128 }
}
let nextFd = 100
const bound = (wanted: Wanted, address = wanted.address): Binding => {
  nextFd += 2
  return { ...wanted, group: { address, fds: [nextFd, nextFd + 1] } }
}

test('what is new is opened, what is gone closed, what stays keeps its sockets', () => {
  const a = bound(want('127.0.0.1:80', 'a'))
  const b = bound(want('127.0.0.1:81', 'b'))
  const plan = planBindings([a, b], [want('127.0.0.1:81', 'b'), want('127.0.0.1:82', 'c')])
  assert.deepEqual(plan.keep, [b])
  assert.deepEqual(plan.close, [a])
  assert.deepEqual(plan.open, [want('127.0.0.1:82', 'c')])
})

test('an address that moves to another listener keeps its sockets under the new name', () => {
  const a = bound(want('127.0.0.1:80', 'a', 1))
  const plan = planBindings([a], [want('127.0.0.1:80', 'z', 2)])
  assert.deepEqual(plan, { open: [], close: [], keep: [{ ...want('127.0.0.1:80', 'z', 2), group: a.group }] })
})

test('port 0: the same listener keeps the port it got, also when the port is named later; another listener gets another', () => {
  const a = bound(want('127.0.0.1:0', 'a'), '127.0.0.1:4711')
  assert.equal(planBindings([a], [want('127.0.0.1:0', 'a')]).keep[0]?.group, a.group)
  assert.equal(planBindings([a], [want('127.0.0.1:4711', 'b')]).keep[0]?.group, a.group)
  const other = planBindings([a], [want('127.0.0.1:0', 'b')])
  assert.deepEqual([other.open.length, other.close.length], [1, 1])
})

test('every address of every listener is wanted, under the id of its listener', () => {
  const listener = (id: number, name: string, bind: readonly string[]): ListenerSpec =>
    ({ id, name, bind, backlog: 64 }) as unknown as ListenerSpec
  const wanted = wantedBindings([
    listener(3, 'a', ['127.0.0.1:0', '127.0.0.1:0']),
    listener(5, 'b', ['unix:/x']),
  ])
  assert.equal(new Set(wanted.map(({ key }) => key)).size, 3)
  assert.deepEqual(
    wanted.map(({ name, listener: id }) => `${name} ${id}`),
    ['a 3', 'a 3', 'b 5'],
  )
})

test('a shard accepts from its own member, or from the one all share', () => {
  assert.equal(memberOf({ address: 'x', fds: [7, 8] }, 1), 8)
  assert.equal(memberOf({ address: 'unix:/x', fds: [7] }, 5), 7)
  assert.throws(() => memberOf({ address: 'x', fds: [7, 8] }, 2), /no socket for shard 2/)
})

test('from any configuration to any other: afterwards exactly what is wanted is bound, and every socket is kept or closed once', () => {
  const arbWanted = fc.uniqueArray(
    fc.record({ port: fc.integer({ min: 0, max: 6 }), name: fc.constantFrom('a', 'b', 'c') }),
    { selector: ({ port, name }) => (port === 0 ? `0${name}` : String(port)), maxLength: 8 },
  )
  const property = fc.property(arbWanted, arbWanted, (from, to) => {
    const current = from.map(({ port, name }, n) =>
      bound(want(`127.0.0.1:${port}`, name), `127.0.0.1:${port === 0 ? 1000 + n : port}`),
    )
    const wanted = to.map(({ port, name }) => want(`127.0.0.1:${port}`, name))
    const { open, keep, close } = planBindings(current, wanted)
    assert.deepEqual(new Set([...open, ...keep].map(({ key }) => key)), new Set(wanted.map(({ key }) => key)))
    assert.equal(open.length + keep.length, wanted.length)
    const groups = [...keep, ...close].map(({ group }) => group)
    assert.deepEqual(new Set(groups), new Set(current.map(({ group }) => group)))
    assert.equal(groups.length, current.length)
  })
  fc.assert(property)
})
