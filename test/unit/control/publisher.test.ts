import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ActorRef, Remote } from '../../../src/actor/rpc.ts'
import type { Snapshot } from '../../../src/config/snapshot.ts'
import { Refusal } from '../../../src/control/failure.ts'
import type { AcceptorControl } from '../../../src/control/protocol.ts'
import { Publisher, bindProblem } from '../../../src/control/publisher.ts'

const snapshot = (version: number, binds: readonly string[]): Snapshot =>
  ({
    version,
    shards: 2,
    listeners: [{ id: 0, name: 'web', bind: binds, backlog: 128 }],
  }) as unknown as Snapshot

/** An acceptor whose sockets are a set of addresses; ports named in `taken` cannot be had. */
function world(): {
  readonly open: Set<string>
  readonly taken: Set<string>
  readonly log: string[]
  away: boolean
  publisher: Publisher
} {
  const open = new Set<string>()
  const taken = new Set<string>()
  const log: string[] = []
  let fd = 10
  const died = (): never => {
    throw Object.assign(new Error('the acceptor is being restarted'), { code: 'WEIR_ACTOR_DIED' })
  }
  const call = {
    async open(address: string, members: number) {
      if (state.away) died()
      if (taken.has(address)) throw Object.assign(new Error('taken'), { code: 'EACCES', address })
      open.add(address)
      log.push(`open ${address}`)
      return { address, fds: Array.from({ length: members }, () => fd++) }
    },
    async close({ address }: { address: string }) {
      if (state.away) died()
      open.delete(address)
      log.push(`close ${address}`)
    },
  } as unknown as Remote<AcceptorControl>
  const acceptor = (): ActorRef<AcceptorControl> => ({
    name: 'acceptor',
    call,
    within: () => call,
    die: () => {},
    pending: () => 0,
  })
  const actors = {
    acceptor,
    sync: async (): Promise<void> => void log.push(`sync ${state.publisher.desired().snapshot.version}`),
    steer: async (): Promise<void> => void log.push('steer'),
  }
  const publisher = new Publisher(actors, snapshot(1, []), (line) => log.push(line))
  const state = { open, taken, log, away: false, publisher }
  return state
}

test('open what is new, publish, close what is gone: in this order', async () => {
  const { publisher, log, open } = world()
  await publisher.publish(snapshot(2, ['127.0.0.1:80']))
  await publisher.publish(snapshot(3, ['127.0.0.1:81']))
  assert.deepEqual(log, [
    'open 127.0.0.1:80',
    'sync 2',
    'steer',
    'open 127.0.0.1:81',
    'sync 3',
    'close 127.0.0.1:80',
    'steer',
  ])
  assert.deepEqual([...open], ['127.0.0.1:81'])
})

test('a listener that cannot be had refuses all of it, names every one, and closes what was opened', async () => {
  const { publisher, taken, open } = world()
  await publisher.publish(snapshot(2, ['127.0.0.1:80']))
  taken.add('127.0.0.1:82').add('127.0.0.1:83')
  const refused = publisher.publish(snapshot(3, ['127.0.0.1:81', '127.0.0.1:82', '127.0.0.1:83']))
  await assert.rejects(refused, (error: Error) => {
    assert.ok(error instanceof Refusal)
    assert.equal(error.problems.length, 2)
    assert.match(error.problems[0] ?? '', /^weir: listener web: 127\.0\.0\.1:82 is not allowed for this user/)
    return true
  })
  assert.deepEqual([...open], ['127.0.0.1:80'])
  assert.equal(publisher.desired().snapshot.version, 2)
})

test('a veto refuses all of it, too', async () => {
  const { publisher, open } = world()
  await publisher.publish(snapshot(2, ['127.0.0.1:80']))
  const veto = (): Promise<void> => Promise.reject(new Refusal(['admin: no']))
  await assert.rejects(publisher.publish(snapshot(3, ['127.0.0.1:81']), veto), /admin: no/)
  assert.deepEqual([...open], ['127.0.0.1:80'])
  assert.equal(publisher.desired().snapshot.version, 2)
})

test('sockets that could not be closed while the acceptor was away are closed by its successor', async () => {
  const state = world()
  const { publisher, open } = state
  await publisher.publish(snapshot(2, ['127.0.0.1:80', '127.0.0.1:81']))
  state.away = true
  await publisher.publish(snapshot(3, ['127.0.0.1:80']))
  assert.equal(open.size, 2)
  assert.deepEqual(
    publisher.groups().map(({ address }) => address),
    ['127.0.0.1:80', '127.0.0.1:81'],
  )
  state.away = false
  await publisher.sweep()
  assert.deepEqual([...open], ['127.0.0.1:80'])
  assert.equal(publisher.groups().length, 1)
})

test('why an address cannot be bound is said for people', async () => {
  const coded = (code: string): Error => Object.assign(new Error('some words'), { code })
  assert.match(
    await bindProblem('admin', '10.1.2.3:80', coded('EADDRNOTAVAIL')),
    /^weir: admin: 10\.1\.2\.3:80 is no address of this machine/,
  )
  assert.match(
    await bindProblem('listener x', 'unix:/x', coded('EADDRINUSE')),
    /unix:\/x is taken by another process/,
  )
  assert.match(
    await bindProblem('listener x', '1.2.3.4:80', coded('EWHATEVER')),
    /cannot be bound: some words/,
  )
})
