import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressOf, ENDPOINTS, IDLE_MS, PoolModel } from '../test/support/pool-model/model.ts'

type Command = { readonly says: string; readonly run: (model: PoolModel) => void }

const endpoint = fc.nat(ENDPOINTS - 1)
const nth = fc.nat(50)

/** Commands print as what they do, so that a counterexample reads as a script. */
const command = <T extends readonly unknown[]>(
  name: string,
  args: { readonly [K in keyof T]: fc.Arbitrary<T[K]> },
  run: (model: PoolModel, ...given: T) => void,
): fc.Arbitrary<Command> =>
  (fc.tuple(...args) as unknown as fc.Arbitrary<T>).map((given) => ({
    says: `${name}(${given.map((each) => JSON.stringify(each)).join(', ')})`,
    run: (model) => run(model, ...given),
    [fc.toStringMethod]: () => `${name}(${given.map((each) => JSON.stringify(each)).join(', ')})`,
  }))

const limits = fc.record({ maxPerHost: fc.nat(4), maxTotal: fc.nat(6), queue: fc.nat(6) })
const some = fc.subarray([0, 1, 2])

const commands = fc.oneof(
  {
    weight: 8,
    arbitrary: command('take', [endpoint, fc.constant(false)], (m, e, fresh) => m.take(e, fresh)),
  },
  { weight: 2, arbitrary: command('take', [endpoint, fc.constant(true)], (m, e, fresh) => m.take(e, fresh)) },
  { weight: 8, arbitrary: command('release', [nth], (m, n) => m.finish(n, 'release')) },
  {
    weight: 3,
    arbitrary: command(
      'finish',
      [nth, fc.constantFrom('discard' as const, 'part' as const, 'reset' as const)],
      (m, n, how) => m.finish(n, how),
    ),
  },
  {
    weight: 2,
    arbitrary: command(
      'disturb',
      [nth, fc.constantFrom('fin' as const, 'data' as const, 'reset' as const)],
      (m, n, how) => m.disturb(n, how),
    ),
  },
  { weight: 2, arbitrary: command('established', [nth], (m, n) => m.established(n)) },
  { weight: 2, arbitrary: command('cancel', [nth], (m, n) => m.cancel(n)) },
  { weight: 1, arbitrary: command('configure', [some, limits], (m, ids, given) => m.configure(ids, given)) },
  {
    weight: 2,
    arbitrary: command('elsewhere', [endpoint, fc.constantFrom(1 as const, -1 as const)], (m, e, delta) =>
      m.elsewhere(e, delta),
    ),
  },
  {
    weight: 1,
    arbitrary: command('wanted', [endpoint, fc.boolean()], ({ permits: { wanted } }, e, on) =>
      on ? wanted.add(e) : wanted.delete(e),
    ),
  },
  {
    weight: 1,
    arbitrary: command('refusing', [endpoint, fc.boolean()], ({ engine: { refusing } }, e, on) =>
      on ? refusing.add(addressOf(e)) : refusing.delete(addressOf(e)),
    ),
  },
  { weight: 2, arbitrary: command('turn', [], (m) => m.turn()) },
  { weight: 1, arbitrary: command('pass', [fc.nat(2 * IDLE_MS)], (m, ms) => m.pass(ms)) },
)

test('pools = the model: idle ones last in first out, waiters first in first out and served once, limits hold, permits are conserved', () => {
  fc.assert(
    fc.property(limits, fc.array(commands, { maxLength: 150, size: 'max' }), (first, script) => {
      const model = new PoolModel()
      model.configure([0, 1, 2], first)
      for (const { run } of script) {
        run(model)
        model.check()
      }
      model.conclude()
    }),
    { numRuns: 500 },
  )
})

test('pools: while another shard waits, no more than so many waiters of our own are served in a row', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 18, max: 60 }), (open, queue) => {
      const model = new PoolModel()
      model.configure([0], { maxPerHost: open, maxTotal: 0, queue })
      for (let i = 0; i < open + queue; i++) model.take(0, false)
      model.permits.wanted.add(0)
      while (open === model.permits.ours[0]) model.finish(0, 'release') // which asserts the bound
      model.elsewhere(0, 1)
      assert.equal(model.permits.others[0], 1, 'the other shard finds the place free')
      model.check()
      model.conclude()
    }),
  )
})
