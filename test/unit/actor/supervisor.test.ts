import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChildSpec, RestartLimits, Strategy } from '../../../src/actor/child.ts'
import type { Decision } from '../../../src/actor/news.ts'
import { Supervisor } from '../../../src/actor/supervisor.ts'
import type { Rng } from '../../../src/base/random.ts'
import { seededRng } from '../../../src/base/random.ts'

const limits: RestartLimits = { maxRestarts: 100, withinMs: 60_000, backoff: { firstMs: 100, maxMs: 1000 } }
const spec = (id: string, stage: number, more: Partial<ChildSpec> = {}): ChildSpec => ({
  id,
  stage,
  restart: 'permanent',
  group: 'all',
  ...more,
})
const CHILDREN = [spec('acceptor', 0), spec('telemetry', 1), spec('shard 0', 2), spec('shard 1', 2)]
/** The longest pause each time. */
const slowest = Object.assign(seededRng(1), { next: () => 1 - 2 ** -53 })

function tree(children = CHILDREN, strategy: Strategy = 'one-for-one', rng: Rng = slowest): Supervisor {
  return new Supervisor({ children, strategies: { all: strategy }, limits }, rng)
}

const said = (decisions: readonly Decision[]): string[] =>
  decisions.map((decision) =>
    'why' in decision && decision.why !== 'stop'
      ? `${decision.kind} ${decision.id} (${decision.why})`
      : 'id' in decision
        ? `${decision.kind} ${decision.id}`
        : decision.kind,
  )

const up = (id: string, incarnation = 1) => ({ kind: 'up', id, incarnation }) as const
const ended = (id: string, incarnation = 1, normal = false) =>
  ({ kind: 'ended', id, incarnation, normal }) as const

/** All of them up at time 0. */
function running(children = CHILDREN, strategy: Strategy = 'one-for-one'): Supervisor {
  const supervisor = tree(children, strategy)
  supervisor.handle({ kind: 'start' }, 0)
  for (const { id } of children) supervisor.handle(up(id), 0)
  return supervisor
}

const phases = (supervisor: Supervisor): string =>
  supervisor
    .children()
    .map(({ phase }) => phase)
    .join(' ')

test('children start in order of their stages and stop in reverse', () => {
  const supervisor = tree()
  assert.deepEqual(said(supervisor.handle({ kind: 'start' }, 0)), ['spawn acceptor'])
  assert.deepEqual(said(supervisor.handle(up('acceptor'), 0)), ['spawn telemetry'])
  assert.deepEqual(said(supervisor.handle(up('telemetry'), 0)), ['spawn shard 0', 'spawn shard 1'])
  assert.deepEqual(said(supervisor.handle(up('shard 1'), 0)), [])
  assert.deepEqual(said(supervisor.handle(up('shard 0'), 0)), ['started'])
  assert.deepEqual(said(supervisor.handle({ kind: 'stop' }, 0)), ['terminate shard 0', 'terminate shard 1'])
  assert.deepEqual(said(supervisor.handle({ kind: 'stop' }, 0)), [])
  assert.deepEqual(said(supervisor.handle(ended('shard 0'), 0)), [])
  assert.deepEqual(said(supervisor.handle(ended('shard 1'), 0)), ['terminate telemetry'])
  assert.deepEqual(said(supervisor.handle(ended('telemetry'), 0)), ['terminate acceptor'])
  assert.deepEqual(said(supervisor.handle(ended('acceptor'), 0)), ['stopped'])
})

test('the bound of the pause doubles with every restart in a row, is capped, and a life that lasted begins a new row', () => {
  const supervisor = running()
  let nowMs = 0
  const delays: number[] = []
  const die = (life: number, livedMs: number): void => {
    nowMs += livedMs
    for (const decision of supervisor.handle(ended('shard 0', life), nowMs)) {
      if (decision.kind === 'restart-in') delays.push(Math.round(decision.delayMs))
    }
    nowMs = supervisor.nextDueMs()
    assert.deepEqual(said(supervisor.handle({ kind: 'tick' }, nowMs - 1)), [])
    assert.deepEqual(said(supervisor.handle({ kind: 'tick' }, nowMs)), ['spawn shard 0'])
    supervisor.handle(up('shard 0', life + 1), nowMs)
  }
  for (let life = 1; life <= 6; life++) die(life, 0)
  assert.deepEqual(delays.splice(0), [100, 200, 400, 800, 1000, 1000])
  die(7, 999)
  die(8, 1000)
  die(9, 499)
  assert.deepEqual(delays, [1000, 100, 200])
  assert.equal(supervisor.children().find(({ id }) => id === 'shard 0')?.restarts, 9)
})

