/** The controller of overload: its laws, and what it makes of a server that is given too much. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Shedder } from '../src/limit/shedding.ts'

test('the rate is above 0 and no NaN, and it can be told anything, however the clock jumps', () => {
  const told = fc.record({
    stepMs: fc.oneof(
      fc.double({ min: 0, max: 500, noNaN: true }),
      fc.constantFrom(-1e6, 1e9, 0, NaN, Infinity),
    ),
    delayMs: fc.oneof(fc.double({ min: 0, max: 1e4, noNaN: true }), fc.constantFrom(NaN, Infinity, -1, 0)),
    requests: fc.nat({ max: 5 }),
    early: fc.boolean(),
  })
  const spec = fc.record({
    delayMs: fc.integer({ min: 5, max: 10_000 }),
    windowMs: fc.integer({ min: 10, max: 10_000 }),
  })
  fc.assert(
    fc.property(fc.array(told, { maxLength: 200 }), spec, (story, overload) => {
      const shedder = new Shedder()
      shedder.configure(overload)
      let nowMs = 0
      for (const { stepMs, delayMs, requests, early } of story) {
        if (Number.isFinite(nowMs + stepMs)) nowMs += stepMs
        shedder.observe(nowMs, delayMs)
        assert.ok(shedder.rate > 0, `${shedder.rate}`)
        for (let i = 0; i < requests; i++) if (shedder.refuses(early)) assert.notEqual(shedder.rate, Infinity)
      }
      shedder.configure(undefined)
      assert.equal(shedder.refuses(true), false)
    }),
    { numRuns: 500 },
  )
})

test('nothing is refused unless the delay was above the target for a whole window: a burst is none', () => {
  const spec = { delayMs: 100, windowMs: 100 }
  const burst = fc.record({
    lateMs: fc.integer({ min: 1, max: 5000 }),
    forMs: fc.integer({ min: 1, max: 99 }),
  })
  fc.assert(
    fc.property(fc.array(burst, { minLength: 1, maxLength: 30 }), (bursts) => {
      const shedder = new Shedder()
      shedder.configure(spec)
      let nowMs = 0
      for (const { lateMs, forMs } of bursts) {
        for (let i = 0; i < forMs; i++) {
          shedder.observe(nowMs++, lateMs)
          assert.equal(shedder.refuses(true), false)
        }
        shedder.observe(nowMs++, 0)
        assert.equal(shedder.refuses(true), false)
      }
    }),
  )
})

test('nobody is refused while the shard is not late, not even who comes too soon, although a limit is known', () => {
  const shedder = new Shedder()
  shedder.configure({ delayMs: 50, windowMs: 100 })
  let nowMs = 0
  for (; nowMs <= 200; nowMs++) shedder.observe(nowMs, 80)
  assert.equal(shedder.refuses(true), true)
  shedder.observe(++nowMs, 12)
  assert.notEqual(shedder.rate, Infinity)
  for (let i = 0; i < 10_000; i++) assert.equal(shedder.refuses(i % 2 === 0), false)
})

/** One that was late for a window, and since then as late as it is told to be. */
function limited(delayMs: number): { shedder: Shedder; nowMs: number } {
  const shedder = new Shedder()
  shedder.configure({ delayMs: 50, windowMs: 500 })
  let nowMs = 0
  for (; nowMs < 1000; nowMs += 5) {
    shedder.observe(nowMs, nowMs < 600 ? 80 : delayMs)
    for (let i = 0; i < 50; i++) shedder.refuses(false)
  }
  assert.notEqual(shedder.rate, Infinity)
  return { shedder, nowMs }
}

test('a limit that only those meet who come too soon is not forgotten: without it they would all be served, late', () => {
  const { shedder, nowMs } = limited(30)
  for (let ms = 0; ms < 20_000; ms += 5) {
    shedder.observe(nowMs + ms, 30)
    assert.equal(shedder.refuses(true), true)
  }
})

