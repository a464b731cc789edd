import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_BACKOFF, backoffMs } from '../../../src/actor/child.ts'
import type { ChildSpec } from '../../../src/actor/child.ts'
import { createSupervisor } from '../../../src/actor/supervisor.ts'
import type { Decision, News, Supervisor } from '../../../src/actor/supervisor.ts'
import { seededRng } from '../../../src/base/random.ts'

const backoff = { firstMs: 100, maxMs: 1000, factor: 2, jitter: 0, calmMs: 5000 }
const spec = (id: string, stage: number): ChildSpec => ({ id, stage, backoff })
const specs = [spec('acceptor', 0), spec('telemetry', 1), spec('shard 0', 2), spec('shard 1', 2)]
const fresh = (): Supervisor => createSupervisor(specs, seededRng(1))
const said = (decisions: readonly Decision[]): string[] =>
  decisions.map((decision) => ('id' in decision ? `${decision.kind} ${decision.id}` : decision.kind))

/** All four up at time 0. */
function running(): Supervisor {
  const tree = fresh()
  tree.handle({ kind: 'start' }, 0)
  for (const { id } of specs) tree.handle({ kind: 'up', id, incarnation: 1 }, 0)
  return tree
}

test('children start in order of their stages and stop in reverse', () => {
  const tree = fresh()
  assert.deepEqual(said(tree.handle({ kind: 'start' }, 0)), ['spawn acceptor'])
  assert.deepEqual(said(tree.handle({ kind: 'up', id: 'acceptor', incarnation: 1 }, 0)), ['spawn telemetry'])
  const shards = tree.handle({ kind: 'up', id: 'telemetry', incarnation: 1 }, 0)
  assert.deepEqual(said(shards), ['spawn shard 0', 'spawn shard 1'])
  assert.deepEqual(said(tree.handle({ kind: 'up', id: 'shard 1', incarnation: 1 }, 0)), [])
  assert.deepEqual(said(tree.handle({ kind: 'up', id: 'shard 0', incarnation: 1 }, 0)), ['started'])
  assert.deepEqual(said(tree.handle({ kind: 'stop' }, 0)), ['terminate shard 0', 'terminate shard 1'])
  assert.deepEqual(said(tree.handle({ kind: 'stop' }, 0)), [])
  assert.deepEqual(said(tree.handle({ kind: 'ended', id: 'shard 0', incarnation: 1 }, 0)), [])
  assert.deepEqual(said(tree.handle({ kind: 'ended', id: 'shard 1', incarnation: 1 }, 0)), [
    'terminate telemetry',
  ])
  assert.deepEqual(said(tree.handle({ kind: 'ended', id: 'telemetry', incarnation: 1 }, 0)), [
    'terminate acceptor',
  ])
  assert.deepEqual(said(tree.handle({ kind: 'ended', id: 'acceptor', incarnation: 1 }, 0)), ['stopped'])
})

test('a child that ends comes back after its back-off, which doubles, is capped, and is forgotten after a calm time', () => {
  const tree = running()
  let nowMs = 0
  const delays: number[] = []
  for (let life = 1; life <= 6; life++) {
    const decisions = tree.handle({ kind: 'ended', id: 'shard 0', incarnation: life }, nowMs)
    for (const decision of decisions) if (decision.kind === 'restart-in') delays.push(decision.delayMs)
    assert.deepEqual(said(tree.handle({ kind: 'tick' }, tree.nextDueMs() - 1)), [])
    nowMs = tree.nextDueMs()
    assert.deepEqual(said(tree.handle({ kind: 'tick' }, nowMs)), ['spawn shard 0'])
    tree.handle({ kind: 'up', id: 'shard 0', incarnation: life + 1 }, nowMs)
  }
  assert.deepEqual(delays, [100, 200, 400, 800, 1000, 1000])
  const calm = tree.handle({ kind: 'ended', id: 'shard 0', incarnation: 7 }, nowMs + 5000)
  assert.deepEqual(calm, [{ kind: 'restart-in', id: 'shard 0', delayMs: 100 }])
  assert.equal(tree.children().find((child) => child.id === 'shard 0')?.restarts, 6)
})

test('a child that ends before it was ever up fails the first start, and the others are stopped', () => {
  const tree = fresh()
  tree.handle({ kind: 'start' }, 0)
  tree.handle({ kind: 'up', id: 'acceptor', incarnation: 1 }, 0)
  const decisions = tree.handle({ kind: 'ended', id: 'telemetry', incarnation: 1 }, 0)
  assert.deepEqual(said(decisions), ['failed telemetry', 'terminate acceptor'])
  assert.deepEqual(said(tree.handle({ kind: 'ended', id: 'acceptor', incarnation: 1 }, 0)), ['stopped'])
})

test('stop while a child waits for its restart: it is not spawned again', () => {
  const tree = running()
  tree.handle({ kind: 'ended', id: 'telemetry', incarnation: 1 }, 0)
  tree.handle({ kind: 'stop' }, 0)
  assert.equal(tree.nextDueMs(), Infinity)
  assert.deepEqual(said(tree.handle({ kind: 'tick' }, 1e9)), [])
  tree.handle({ kind: 'ended', id: 'shard 0', incarnation: 1 }, 0)
  assert.deepEqual(said(tree.handle({ kind: 'ended', id: 'shard 1', incarnation: 1 }, 0)), [
    'terminate acceptor',
  ])
})