test('a child that ends before it was ever up fails the first start, and the others are stopped', () => {
  const supervisor = tree()
  supervisor.handle({ kind: 'start' }, 0)
  supervisor.handle(up('acceptor'), 0)
  const decisions = supervisor.handle(ended('telemetry'), 0)
  assert.deepEqual(said(decisions), ['failed telemetry', 'terminate acceptor'])
  assert.deepEqual(said(supervisor.handle(ended('acceptor'), 0)), ['stopped'])
})

test('stop while a child waits for its restart: it is not spawned again', () => {
  const supervisor = running()
  supervisor.handle(ended('telemetry'), 0)
  supervisor.handle({ kind: 'stop' }, 0)
  assert.equal(supervisor.nextDueMs(), Infinity)
  assert.deepEqual(said(supervisor.handle({ kind: 'tick' }, 1e9)), [])
  supervisor.handle(ended('shard 0'), 0)
  assert.deepEqual(said(supervisor.handle(ended('shard 1'), 0)), ['terminate acceptor'])
})

test('news of an earlier life is ignored, of one that never was an error', () => {
  const supervisor = running()
  supervisor.handle(ended('shard 0'), 0)
  supervisor.handle({ kind: 'tick' }, 100)
  assert.deepEqual(supervisor.handle(ended('shard 0'), 100), [])
  assert.deepEqual(supervisor.handle(up('shard 0'), 100), [])
  assert.throws(() => supervisor.handle(ended('shard 0', 3), 100), /no life 3/)
  assert.throws(() => supervisor.handle(ended('shard 9'), 100), /no child/)
})

test('a transient child that ended normally stays ended; one that did not comes back; a permanent one always does', () => {
  const children = [spec('job', 0, { restart: 'transient' }), spec('clerk', 0)]
  const supervisor = running(children)
  assert.deepEqual(said(supervisor.handle(ended('clerk', 1, true), 0)), ['restart-in clerk'])
  assert.deepEqual(said(supervisor.handle(ended('job', 1, false), 0)), ['restart-in job'])
  supervisor.handle({ kind: 'tick' }, 100)
  assert.deepEqual(supervisor.handle(ended('job', 2, true), 100), [])
  assert.equal(phases(supervisor), 'done starting')
  assert.equal(supervisor.nextDueMs(), Infinity)
})

test('a planned restart: ended politely, spawned at once, no death', () => {
  const supervisor = running()
  assert.deepEqual(said(supervisor.handle({ kind: 'restart', id: 'shard 1' }, 5)), [
    'terminate shard 1 (replace)',
  ])
  assert.deepEqual(supervisor.handle({ kind: 'restart', id: 'shard 1' }, 5), [])
  assert.deepEqual(said(supervisor.handle(ended('shard 1'), 9)), ['spawn shard 1'])
  assert.deepEqual(supervisor.handle({ kind: 'restart', id: 'shard 1' }, 9), [], 'not up yet')
  const { restarts, deaths } = supervisor.children().at(-1)!
  assert.deepEqual([restarts, deaths], [1, 0])
})

test('children come and go at run time, and one that comes again goes on counting its lives', () => {
  const supervisor = running()
  assert.deepEqual(said(supervisor.handle({ kind: 'add', spec: spec('shard 2', 2) }, 0)), ['spawn shard 2'])
  assert.throws(() => supervisor.handle({ kind: 'add', spec: spec('shard 2', 2) }, 0), /two children/)
  supervisor.handle(up('shard 2'), 0)
  assert.deepEqual(said(supervisor.handle({ kind: 'remove', id: 'shard 2' }, 0)), [
    'terminate shard 2 (remove)',
  ])
  assert.deepEqual(said(supervisor.handle(ended('shard 2'), 0)), ['removed shard 2'])
  assert.deepEqual(supervisor.handle({ kind: 'add', spec: spec('shard 2', 2) }, 0), [
    { kind: 'spawn', id: 'shard 2', incarnation: 2 },
  ])
  assert.deepEqual(supervisor.handle(ended('shard 2', 1), 0), [], 'an earlier life')
  supervisor.handle(ended('shard 0'), 0)
  assert.deepEqual(said(supervisor.handle({ kind: 'remove', id: 'shard 0' }, 0)), ['removed shard 0'])
  assert.equal(supervisor.nextDueMs(), Infinity)
})

