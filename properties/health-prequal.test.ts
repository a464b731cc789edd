import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRng } from '../src/base/random.ts'
import { drawSlot, PrequalPace } from '../src/health/prequal-pace.ts'

test('Prequal’s probes: never more than the maximum over any span and the burst, whatever the traffic and the clock', () => {
  const step = fc.record({
    ms: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constantFrom(100_000, -50)),
    requests: fc.nat(1000),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 500 }), (steps, max) => {
      const pace = new PrequalPace(3, max, 0)
      const sent: { atMs: number; count: number }[] = []
      let nowMs = 0
      for (const { ms, requests } of steps) {
        nowMs += ms
        pace.count(requests)
        sent.push({ atMs: nowMs, count: pace.due(nowMs) })
      }
      let newest = 0
      const times = sent.map(({ atMs }) => (newest = Math.max(newest, atMs)))
      for (let from = 0; from < sent.length; from += 7) {
        let count = 0
        for (let to = from; to < sent.length; to++) {
          count += sent[to]!.count
          assert.ok(count <= ((times[to]! - times[from]!) * max) / 1000 + Math.max(4, max / 10) + 1e-6)
        }
      }
    }),
  )
})

test('Prequal’s probes follow the traffic: three a request, until the maximum', () => {
  for (const [perSecond, expected] of [
    [10, 30],
    [1000, 100],
    [0, 0],
  ] as const) {
    const pace = new PrequalPace(3, 100, 0)
    let sent = 0
    for (let nowMs = 20; nowMs <= 20_000; nowMs += 20) {
      pace.count(perSecond / 50)
      const due = pace.due(nowMs)
      if (nowMs > 10_000) sent += due
    }
    assert.ok(Math.abs(sent / 10 - expected) <= expected * 0.02 + 0.1, `${sent / 10} of ${expected}`)
  }
})

test('whom to probe is drawn evenly', () => {
  const rng = seededRng(5)
  const counts = new Map<number, number>()
  for (let i = 0; i < 30_000; i++) {
    const slot = drawSlot([4, 7, 9], rng)
    counts.set(slot, (counts.get(slot) ?? 0) + 1)
  }
  assert.deepEqual(
    [...counts.keys()].sort((a, b) => a - b),
    [4, 7, 9],
  )
  for (const count of counts.values()) assert.ok(Math.abs(count - 10_000) < 400)
  assert.equal(drawSlot([], rng), -1)
})
