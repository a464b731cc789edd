import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ChildSpec, RestartLimits, Strategy } from '../src/actor/child.ts'
import type { Decision, News } from '../src/actor/news.ts'
import { Supervisor } from '../src/actor/supervisor.ts'
import { seededRng } from '../src/base/random.ts'

/** `first`: of a child that had none since it was added. */
type Life = { readonly incarnation: number; readonly first: boolean; up: boolean; told: boolean }

/**
 * The world around a supervisor, as a model of its own: lives that exist, deaths that happened. It asserts the laws at every decision.
 */
class World {
  readonly supervisor: Supervisor
  readonly specs: Map<string, ChildSpec>
  readonly alive = new Map<string, Life>()
  readonly done = new Set<string>()
  readonly #lived = new Set<string>()
  readonly #everUp = new Set<string>()
  readonly #lastLife = new Map<string, number>()
  /** Who died, and the first moment at which it may come back. */
  readonly #notBefore = new Map<string, number>()
  /** Who was ended because one before it died. */
  readonly #pulledDown = new Set<string>()
  readonly #limits: RestartLimits
  readonly #strategy: Strategy
  /** Times of the deaths after which a restart was due. */
  readonly #deaths: number[] = []
  nowMs = 0
  stopping = false
  started = 0
  gaveUp = 0
  stopped = 0

  constructor(specs: readonly ChildSpec[], strategy: Strategy, limits: RestartLimits, seed: number) {
    this.specs = new Map(specs.map((spec) => [spec.id, spec]))
    this.#limits = limits
    this.#strategy = strategy
    this.supervisor = new Supervisor(
      { children: specs, strategies: { g: strategy }, limits },
      seededRng(seed),
    )
  }

  tell(news: News): readonly Decision[] {
    if (news.kind === 'stop') this.stopping = true
    const decisions = this.supervisor.handle(news, this.nowMs)
    for (const decision of decisions) this.#obey(decision)
    return decisions
  }

  #obey(decision: Decision): void {
    switch (decision.kind) {
      case 'spawn':
        return this.#spawn(decision.id, decision.incarnation)
      case 'terminate':
        return this.#terminate(decision)
      case 'restart-in': {
        assert.ok(decision.delayMs >= 0 && decision.delayMs <= this.#limits.backoff.maxMs)
        this.#notBefore.set(decision.id, this.nowMs + decision.delayMs)
        return
      }
      case 'removed':
        assert.ok(!this.alive.has(decision.id), 'gone only when its life is over')
        return this.#forget(decision.id)
      case 'started':
        this.started++
        return
      case 'failed':
        this.stopping = true
        return
      case 'gave-up':
        this.gaveUp++
        this.stopping = true
        return
      case 'stopped':
        this.stopped++
        assert.equal(this.alive.size, 0, 'stopped with every life over')
    }
  }