test('of more than the rate as many are admitted as it says, however far apart the shard is told how late it is', () => {
  for (const everyMs of [1, 7, 20, 45]) {
    const { shedder, nowMs } = limited(50)
    let admitted = 0
    let expected = 0
    for (let ms = everyMs; ms <= 10_000; ms += everyMs) {
      expected += (shedder.rate * everyMs) / 1000
      shedder.observe(nowMs + ms, 50)
      for (let i = 0; i < everyMs * 20; i++) if (!shedder.refuses(false)) admitted++
    }
    assert.ok(Math.abs(admitted / expected - 1) < 0.02, `${admitted} of ${expected} every ${everyMs} ms`)
  }
})

/** A server that takes `SERVE_MS` for a request and `REFUSE_MS` to refuse one, first in, first out. */
const SERVE_MS = 0.05
const REFUSE_MS = 0.005

type Tally = {
  offered: number
  served: number
  inTime: number
  refusedMs: number
  worstMs: number
  late: number[]
}

/** Offer so much of what it can do (1: all of it), for so long. */
function drive(shedder: Shedder, load: number, durationMs: number, startMs = 0): Tally {
  const queue: number[] = []
  let head = 0
  let owed = 0
  let budgetMs = 0
  const tally: Tally = { offered: 0, served: 0, inTime: 0, refusedMs: 0, worstMs: 0, late: [] }
  for (let nowMs = startMs; nowMs < startMs + durationMs; nowMs++) {
    for (owed += load / SERVE_MS; owed >= 1; owed--) queue.push(nowMs)
    for (budgetMs += 1; budgetMs > 0 && head < queue.length; head++) {
      if (shedder.refuses(false)) {
        budgetMs -= REFUSE_MS
        tally.refusedMs += REFUSE_MS
        continue
      }
      budgetMs -= SERVE_MS
      tally.served++
      if (nowMs - queue[head]! < 250) tally.inTime++
    }
    if (head === queue.length) budgetMs = Math.min(budgetMs, 1)
    const lateMs = head < queue.length ? nowMs - queue[head]! : 0
    tally.worstMs = Math.max(tally.worstMs, lateMs)
    tally.late.push(lateMs)
    shedder.observe(nowMs, lateMs)
  }
  tally.offered = queue.length
  return tally
}

test('at 1.1 to 4 × what a server can do, with any target: at least 90 % of what is left beside refusing is served in time, and the delay settles about the target', () => {
  const durationMs = 10_000
  fc.assert(
    fc.property(
      fc.double({ min: 1.1, max: 4, noNaN: true }),
      fc.constantFrom(10, 20, 50, 100),
      fc.constantFrom(10, 20, 50, 100),
      (load, delayMs, windowMs) => {
        const shedder = new Shedder()
        shedder.configure({ delayMs, windowMs })
        const { inTime, worstMs, late } = drive(shedder, load, durationMs)
        // With x of the time spent on serving: x + (load - x) · REFUSE/SERVE = 1.
        const cost = REFUSE_MS / SERVE_MS
        const feasible = ((1 - load * cost) / (1 - cost)) * (durationMs / SERVE_MS)
        assert.ok(inTime >= 0.9 * feasible, `${inTime} of ${feasible}`)
        const settled = late.slice(durationMs / 2).toSorted((a, b) => a - b)
        assert.ok(settled[settled.length >> 1]! <= 1.5 * delayMs, `median ${settled[settled.length >> 1]}`)
        assert.ok(worstMs <= 5 * delayMs + 4 * load * windowMs, `worst ${worstMs}`)
      },
    ),
    { numRuns: 40 },
  )
})

test('without it the same server is late for everybody within a second', () => {
  const shedder = new Shedder()
  shedder.configure(undefined)
  const { inTime, served } = drive(shedder, 2, 10_000)
  assert.ok(inTime < 0.1 * served)
})

test('below what it can do nothing is refused, and soon after an overload nothing is any more', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.1, max: 0.95, noNaN: true }),
      fc.double({ min: 1.2, max: 4, noNaN: true }),
      (below, above) => {
        const shedder = new Shedder()
        shedder.configure({ delayMs: 100, windowMs: 100 })
        assert.equal(drive(shedder, below, 2000).refusedMs, 0)
        assert.ok(drive(shedder, above, 3000, 2000).refusedMs > 0)
        drive(shedder, below, 1000, 5000)
        assert.equal(drive(shedder, below, 2000, 6000).refusedMs, 0)
        assert.equal(shedder.rate, Infinity)
      },
    ),
    { numRuns: 20 },
  )
})
