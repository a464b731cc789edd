import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { MessageChannel, Worker } from 'node:worker_threads'
import { ActorError, codeOf } from '../../../src/actor/errors.ts'
import { connectActor, exposeActor } from '../../../src/actor/rpc.ts'
import type { ActorRef } from '../../../src/actor/rpc.ts'
import { systemTimers } from '../../../src/io/clock.ts'
import { fakeTimers } from '../../support/fake-timers.ts'

type Calculator = {
  add(a: number, b: number): number
  fail(code: string): never
  never(): Promise<void>
  function(): unknown
  bytes(): Uint8Array
}

const calculator = {
  base: 1,
  add(a: number, b: number): number {
    return a + b + this.base - 1
  },
  fail(code: string): never {
    const cause = Object.assign(new TypeError('why'), { code: 'DEEPER' })
    throw Object.assign(new Error('it failed', { cause }), { code, address: '127.0.0.1:80', errno: -98 })
  },
  never: () => new Promise<void>(() => {}),
  function: () => (): void => {},
  bytes: () => Uint8Array.of(1, 2, 3),
}

function pair(timers = systemTimers): { ref: ActorRef<Calculator>; close: () => void } {
  const { port1, port2 } = new MessageChannel()
  exposeActor(port2, 'calculator', calculator)
  return { ref: connectActor<Calculator>(port1, 'calculator', timers), close: () => port1.close() }
}

test('a call is answered, with its arguments, `this` and structured values', async () => {
  const { ref, close } = pair()
  assert.equal(await ref.call.add(2, 3), 5)
  assert.deepEqual(await ref.call.bytes(), Uint8Array.of(1, 2, 3))
  assert.equal(ref.pending(), 0)
  close()
})

test('an error crosses with name, message, code, other facts and its cause', async () => {
  const { ref, close } = pair()
  await assert.rejects(ref.call.fail('EADDRINUSE'), (error: Error) => {
    assert.equal(error.message, 'it failed')
    assert.equal(codeOf(error), 'EADDRINUSE')
    assert.equal(Reflect.get(error, 'address'), '127.0.0.1:80')
    assert.equal(Reflect.get(error, 'errno'), -98)
    assert.match(error.stack ?? '', /rpc\.test\.ts/)
    assert.ok(error.cause instanceof Error)
    assert.equal(error.cause.name, 'TypeError')
    assert.equal(codeOf(error.cause), 'DEEPER')
    return true
  })
  close()
})

test('pending calls are rejected when the actor dies, later ones at once, both with the reason', async () => {
  const { ref, close } = pair()
  const pending = [ref.call.never(), ref.within(60_000).never()]
  assert.equal(ref.pending(), 2)
  ref.die('exit code 7')
  ref.die('some later reason')
  for (const call of [...pending, ref.call.add(1, 1)]) {
    await assert.rejects(call, (error: Error) => {
      assert.ok(error instanceof ActorError)
      assert.equal(error.code, 'WEIR_ACTOR_DIED')
      assert.equal(error.actor, 'calculator')
      assert.match(error.message, /exit code 7/)
      return true
    })
  }
  assert.equal(ref.pending(), 0)
  close()
})

test('a deadline ends a call, its timer never outlives the call', async () => {
  const timers = fakeTimers()
  const { ref, close } = pair(timers)
  const call = ref.within(250).never()
  const rejected = assert.rejects(call, { code: 'WEIR_ACTOR_TIMEOUT' })
  await timers.advance(249)
  assert.equal(ref.pending(), 1)
  await timers.advance(1)
  await rejected
  assert.equal(ref.pending(), 0)
  assert.equal(await ref.within(1000).add(1, 1), 2)
  assert.equal(timers.pending(), 0)
  close()
})

test('what does not exist, is not a function, or cannot be sent is a coded error, never a hang', async () => {
  const { port1, port2 } = new MessageChannel()
  exposeActor(port2, 'calculator', calculator)
  const ref = connectActor<Record<string, (...args: unknown[]) => unknown>>(port1, 'calculator', systemTimers)
  for (const method of ['missing', 'base', 'toString', '__proto__']) {
    await assert.rejects(async () => ref.call[method]?.(), { code: 'WEIR_ACTOR_NO_METHOD' })
  }
  await assert.rejects(async () => ref.call['function']?.(), { code: 'WEIR_ACTOR_UNSENDABLE' })
  await assert.rejects(async () => ref.call['add']?.(() => {}), { code: 'WEIR_ACTOR_UNSENDABLE' })
  assert.equal(ref.pending(), 0)
  port1.close()
})

test('a call pending in a worker that exits is rejected once its end is told', async () => {
  const source = `
    import { parentPort } from 'node:worker_threads'
    import { exposeActor } from ${JSON.stringify(new URL('../../../src/actor/rpc.ts', import.meta.url).href)}
    exposeActor(parentPort, 'brief', { exit: () => process.exit(3), add: (a, b) => a + b })
  `
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
  const ref = connectActor<{ exit(): void; add(a: number, b: number): number }>(worker, 'brief', systemTimers)
  worker.once('exit', (code) => ref.die(`exit code ${code}`))
  assert.equal(await ref.call.add(20, 22), 42)
  const call = ref.call.exit()
  await assert.rejects(call, /exit code 3/)
  assert.equal(ref.pending(), 0)
  if (worker.threadId !== -1) await once(worker, 'exit')
})
