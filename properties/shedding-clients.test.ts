/**
 * Shedding with the clients that it meets: each has a connection, waits for its answer before it asks again, and heeds nothing. The shard is a model (one queue for
 * requests and the responses to them, batches, work that takes its time); what measures, decides and holds back are the real ones.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRng } from '../src/base/random.ts'
import { HeldBack } from '../src/limit/held-back.ts'
import { ShardDelay } from '../src/limit/shard-delay.ts'
import { Shedder } from '../src/limit/shedding.ts'

/** What a request costs, half when it comes and half when its response does; what it costs to refuse one. */
const SERVE_MS = 0.1
const REFUSE_MS = 0.03
const BATCH_ROWS = 1024
const TURN_MS = 50
const PATIENCE_MS = 200
const LONG_MS = 15_000
const ENDPOINT_MS = 0.3
/** Clients looked at for one that does not wait. */
const TRIES = 8

const KIND = { request: 0, response: 1, wake: 2 } as const
type Row = { readonly client: number; readonly kind: number; readonly atMs: number }
type Tally = { served: number; inTime: number; refused: number }

class Crowd {
  readonly #rng = seededRng(7)
  readonly #ratePerMs: number
  #wanted = 0
  /** By client: when it asked, NaN: it does not wait; whether it is held back, and whether what it asked waits in the kernel. */
  readonly askedMs: Float64Array
  readonly held: Uint8Array
  readonly unread: Uint8Array

  constructor(clients: number, ratePerMs: number) {
    this.#ratePerMs = ratePerMs
    this.askedMs = new Float64Array(clients).fill(NaN)
    this.held = new Uint8Array(clients)
    this.unread = new Uint8Array(clients)
  }

  ask(nowMs: number, queue: Row[]): void {
    for (const due = Math.floor(nowMs * this.#ratePerMs); this.#wanted < due; this.#wanted++) {
      for (let i = 0; i < TRIES; i++) {
        const client = this.#rng.below(this.askedMs.length)
        if (!Number.isNaN(this.askedMs[client]!)) continue
        this.askedMs[client] = nowMs
        if (this.held[client] === 1) this.unread[client] = 1
        else queue.push({ client, kind: KIND.request, atMs: nowMs })
        break
      }
    }
  }
}

class ModelShard {
  readonly #crowd: Crowd
  readonly #shedder = new Shedder()
  readonly #delay = new ShardDelay()
  readonly #held = new HeldBack<number>(seededRng(3), TURN_MS, 0)
  #queue: Row[] = []
  #head = 0
  #nowMs = 0
  #nextTurnMs = TURN_MS
  tally: Tally = { served: 0, inTime: 0, refused: 0 }

  constructor(crowd: Crowd, delayMs: number) {
    this.#crowd = crowd
    this.#shedder.configure({ delayMs, windowMs: 500 })
  }

  runTo(endMs: number): void {
    while (this.#nowMs < endMs) {
      if (this.#nowMs >= this.#nextTurnMs) {
        this.#nextTurnMs = this.#nowMs + TURN_MS // as the reactor: late turns are not made up for
        this.#held.turn(this.#nowMs, this.#shedder.rate, this.#release)
      }
      this.#crowd.ask(this.#nowMs, this.#queue)
      this.#batch()
    }
  }

  readonly #release = (client: number): void => {
    this.#crowd.held[client] = 0
    if (this.#crowd.unread[client] === 0) return
    this.#crowd.unread[client] = 0
    this.#queue.push({ client, kind: KIND.request, atMs: this.#nowMs })
  }

  #batch(): void {
    const beganMs = this.#nowMs
    const end = Math.min(this.#queue.length, this.#head + BATCH_ROWS)
    for (; this.#head < end; this.#head++) {
      const row = this.#queue[this.#head]!
      if (row.atMs > beganMs) break
      this.#onRow(row)
    }
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    }
    const tookMs = this.#nowMs - beganMs
    if (tookMs === 0) this.#nowMs += ENDPOINT_MS / 2
    if (this.#delay.onBatchEnd(this.#nowMs, tookMs))
      this.#queue.push({ client: -1, kind: KIND.wake, atMs: this.#nowMs })
    this.#shedder.observe(this.#nowMs, this.#delay.smoothedMs)
  }

  #onRow({ client, kind }: Row): void {
    const { askedMs, held } = this.#crowd
    if (kind === KIND.wake) this.#delay.onWake(this.#nowMs)
    else if (kind === KIND.response) {
      this.#nowMs += SERVE_MS / 2
      this.tally.served++
      if (this.#nowMs - askedMs[client]! <= PATIENCE_MS) this.tally.inTime++
      askedMs[client] = NaN
    } else if (this.#shedder.refuses(this.#held.wasEarly(client))) {
      this.#nowMs += REFUSE_MS
      this.tally.refused++
      askedMs[client] = NaN
      held[client] = 1
      this.#held.hold(client)
    } else {
      this.#nowMs += SERVE_MS / 2
      this.#queue.push({ client, kind: KIND.response, atMs: this.#nowMs + ENDPOINT_MS })
    }
  }
}

/** What is answered in time, of what the shard could do, while so much of that is asked: for longer than a limit is known that nobody needs, after the first two seconds. */
function goodput(clients: number, load: number, delayMs: number): number {
  const shard = new ModelShard(new Crowd(clients, load / SERVE_MS), delayMs)
  shard.runTo(2000)
  shard.tally = { served: 0, inTime: 0, refused: 0 }
  shard.runTo(LONG_MS)
  return (shard.tally.inTime * SERVE_MS) / (LONG_MS - 2000)
}

test('at 1.2 to 4 × what a shard can do, of however many clients that heed no retry-after, 80 % of it is answered in time', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 3000, max: 10_000 }),
      fc.double({ min: 1.2, max: 4, noNaN: true }),
      fc.integer({ min: 20, max: 50 }),
      (clients, load, delayMs) => {
        const share = goodput(clients, load, delayMs)
        assert.ok(share > 0.8, `${share}`)
      },
    ),
    { numRuns: 15 },
  )
})

