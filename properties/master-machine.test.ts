import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MASTER_LIMITS } from '../src/control/master-life.ts'
import { movesOf, World } from './master-world.ts'
import type { Plane } from './master-world.ts'

const move = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('plane' as const), n: fc.nat(1000) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(1, 50, 500, 5000, 70_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('signal' as const),
      signal: fc.constantFrom('SIGHUP' as const, 'SIGUSR2' as const, 'SIGUSR2' as const),
    }),
  },
)
type Move = typeof move extends fc.Arbitrary<infer T> ? T : never

function play(world: World, moves: readonly Move[]): void {
  for (const one of moves) {
    if (world.exits.length > 0) return
    if (one.kind === 'pass') world.pass(one.ms)
    else if (one.kind === 'signal') world.tell({ kind: 'signal', signal: one.signal })
    else {
      const all = world.live.flatMap(movesOf)
      if (all.length > 0) all[one.n % all.length]!(world)
    }
  }
}

test('whatever data planes and people do: one serves or soon will, nobody retires before another is ready, after a stop nobody starts and the end comes once', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(move, { maxLength: 60 }), (seed, moves) => {
      const world = new World(seed)
      play(world, moves)
      if (world.exits.length > 0) {
        assert.ok(!world.wasReady, 'a program that was ready ends by a stop only')
        return
      }
      world.stops++
      world.tell({ kind: 'signal', signal: 'SIGTERM' })
      for (const plane of world.live) world.end(plane, 0)
      assert.equal(world.exits.length, 1)
    }),
    { numRuns: 2000 },
  )
})

test('a second SIGTERM kills all of them at once and ends with 143; a SIGINT that repeats the first does not', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(move, { maxLength: 40 }), fc.nat(99), (seed, moves, laterMs) => {
      const world = new World(seed)
      play(world, moves)
      if (world.exits.length > 0) return
      world.stops++
      world.tell({ kind: 'signal', signal: 'SIGINT' })
      if (world.exits.length > 0) return // there was nobody to wait for
      world.nowMs += laterMs
      world.tell({ kind: 'signal', signal: 'SIGINT' })
      assert.deepEqual(world.exits, [])
      world.tell({ kind: 'signal', signal: 'SIGTERM' })
      assert.deepEqual(world.exits, [143])
      assert.ok(world.live.every(({ killed }) => killed))
    }),
  )
})

test('an upgrade that fails, however and whenever, leaves the one that serves as it was: told to resume, never to end', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.constantFrom('starting', 'prepared', 'yielded', 'admitted', 'late'),
      (seed, when) => {
        const world = new World(seed)
        const old = world.live[0]!
        old.saidReady = world.wasReady = true
        world.tell({ kind: 'ready', life: old.id, graceMs: 1000 })
        world.tell({ kind: 'signal', signal: 'SIGUSR2' })
        world.tell({ kind: 'bequeathed', life: old.id })
        const upgrade = world.live[1]!
        assert.equal(upgrade.role, 'upgrade')
        if (when !== 'starting') world.tell({ kind: 'prepared', life: upgrade.id })
        if (when === 'yielded' || when === 'admitted') world.tell({ kind: 'bequeathed', life: old.id })
        if (when === 'late') {
          world.pass(MASTER_LIMITS.upgradeMs + 1)
          assert.ok(upgrade.killed)
        }
        world.end(upgrade, when === 'late' ? null : 1)
        assert.deepEqual(
          old.orders,
          when === 'starting' ? ['bequeath', 'resume'] : ['bequeath', 'yield', 'resume'],
          'it was left as it was',
        )
        assert.ok(
          world.tell({ kind: 'signal', signal: 'SIGUSR2' }).some(({ kind }) => kind === 'order'),
          'and may be replaced again',
        )
      },
    ),
  )
})