test('rest-for-one: those behind are ended in reverse, one at a time, and come back in order', () => {
  const children = ['a', 'b', 'c', 'd'].map((id) => spec(id, 0))
  const supervisor = running(children, 'rest-for-one')
  assert.deepEqual(said(supervisor.handle(ended('b'), 0)), ['restart-in b', 'terminate d (depends)'])
  assert.equal(supervisor.nextDueMs(), Infinity, 'b waits for those behind it')
  assert.deepEqual(said(supervisor.handle(ended('d'), 10)), ['terminate c (depends)'])
  assert.deepEqual(said(supervisor.handle(ended('c'), 20)), [])
  assert.equal(phases(supervisor), 'up waiting held held')
  assert.deepEqual(said(supervisor.handle({ kind: 'tick' }, 100)), ['spawn b'])
  assert.deepEqual(said(supervisor.handle(up('b', 2), 110)), ['spawn c'])
  assert.deepEqual(said(supervisor.handle(ended('b', 2), 110)), ['restart-in b', 'terminate c (depends)'])
  assert.deepEqual(said(supervisor.handle(ended('c', 2), 500)), ['spawn b'], 'its pause is over')
  assert.deepEqual(said(supervisor.handle(up('b', 3), 500)), ['spawn c'])
  assert.deepEqual(said(supervisor.handle(up('c', 3), 500)), ['spawn d'])
  supervisor.handle(up('d', 2), 500)
  assert.equal(phases(supervisor), 'up up up up')
  assert.deepEqual(
    supervisor.children().map(({ deaths }) => deaths),
    [0, 2, 0, 0],
  )
})

test('rest-for-one, first start: one added behind a dead one is held until that one is back, and does not bar its return', () => {
  const supervisor = tree([spec('a', 0), spec('b', 0)], 'rest-for-one')
  assert.deepEqual(said(supervisor.handle({ kind: 'start' }, 0)), ['spawn a', 'spawn b'])
  supervisor.handle(up('b'), 0)
  assert.deepEqual(said(supervisor.handle(ended('b'), 0)), ['restart-in b'])
  assert.deepEqual(supervisor.handle({ kind: 'add', spec: spec('c', 0) }, 10), [])
  assert.equal(phases(supervisor), 'starting waiting held')
  assert.ok(supervisor.nextDueMs() <= 100, 'nobody lives behind b')
  assert.deepEqual(said(supervisor.handle({ kind: 'tick' }, 100)), ['spawn b'])
  assert.deepEqual(supervisor.handle(up('b', 2), 110), [], 'c waits for a too')
  assert.deepEqual(said(supervisor.handle(up('a'), 120)), ['spawn c'])
  assert.deepEqual(said(supervisor.handle(up('c'), 130)), ['started'])
})

test('rest-for-one: a planned restart behind a dead one does not bring a child back before that one', () => {
  const supervisor = running([spec('a', 0), spec('b', 0), spec('c', 0)], 'rest-for-one')
  assert.deepEqual(said(supervisor.handle(ended('a'), 0)), ['restart-in a', 'terminate c (depends)'])
  assert.deepEqual(said(supervisor.handle({ kind: 'restart', id: 'b' }, 0)), ['terminate b (replace)'])
  assert.deepEqual(supervisor.handle(ended('b'), 10), [])
  assert.deepEqual(supervisor.handle(ended('c'), 20), [])
  assert.equal(phases(supervisor), 'waiting held held')
  assert.deepEqual(said(supervisor.handle({ kind: 'tick' }, 100)), ['spawn a'])
  assert.deepEqual(said(supervisor.handle(up('a', 2), 110)), ['spawn b'])
})

test('first start: one added while its stage starts, and nobody before it died, starts along with it', () => {
  const supervisor = tree([spec('a', 0), spec('b', 1)], 'rest-for-one')
  supervisor.handle({ kind: 'start' }, 0)
  assert.deepEqual(said(supervisor.handle({ kind: 'add', spec: spec('c', 0) }, 0)), ['spawn c'])
  assert.deepEqual(supervisor.handle(up('c'), 0), [])
  assert.deepEqual(said(supervisor.handle(up('a'), 0)), ['spawn b'])
  assert.deepEqual(said(supervisor.handle(up('b'), 0)), ['started'])
})

test('one restart too many: it gives up once, and all is stopped in reverse', () => {
  const supervisor = running()
  supervisor.handle({ kind: 'configure', limits: { ...limits, maxRestarts: 1, withinMs: 1000 } }, 0)
  assert.deepEqual(said(supervisor.handle(ended('telemetry'), 0)), ['restart-in telemetry'])
  supervisor.handle({ kind: 'tick' }, 100)
  supervisor.handle(up('telemetry', 2), 100)
  assert.deepEqual(said(supervisor.handle(ended('shard 0'), 1000)), ['gave-up shard 0', 'terminate shard 1'])
  assert.deepEqual(said(supervisor.handle(ended('shard 1'), 1000)), ['terminate telemetry'])
  assert.deepEqual(said(supervisor.handle(ended('telemetry', 2), 1000)), ['terminate acceptor'])
  assert.deepEqual(said(supervisor.handle(ended('acceptor'), 1000)), ['stopped'])
})