test('at twice what it can do, with the default delay, 90 % of it is answered in time', () => {
  for (const clients of [3000, 8000]) {
    const share = goodput(clients, 2, 50)
    assert.ok(share > 0.9, `${share}`)
  }
})

test('without shedding the same clients get nothing in time', () => {
  assert.ok(goodput(5000, 2, 10_000) < 0.05)
})

test('whoever comes back when it was told to is not early, on a shard whose turns are up to twice as far apart as usual', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ count: fc.nat({ max: 100 }), ms: fc.integer({ min: 50, max: 100 }) }), {
        minLength: 1,
        maxLength: 100,
      }),
      fc.constantFrom(100, 200, 500, Infinity),
      fc.integer(),
      (arrivals, ratePerS, seed) => {
        let nowMs = 0
        let who = 0
        const held = new HeldBack<number>(seededRng(seed), TURN_MS, nowMs)
        const backMs = new Map<number, number>()
        const turn = (ms: number): void => {
          nowMs += ms
          held.turn(nowMs, ratePerS, () => {})
          for (const [id, atMs] of backMs) {
            if (nowMs < atMs) continue
            backMs.delete(id)
            assert.ok(!held.wasEarly(id), `${id} at ${nowMs}`)
          }
        }
        for (const { count, ms } of arrivals) {
          for (let i = 0; i < count; i++) {
            backMs.set(who, nowMs + held.retryAfterS * 1000)
            held.hold(who++)
          }
          turn(ms)
        }
        while (backMs.size > 0) turn(arrivals[0]!.ms)
      },
    ),
  )
})

test('whoever is held back is let go once, within the time it was told and not at once, however far apart the turns of a late shard are', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ count: fc.nat({ max: 200 }), ms: fc.constantFrom(50, 90, 400, 20_000) }), {
        maxLength: 100,
      }),
      fc.constantFrom(50, 120, 1000),
      fc.constantFrom(1, 10, 1000, Infinity),
      fc.integer(),
      (arrivals, lastTurnsMs, ratePerS, seed) => {
        let nowMs = 123_456
        const held = new HeldBack<number>(seededRng(seed), TURN_MS, nowMs)
        const heldMs: number[] = []
        const dueMs: number[] = []
        const letGo = new Set<number>()
        const turn = (ms: number): void => {
          nowMs += ms
          held.turn(nowMs, ratePerS, (who) => {
            assert.ok(!letGo.has(who), `${who} twice`)
            letGo.add(who)
            assert.ok(nowMs - heldMs[who]! >= 1000 - 2 * TURN_MS, `${who} after ${nowMs - heldMs[who]!} ms`)
          })
          for (let who = 0; who < dueMs.length; who++)
            assert.ok(letGo.has(who) || nowMs < dueMs[who]!, `${who} at ${nowMs}, told ${dueMs[who]}`)
        }
        for (const { count, ms } of arrivals) {
          for (let i = 0; i < count; i++) {
            heldMs.push(nowMs)
            dueMs.push(nowMs + held.retryAfterS * 1000)
            held.hold(dueMs.length - 1)
          }
          turn(ms)
        }
        while (letGo.size < dueMs.length) turn(lastTurnsMs)
        assert.equal(held.count, 0)
      },
    ),
  )
})

test('who has left is not given back, and nobody is held back for longer for it; who is given back before its time comes early', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('hold', 'again', 'forget', 'release', 'turn'), {
        minLength: 1,
        maxLength: 300,
      }),
      fc.integer(),
      (moves, seed) => {
        const held = new HeldBack<number>(seededRng(seed), TURN_MS, 0)
        const alone = new HeldBack<number>(seededRng(seed), TURN_MS, 0)
        const here = new Set<number>()
        let nowMs = 0
        let who = 0
        const turn = (): void => {
          nowMs += TURN_MS
          held.turn(nowMs, 10, (id) => assert.ok(here.delete(id), `${id} is not held back`))
        }
        for (const move of moves) {
          const [first] = here
          if (move === 'hold') here.add(who)
          if (move === 'hold') held.hold(who++)
          else if (move === 'turn') turn()
          else if (first === undefined) continue
          else if (move === 'again') held.hold(first)
          else {
            here.delete(first)
            if (move === 'forget') held.forget(first)
            else held.release(first)
            assert.equal(held.wasEarly(first), move === 'release')
          }
          assert.equal(held.count, here.size)
        }
        for (const id of here) held.forget(id)
        turn()
        assert.equal(held.retryAfterS, alone.retryAfterS, 'as if nobody had ever come')
      },
    ),
  )
})