test('deaths in a row are followed at once, then after pauses below a bound that doubles up to the longest; a calm life begins the row anew', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 12 }), (seed, deaths) => {
      const world = new World(seed)
      const ready = (): void => {
        const plane = world.live[0]!
        plane.saidReady = world.wasReady = true
        world.tell({ kind: 'ready', life: plane.id, graceMs: 1000 })
      }
      const { firstMs, maxMs } = MASTER_LIMITS.backoff
      const row = (): void => {
        for (let death = 0; death < deaths; death++) {
          ready()
          world.end(world.live[0]!, null)
          const waitMs = world.live.length > 0 ? 0 : world.dueMs() - world.nowMs
          const boundMs = death === 0 ? 0 : Math.min(maxMs, firstMs * 2 ** (death - 1))
          assert.ok(
            waitMs >= 0 && waitMs <= boundMs,
            `pause ${waitMs} ms after death ${death}, bound ${boundMs}`,
          )
          world.pass(waitMs + 1)
          assert.equal(world.live.length, 1, 'it is back')
        }
      }
      row()
      ready()
      world.pass(MASTER_LIMITS.calmMs + 1)
      world.end(world.live[0]!, null)
      assert.equal(world.live.length, 1, 'at once')
    }),
  )
})

/** A plane that answers every reload at once, however many follow from its answers. */
function answerReloads(world: World, plane: Plane): void {
  const owed = (): number => plane.orders.filter((order) => order === 'reload').length
  for (let answered = 0; answered < owed(); answered++) world.tell({ kind: 'reloaded', life: plane.id })
}

test('what is asked for while something else is under way is done afterwards: a reload by the new program too, a replacement once there is something to replace', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom('bequeathed', 'starting', 'yielded', 'admitted'), (seed, when) => {
      const world = new World(seed)
      const old = world.live[0]!
      world.tell({ kind: 'signal', signal: 'SIGUSR2' }) // it is starting
      old.saidReady = world.wasReady = true
      world.tell({ kind: 'ready', life: old.id, graceMs: 1000 })
      assert.deepEqual(old.orders, ['bequeath'])
      const reload = (): unknown => world.tell({ kind: 'signal', signal: 'SIGHUP' })
      if (when === 'bequeathed') reload()
      world.tell({ kind: 'bequeathed', life: old.id })
      const upgrade = world.live[1]!
      if (when === 'starting') reload()
      answerReloads(world, old)
      world.tell({ kind: 'prepared', life: upgrade.id })
      if (when === 'yielded') reload()
      world.tell({ kind: 'bequeathed', life: old.id })
      if (when === 'admitted') reload()
      upgrade.saidReady = true
      world.tell({ kind: 'ready', life: upgrade.id, graceMs: 1000 })
      assert.deepEqual(upgrade.orders, ['admit', 'reload'], 'it may have read the file before it changed')
      assert.equal(old.orders.at(-1), 'retire')
      const heard = old.orders.includes('reload')
      assert.equal(
        heard,
        when === 'bequeathed' || when === 'starting',
        'one that has said its last word changes nothing',
      )
    }),
  )
})

test('an upgrade that is killed for being late is told nothing any more, though the one that serves dies or it says that it is ready', () => {
  for (const late of ['prepared', 'ready'] as const) {
    const world = new World(0)
    const old = world.live[0]!
    old.saidReady = world.wasReady = true
    world.tell({ kind: 'ready', life: old.id, graceMs: 1000 })
    world.tell({ kind: 'signal', signal: 'SIGUSR2' })
    world.tell({ kind: 'bequeathed', life: old.id })
    const upgrade = world.live[1]!
    world.tell({ kind: 'prepared', life: upgrade.id })
    if (late === 'ready') world.tell({ kind: 'bequeathed', life: old.id })
    world.pass(MASTER_LIMITS.upgradeMs + 1)
    assert.ok(upgrade.killed)
    if (late === 'ready') {
      world.tell({ kind: 'ready', life: upgrade.id, graceMs: 1000 })
      assert.ok(!old.orders.includes('retire'), 'it would retire for one that ends')
    } else world.end(old, null)
    world.end(upgrade, null)
    assert.equal(world.live.length, 1)
  }
})