test('news of an earlier life is ignored, of one that never was an error', () => {
  const tree = running()
  tree.handle({ kind: 'ended', id: 'shard 0', incarnation: 1 }, 0)
  tree.handle({ kind: 'tick' }, 100)
  assert.deepEqual(tree.handle({ kind: 'ended', id: 'shard 0', incarnation: 1 }, 100), [])
  assert.deepEqual(tree.handle({ kind: 'up', id: 'shard 0', incarnation: 1 }, 100), [])
  assert.throws(() => tree.handle({ kind: 'ended', id: 'shard 0', incarnation: 3 }, 100), /no life 3/)
  assert.throws(() => tree.handle({ kind: 'ended', id: 'shard 9', incarnation: 1 }, 100), /no child/)
})

test('back-off is within [full · (1 - jitter), full], never above the cap', () => {
  const property = fc.property(
    fc.nat(60),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    (restarts, random) => {
      const { firstMs, maxMs, jitter } = DEFAULT_BACKOFF
      const full = Math.min(maxMs, firstMs * 2 ** restarts)
      const delay = backoffMs(DEFAULT_BACKOFF, restarts, random)
      assert.ok(delay <= full && delay > full * (1 - jitter) - 1e-9)
    },
  )
  fc.assert(property)
})

/** The world around a supervisor: lives that exist, as a model. */
class World {
  readonly tree: Supervisor
  readonly specs: readonly ChildSpec[]
  readonly alive = new Map<string, { incarnation: number; up: boolean; told: boolean }>()
  readonly firstUp = new Set<string>()
  readonly endedAt = new Map<string, number>()
  nowMs = 0
  stopping = false
  stopped = 0
  started = 0

  constructor(stages: readonly number[], seed: number) {
    this.specs = stages.map((stage, index) => spec(`child ${index}`, stage))
    this.tree = createSupervisor(this.specs, seededRng(seed))
  }

  tell(news: News): void {
    if (news.kind === 'stop') this.stopping = true
    for (const decision of this.tree.handle(news, this.nowMs)) this.obey(decision)
  }

  obey(decision: Decision): void {
    switch (decision.kind) {
      case 'spawn':
        return this.spawn(decision.id, decision.incarnation)
      case 'terminate': {
        const life = this.alive.get(decision.id)
        assert.equal(life?.incarnation, decision.incarnation, 'terminates a life that exists')
        assert.equal(life.told, false, 'terminates it once')
        life.told = true
        const stage = this.stageOf(decision.id)
        for (const id of this.alive.keys()) assert.ok(this.stageOf(id) <= stage, 'stops in reverse')
        return
      }
      case 'failed':
        this.stopping = true
        return
      case 'started':
        this.started++
        return
      case 'stopped':
        this.stopped++
        assert.equal(this.alive.size, 0, 'stopped with every life over')
        return
      case 'restart-in':
        assert.ok(decision.delayMs > 0 && decision.delayMs <= backoff.maxMs)
    }
  }

  spawn(id: string, incarnation: number): void {
    assert.ok(!this.stopping, 'spawns nothing after stop')
    assert.ok(!this.alive.has(id), 'never two of one child')
    const endedAt = this.endedAt.get(id)
    if (endedAt === undefined) {
      for (const other of this.specs) {
        if (other.stage < this.stageOf(id)) assert.ok(this.firstUp.has(other.id), 'starts in order')
      }
    } else assert.ok(this.nowMs >= endedAt + backoff.firstMs, 'waits for the back-off')
    this.alive.set(id, { incarnation, up: false, told: false })
  }

  end(id: string): void {
    const life = this.alive.get(id)
    if (life === undefined) return
    this.alive.delete(id)
    this.endedAt.set(id, this.nowMs)
    this.tell({ kind: 'ended', id, incarnation: life.incarnation })
  }

  up(id: string): void {
    const life = this.alive.get(id)
    if (life === undefined || life.up) return
    life.up = true
    this.firstUp.add(id)
    this.tell({ kind: 'up', id, incarnation: life.incarnation })
  }

  stageOf(id: string): number {
    return this.specs.find((candidate) => candidate.id === id)?.stage ?? NaN
  }
}

type Step = { readonly act: 'up' | 'end' | 'time' | 'stop'; readonly n: number }
const arbStep: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom('up', 'up', 'up', 'end', 'time', 'time', 'stop'),
  n: fc.nat(1500),
})

test('whatever happens: one life per child, in order, restarted till stopped, and stopped exactly once', () => {
  const arbStages = fc.array(fc.nat(3), { minLength: 1, maxLength: 6 })
  const property = fc.property(
    arbStages,
    fc.array(arbStep, { maxLength: 80 }),
    fc.nat(),
    (stages, steps, seed) => {
      const world = new World(stages, seed)
      world.tell({ kind: 'start' })
      for (const { act, n } of steps) {
        const id = `child ${n % stages.length}`
        if (act === 'up') world.up(id)
        else if (act === 'end') world.end(id)
        else if (act === 'stop' && n % 5 === 0) world.tell({ kind: 'stop' })
        else {
          world.nowMs += n
          world.tell({ kind: 'tick' })
        }
      }
      if (!world.stopping) {
        // Left in peace, it gets everybody up.
        for (let round = 0; round < 20; round++) {
          world.nowMs += backoff.maxMs
          world.tell({ kind: 'tick' })
          for (const { id } of world.specs) world.up(id)
        }
        assert.equal(world.started, 1)
        assert.equal(world.alive.size, stages.length)
      }
      world.tell({ kind: 'stop' })
      for (let round = 0; round < 20; round++)
        for (const [id, life] of world.alive) if (life.told) world.end(id)
      assert.equal(world.stopped, 1)
    },
  )
  fc.assert(property, { numRuns: 500 })
})
