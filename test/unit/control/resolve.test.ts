import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRng } from '../../../src/base/random.ts'
import { KnownNames } from '../../../src/control/known-names.ts'
import { createLookups, nextLookupMs, oneFamily } from '../../../src/control/resolve.ts'
import type { Lookups } from '../../../src/control/resolve.ts'
import type { Answer } from '../../../src/io/dns.ts'
import { fakeTimers } from '../../support/fake-timers.ts'
import type { FakeTimers } from '../../support/fake-timers.ts'

type Reply = Answer | Error | 'silence'
type Setup = {
  readonly timers: FakeTimers
  readonly names: KnownNames
  /** Whoever asks dies; the next one is told what is wanted, later. */
  readonly die: () => void
  readonly succeed: () => void
  /** What each name is answered from now on. */
  readonly zone: Map<string, Reply>
  readonly asked: string[]
  readonly changes: string[]
  readonly failures: string[]
}

function setup(zone: readonly (readonly [string, Reply])[]): Setup {
  const timers = fakeTimers()
  const replies = new Map<string, Reply>(zone)
  const asked: string[] = []
  const changes: string[] = []
  const failures: string[] = []
  const born = (): Lookups =>
    createLookups({
      timers,
      rng: seededRng(7),
      resolver: {
        resolve(host) {
          asked.push(host)
          const reply = replies.get(host) ?? notFound()
          if (reply === 'silence') return new Promise(() => {})
          return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply)
        },
      },
      onAnswer: (host, addresses) => names.answered(host, addresses),
      onFailure: (host, reason) => names.failed(host, reason),
    })
  let lookups: Lookups | undefined = born()
  const names: KnownNames = new KnownNames({
    timers,
    ask: (hosts) => lookups?.want(hosts),
    onChange: (host) => changes.push(`${host} ${names.addressesOf(host).join()}`),
    onFailure: (host, reason) => failures.push(`${host} ${reason}`),
  })
  const die = (): void => {
    lookups?.want([])
    lookups = undefined
  }
  const succeed = (): void => {
    lookups = born()
    lookups.want(names.hosts())
  }
  return { timers, names, die, succeed, zone: replies, asked, changes, failures }
}

const answer = (ttlMs: number, ...addresses: string[]): Answer => ({ addresses, ttlMs })
const notFound = (): Error => Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })

test('names are asked for at once and in parallel, and again as their own TTL says', async () => {
  const { timers, names, asked } = setup([
    ['a', answer(10_000, '192.0.2.1')],
    ['b', answer(60_000, '192.0.2.2')],
  ])
  names.want(['a', 'b'])
  assert.deepEqual(asked, ['a', 'b'])
  await names.settled(1000)
  assert.deepEqual(names.addressesOf('a'), ['192.0.2.1'])
  await timers.advance(8999) // never earlier than TTL less 10 %
  assert.deepEqual(asked, ['a', 'b'])
  await timers.advance(1001)
  assert.deepEqual(asked, ['a', 'b', 'a'])
  await timers.advance(50_000)
  assert.equal(asked.filter((host) => host === 'b').length, 2)
  names.want([])
  assert.equal(timers.pending(), 0)
})

test('settled waits for the slowest first answer, and no longer than it was told to', async () => {
  const { timers, names } = setup([
    ['quick', answer(1000, '192.0.2.1')],
    ['mute', 'silence'],
  ])
  names.want(['quick', 'mute'])
  let settled = false
  const waiting = names.settled(2000).then(() => (settled = true))
  await timers.advance(1999)
  assert.equal(settled, false)
  await timers.advance(1)
  await waiting
  assert.deepEqual(names.addressesOf('quick'), ['192.0.2.1'])
  assert.deepEqual(names.unresolved(), [{ host: 'mute', reason: 'no answer yet' }])
  names.want([])
})

test('the last good answer is kept through failures, which are retried soon and told once per change of state', async () => {
  const { timers, names, zone, asked, changes, failures } = setup([['a', answer(300_000, '192.0.2.1')]])
  names.want(['a'])
  await timers.advance(0)
  zone.set('a', notFound())
  await timers.advance(300_000)
  const before = asked.length
  await timers.advance(120_000)
  assert.deepEqual(names.addressesOf('a'), ['192.0.2.1'])
  assert.ok(asked.length - before >= 4, `${asked.length - before} retries in two minutes`)
  assert.deepEqual(failures, ['a ENOTFOUND'])
  zone.set('a', answer(300_000, '192.0.2.9'))
  await timers.advance(30_000)
  assert.deepEqual(names.addressesOf('a'), ['192.0.2.9'])
  assert.deepEqual(changes, ['a 192.0.2.1', 'a 192.0.2.9'])
  zone.set('a', notFound())
  await timers.advance(400_000)
  assert.equal(failures.length, 2)
  names.want([])
})

