import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ActorError } from '../../../src/actor/errors.ts'
import { seededRng } from '../../../src/base/random.ts'
import { Orders } from '../../../src/control/orders.ts'
import type { OrdersContext } from '../../../src/control/orders.ts'

/** Orders to actors that answer a fault so. */
function ordersTo(fault: () => Promise<void>): Orders {
  const context = {
    tree: { children: () => [{ id: 'shard 0' }] },
    actors: { fault },
    desired: () => ({ snapshot: { admin: { faults: true } } }),
    ready: () => true,
    timers: { nowMs: () => 0, after: () => () => {} },
    rng: seededRng(1),
    say: () => {},
  }
  return new Orders(context as unknown as OrdersContext) // only what a fault asks for
}

test('a fault of which the actor ended before its answer arrived was done; one that was not heard is a conflict', async () => {
  const died = new ActorError(
    'WEIR_ACTOR_DIED',
    'shard 0',
    'shard 0 ended before fault was answered: exit code 70',
  )
  assert.deepEqual(await ordersTo(() => Promise.reject(died)).fault('shard 0', 'exit'), { ok: true })
  const unheard = new ActorError('WEIR_ACTOR_TIMEOUT', 'shard 0', 'shard 0 did not answer fault')
  assert.deepEqual(await ordersTo(() => Promise.reject(unheard)).fault('shard 0', 'spin'), {
    ok: false,
    detail: 'shard 0 did not answer fault',
  })
})