  /** Whoever is added under this name later is another; only the numbers of the lives go on. */
  #forget(id: string): void {
    this.specs.delete(id)
    this.#notBefore.delete(id)
    for (const names of [this.done, this.#lived, this.#everUp, this.#pulledDown]) names.delete(id)
  }

  #spawn(id: string, incarnation: number): void {
    const spec = this.specs.get(id)!
    assert.ok(!this.stopping, 'spawns nothing after stop')
    assert.ok(!this.alive.has(id), 'never two lives of one child')
    assert.ok(!this.done.has(id), 'what ended normally stays ended')
    assert.equal(incarnation, (this.#lastLife.get(id) ?? 0) + 1, 'lives are numbered')
    assert.ok(this.nowMs >= (this.#notBefore.get(id) ?? 0), 'waits for its back-off')
    const first = !this.#lived.has(id)
    if (this.started === 0 && first) {
      for (const other of this.specs.values()) {
        if (other.stage < spec.stage) assert.ok(this.#everUp.has(other.id), 'starts in order of the stages')
      }
    }
    if (this.#strategy === 'rest-for-one') this.#assertTurn(id)
    this.#notBefore.delete(id)
    this.#lastLife.set(id, incarnation)
    this.#lived.add(id)
    this.alive.set(id, { incarnation, first, up: false, told: false })
  }

  /** Who died comes back when those behind it are over, and they when all before them are up; nobody starts behind a dead one. */
  #assertTurn(id: string): void {
    const behind = this.#behind(id)
    for (const dead of this.#notBefore.keys())
      assert.ok(dead === id || behind.includes(dead), 'nobody starts behind one that is to come back')
    if (this.#notBefore.has(id) && !this.#pulledDown.has(id))
      assert.ok(!behind.some((other) => this.alive.has(other)), 'those behind it are over')
    if (!this.#pulledDown.delete(id)) return
    for (const other of this.specs.keys()) {
      if (other === id || behind.includes(other) || this.done.has(other)) continue
      assert.ok(this.alive.get(other)?.up === true, 'those before it are up')
    }
  }

  #terminate({ id, incarnation, why }: Decision & { kind: 'terminate' }): void {
    const life = this.alive.get(id)
    assert.equal(life?.incarnation, incarnation, 'terminates a life that exists')
    assert.equal(life.told, false, 'terminates it once')
    life.told = true
    const stage = this.specs.get(id)!.stage
    if (why === 'stop') {
      for (const other of this.alive.keys()) {
        assert.ok(this.specs.get(other)!.stage <= stage, 'stops in reverse')
      }
    }
    if (why !== 'depends') return
    this.#pulledDown.add(id)
    for (const other of this.#behind(id)) {
      assert.ok(!this.alive.has(other), 'those behind it are over before it is told')
    }
  }

  /** Those after it in the order of a group, by stage and name. */
  #behind(id: string): readonly string[] {
    const order = [...this.specs.values()].toSorted((a, b) => a.stage - b.stage).map((spec) => spec.id)
    return order.slice(order.indexOf(id) + 1)
  }

  end(id: string, normal = false): void {
    const life = this.alive.get(id)
    if (life === undefined) return
    this.alive.delete(id)
    const firstStart = this.started === 0 && life.first && !life.up
    const goesOn = !this.stopping && !life.told && !firstStart
    const isDone = normal && this.specs.get(id)!.restart === 'transient'
    if (goesOn && isDone) this.done.add(id)
    const before = this.gaveUp
    if (goesOn && !isDone) this.#deaths.push(this.nowMs)
    const { maxRestarts, withinMs } = this.#limits
    const recent = this.#deaths.filter((time) => this.nowMs - time <= withinMs).length
    this.tell({ kind: 'ended', id, incarnation: life.incarnation, normal })
    const tooMany = goesOn && !isDone && recent > maxRestarts
    assert.equal(this.gaveUp - before, tooMany ? 1 : 0, 'gives up at one restart too many in the window')
  }

  up(id: string): void {
    const life = this.alive.get(id)
    if (life === undefined || life.up) return
    life.up = true
    if (!life.told) this.#everUp.add(id)
    this.tell({ kind: 'up', id, incarnation: life.incarnation })
  }
}

type Step = {
  readonly act: 'up' | 'die' | 'end' | 'finish' | 'time' | 'restart' | 'remove' | 'add' | 'stop'
  readonly n: number
}
const arbStep: fc.Arbitrary<Step> = fc.record({
  act: fc.oneof(
    { weight: 6, arbitrary: fc.constant('up' as const) },
    { weight: 3, arbitrary: fc.constant('time' as const) },
    { weight: 3, arbitrary: fc.constant('end' as const) },
    { weight: 2, arbitrary: fc.constant('die' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('finish' as const, 'restart' as const, 'remove' as const, 'add' as const),
    },
    { weight: 1, arbitrary: fc.constant('stop' as const) },
  ),
  n: fc.nat(1500),
})

function play(world: World, { act, n }: Step): void {
  const ids = [...world.specs.keys()]
  const id = ids[n % Math.max(1, ids.length)] ?? ''
  switch (act) {
    case 'up':
      return world.up(id)
    case 'die':
      return world.end(id)
    case 'finish':
      return world.end(id, true)
    case 'end': {
      // whoever was told to end does
      const told = [...world.alive].find(([, life]) => life.told)?.[0]
      return told === undefined ? undefined : world.end(told)
    }
    case 'restart':
    case 'remove':
      if (ids.length > 0) world.tell({ kind: act, id })
      return
    case 'add': {
      const spec: ChildSpec = { id: `child ${n % 8}`, stage: n % 4, restart: 'permanent', group: 'g' }
      if (world.specs.has(spec.id) || world.stopping) return
      world.specs.set(spec.id, spec)
      world.tell({ kind: 'add', spec })
      return
    }
    case 'stop':
      if (n % 7 === 0) world.tell({ kind: 'stop' })
      return
    case 'time':
      world.nowMs += n
      world.tell({ kind: 'tick' })
  }
}

/** Left in peace, it gets everybody up. */
function settle(world: World): void {
  for (let round = 0; round < 40; round++) {
    world.nowMs += 1000
    world.tell({ kind: 'tick' })
    for (const [id, life] of world.alive) {
      if (life.told) world.end(id)
      else world.up(id)
    }
  }
}

for (const strategy of ['one-for-one', 'rest-for-one'] as const) {
  test(`${strategy}: never two lives of one child, started and stopped in order, back when the back-off is over, given up exactly at the window's limit, stopped once`, () => {
    const arbSpecs = fc
      .array(fc.tuple(fc.nat(3), fc.constantFrom('permanent' as const, 'transient' as const)), {
        minLength: 1,
        maxLength: 6,
      })
      .map((kinds) =>
        kinds.map(([stage, restart], n): ChildSpec => ({ id: `child ${n}`, stage, restart, group: 'g' })),
      )
    const arbLimits = fc.record({
      maxRestarts: fc.constantFrom(0, 1, 2, 3, 5, 1000),
      withinMs: fc.constantFrom(500, 2000, 10_000),
      backoff: fc.constant({ firstMs: 100, maxMs: 1000 }),
    })
    const property = fc.property(
      arbSpecs,
      arbLimits,
      fc.array(arbStep, { maxLength: 120 }),
      fc.nat(),
      (specs, limits, steps, seed) => {
        const world = new World(specs, strategy, limits, seed)
        world.tell({ kind: 'start' })
        for (const step of steps) play(world, step)
        if (!world.stopping) {
          settle(world)
          assert.equal(world.started, 1)
          const missing = [...world.specs.keys()].filter((id) => world.alive.get(id)?.up !== true)
          assert.deepEqual(
            missing,
            [...world.specs.keys()].filter((id) => world.done.has(id)),
          )
        }
        world.tell({ kind: 'stop' })
        for (let round = 0; round < 40; round++)
          for (const [id, life] of world.alive) if (life.told) world.end(id)
        assert.equal(world.stopped, 1)
        assert.ok(world.gaveUp <= 1, 'gives up once')
      },
    )
    fc.assert(property, { numRuns: 1500 })
  })
}