test('another order of the same addresses is no change; dual-stack hosts count once', async () => {
  const { timers, names, zone, changes } = setup([
    ['a', answer(1000, '192.0.2.2', '192.0.2.1', '2001:db8::1')],
  ])
  names.want(['a'])
  await timers.advance(0)
  assert.deepEqual(names.addressesOf('a'), ['192.0.2.1', '192.0.2.2'])
  zone.set('a', answer(1000, '192.0.2.1', '192.0.2.2'))
  await timers.advance(5000)
  assert.equal(changes.length, 1)
  assert.deepEqual(oneFamily(['2001:db8::2', '2001:db8::1']), ['2001:db8::1', '2001:db8::2'])
  names.want([])
})

test('a name no longer wanted is forgotten, its answer under way ignored; a name that stays keeps its answer', async () => {
  const { timers, names, zone, asked, changes } = setup([
    ['stays', answer(10_000, '192.0.2.1')],
    ['goes', 'silence'],
  ])
  names.want(['stays', 'goes'])
  await timers.advance(0)
  names.want(['stays'])
  zone.set('goes', answer(1000, '192.0.2.5'))
  await timers.advance(5000)
  assert.deepEqual(asked, ['stays', 'goes'])
  assert.deepEqual(changes, ['stays 192.0.2.1'])
  assert.deepEqual(names.addressesOf('goes'), [])
  names.want(['stays', 'goes'])
  await names.settled(100)
  assert.deepEqual(names.addressesOf('goes'), ['192.0.2.5'])
  assert.deepEqual(names.addressesOf('stays'), ['192.0.2.1'])
  names.want([])
})

test('whoever asks dies: the last answers stand; a successor asks for all anew, and only what is new is told', async () => {
  const { timers, names, die, succeed, zone, asked, changes, failures } = setup([
    ['same', answer(10_000, '192.0.2.1')],
    ['moved', answer(10_000, '192.0.2.2')],
    ['lost', notFound()],
    ['mute', 'silence'],
  ])
  names.want(['same', 'moved', 'lost', 'mute'])
  await timers.advance(0)
  die()
  zone.set('moved', answer(10_000, '192.0.2.9')).set('mute', answer(1000, '192.0.2.4'))
  zone.set('new', answer(1000, '192.0.2.5'))
  names.want(['same', 'moved', 'lost', 'mute', 'new'])
  await timers.advance(60_000)
  assert.deepEqual(names.addressesOf('moved'), ['192.0.2.2'])
  assert.equal(asked.length, 4, 'nobody asks')
  let settled = false
  const waiting = names.settled(3000).then(() => (settled = true))
  await timers.advance(1000)
  assert.equal(settled, false, 'who waits for a new name waits for the successor')
  succeed()
  await timers.advance(0)
  await waiting
  assert.deepEqual(asked.slice(4), ['same', 'moved', 'lost', 'mute', 'new'])
  assert.deepEqual(changes.toSorted(), [
    'moved 192.0.2.2',
    'moved 192.0.2.9',
    'mute 192.0.2.4',
    'new 192.0.2.5',
    'same 192.0.2.1',
  ])
  assert.deepEqual(failures, ['lost ENOTFOUND'], 'known already')
  zone.set('lost', answer(1000, '192.0.2.3'))
  await timers.advance(60_000)
  zone.set('lost', notFound())
  await timers.advance(60_000)
  die()
  succeed()
  await timers.advance(60_000)
  assert.deepEqual(failures, ['lost ENOTFOUND', 'lost ENOTFOUND'], 'once per change of state, whoever asks')
  die()
  assert.equal(timers.pending(), 0)
})

test('the next question comes between 1 s and 5 min, never later than the TTL says if that is within', () => {
  const property = fc.property(
    fc.oneof(fc.nat(2 ** 31), fc.nat(400_000)),
    fc.nat(2000),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    (ttlMs, failures, random) => {
      const delayMs = nextLookupMs(ttlMs, failures, random)
      assert.ok(delayMs >= 1000 && delayMs <= 300_000)
      if (failures === 0)
        assert.ok(delayMs <= Math.max(1000, ttlMs) && delayMs >= Math.min(300_000, ttlMs) * 0.9 - 1)
      else assert.ok(delayMs <= 30_000)
    },
  )
  fc.assert(property)
})
