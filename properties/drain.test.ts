/** How evenly connections end: over a drain, by age, and that no request is lost by it. */
import assert from 'node:assert/strict'
import { setImmediate as settled } from 'node:timers/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRng } from '../src/base/random.ts'
import { QUIET_MS } from '../src/downstream/timed-client.ts'
import { ClosingTimes, jittered } from '../src/limit/closing-times.ts'
import { get, ProxyRig, respond } from '../test/support/proxy-rig.ts'
import { RegularClient } from '../test/support/regular-client.ts'

/** The grain of the timer, of the turn and of the batch; and of a drain, with a moment on the wire. */
const TURNS_MS = 150
const TICK_MS = 11
const EPSILON = 1e-6

/** The most by which the number of times in a stretch exceeds what is even, over all stretches: count − length × rate. */
const excess = (times: readonly number[], rate: number): number => {
  let most = 0
  let least = Infinity
  times.forEach((at, i) => {
    least = Math.min(least, i - at * rate)
    most = Math.max(most, i + 1 - at * rate - least)
  })
  return most
}

const inOrder = (times: Iterable<number>): number[] => [...times].toSorted((a, b) => a - b)

test('closing times: at most count · length / window + 2 in any stretch, for certain, and all within the window', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3000 }),
      fc.double({ min: 1, max: 1e6, noNaN: true }),
      fc.nat(),
      (count, windowMs, seed) => {
        const line = Array.from({ length: count }, (_, i) => i)
        const times = [...new ClosingTimes(5000, windowMs, seededRng(seed)).deal(line)]
        assert.equal(new Set(line).size, count)
        assert.ok(times[0]! >= 5000 && times.at(-1)! <= 5000 + windowMs + EPSILON)
        assert.ok(excess(times, count / windowMs) <= 2 + EPSILON)
      },
    ),
  )
})

test('closing times: any connection gets any part of the window alike, whatever its place in line', () => {
  const count = 20
  const rounds = 2000
  const seen = Array.from({ length: count }, () => Array.from({ length: 10 }, () => 0))
  for (let seed = 0; seed < rounds; seed++) {
    const line = Array.from({ length: count }, (_, i) => i)
    const times = new ClosingTimes(0, 10, seededRng(seed)).deal(line)
    times.forEach((at, i) => seen[line[i]!]![Math.floor(at)]!++)
  }
  // χ² of 9 degrees of freedom is above 40 once in 100,000 times; 20 of them are looked at, always the same.
  for (const counts of seen) {
    const even = rounds / 10
    const chi = counts.reduce((sum, n) => sum + (n - even) ** 2 / even, 0)
    assert.ok(chi < 40, counts.join())
  }
})

const drains = fc.record({
  idle: fc.integer({ min: 0, max: 80 }),
  pausesMs: fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 30 }),
  answerMs: fc.integer({ min: 0, max: 300 }),
  windowMs: fc.integer({ min: 0, max: 5000 }),
})

test('a drain: reconnects in any stretch ≤ n · (length + late) / window + 2, with and without traffic; each client in traffic is told once and loses no request', async () => {
  await fc.assert(
    fc.asyncProperty(drains, async ({ idle, pausesMs, answerMs, windowMs }) => {
      const rig = new ProxyRig()
      rig.backend((peer) => {
        rig.world.after(answerMs, () => peer.send(respond('x')))
      })
      const quiet = Array.from({ length: idle }, () => rig.client(get()))
      rig.until(() => quiet.every(({ receivedBytes }) => receivedBytes > 0))
      const busy = pausesMs.map((pauseMs) => new RegularClient(rig, pauseMs))
      rig.pass(QUIET_MS + answerMs + 50)
      const closes: number[] = []
      for (const client of quiet) client.onFin = (): number => closes.push(rig.nowMs)
      let over = false
      void rig.shards[0]!.shard.drain(windowMs, windowMs + 5000).then(() => {
        over = true
      })
      rig.pass(windowMs + TURNS_MS + 2 * QUIET_MS + answerMs + 650)
      await settled()
      assert.ok(over && closes.length === idle, `${closes.length} of ${idle} closed`)
      for (const { sent, answered, told, endedMs, broken } of busy) {
        assert.ok(endedMs > 0 && !broken && told <= 1)
        closes.push(endedMs)
        // One that pauses for longer than counts as quiet may be closed between two requests; a FIN that crosses with a request is HTTP/1.1's own.
        assert.ok(answered === sent || (told === 0 && answered === sent - 1))
      }
      pausesMs.forEach((pauseMs, i) => {
        if (pauseMs < QUIET_MS) assert.deepEqual([busy[i]!.told, busy[i]!.answered], [1, busy[i]!.sent])
      })
      const count = idle + busy.length
      const lateMs = TICK_MS + (busy.length > 0 ? TURNS_MS + 2 * QUIET_MS + answerMs : 0)
      if (windowMs > 0) {
        const rate = count / windowMs
        assert.ok(excess(inOrder(closes), rate) <= lateMs * rate + 2 + EPSILON, inOrder(closes).join())
      }
      rig.conclude()
    }),
    { numRuns: 60 },
  )
})

/** Bernstein: how many of `count` independent times of a density of at most `share` per bin fall into one of `bins`, but for once in 10⁹ runs. */
const ballsIntoBins = (count: number, share: number, bins: number): number => {
  const mean = count * share
  const log = Math.log(bins * 1e9)
  return mean + Math.sqrt(2 * mean * log) + log
}

test('connections opened at once do not end in step: of n, at most mean + √(2 · mean · ln) + ln in any 100 ms of the fifth of the age over which they end', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 5000 }), fc.nat(), (count, seed) => {
      const rng = seededRng(seed)
      const ageMs = 60_000
      const ends = inOrder(Array.from({ length: count }, () => jittered(ageMs, rng)))
      assert.ok(ends[0]! >= 0.9 * ageMs && ends.at(-1)! <= 1.1 * ageMs)
      // Any 100 ms lie in one of the overlapping bins of 200 ms that begin every 100 ms.
      const bound = ballsIntoBins(count, 200 / (0.2 * ageMs), 0.2 * ageMs * 0.01)
      let first = 0
      ends.forEach((at, i) => {
        while (ends[first]! < at - 100) first++
        assert.ok(i - first + 1 <= bound, `${i - first + 1} of ${count} in 100 ms, bound ${bound}`)
      })
    }),
    { numRuns: 50 },
  )
})
