import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng } from '../../../src/base/random.ts'
import { ClosingTimes, jittered } from '../../../src/limit/closing-times.ts'

test('times are of the window, one in each of as many equal parts, and in no order', () => {
  const line = Array.from({ length: 300 }, (_, i) => i)
  const dealt = [...line]
  const times = new ClosingTimes(1000, 30_000, seededRng(1)).deal(dealt)
  assert.deepEqual(
    Array.from(times, (at) => Math.floor((at - 1000) / 100)),
    line,
  )
  assert.deepEqual(
    dealt.toSorted((a, b) => a - b),
    line,
  )
  // Of a random order, 150 of 300 neighbours rise; standard deviation 5.
  const rises = dealt.filter((one, i) => i > 0 && one > dealt[i - 1]!).length
  assert.ok(rises > 115 && rises < 185, `${rises} rises`)
})

test('no window is now, no connections are no times', () => {
  assert.deepEqual([...new ClosingTimes(50, 0, seededRng(1)).deal([1, 2, 3])], [50, 50, 50])
  assert.equal(new ClosingTimes(50, 1000, seededRng(1)).deal([]).length, 0)
})

test('who comes later has what is left, and nothing when it is over', () => {
  const times = new ClosingTimes(0, 1000, seededRng(2))
  const drawn = Array.from({ length: 500 }, () => times.draw(600))
  assert.ok(Math.min(...drawn) >= 600 && Math.max(...drawn) < 1000)
  assert.ok(Math.min(...drawn) < 610 && Math.max(...drawn) > 990)
  assert.equal(times.draw(2000), 2000)
})

test('a limit is jittered by a tenth at most, both ways', () => {
  const rng = seededRng(3)
  const drawn = Array.from({ length: 1000 }, () => jittered(500, rng))
  assert.ok(Math.min(...drawn) >= 450 && Math.max(...drawn) <= 550)
  assert.ok(Math.min(...drawn) < 453 && Math.max(...drawn) > 547)
})
