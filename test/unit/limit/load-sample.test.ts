import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng } from '../../../src/base/random.ts'
import { costUs, LoadSample } from '../../../src/limit/load-sample.ts'

test('shares are those of the cost, whatever the order of turns', () => {
  const sample = new LoadSample(seededRng(1))
  // Four connections take turns: one of them makes requests that cost three times as much, so it is half of the load.
  for (let turn = 0; turn < 400_000; turn++) {
    const fd = turn % 4
    sample.note(fd, 7, fd === 2 ? 30 : 10)
  }
  const shares = sample.shares()
  assert.deepEqual([shares[0]?.fd, shares[0]?.generation], [2, 7])
  // 512 draws: a standard deviation is 0.022 at one half, 0.016 at one sixth.
  assert.ok(Math.abs(shares[0]!.share - 0.5) < 0.1, `${shares[0]!.share}`)
  for (const { share } of shares.slice(1)) assert.ok(Math.abs(share - 1 / 6) < 0.08, `${share}`)
})

test('a request of many bytes counts for what it costs, and no more than there is room for', () => {
  const sample = new LoadSample(seededRng(2))
  for (let i = 0; i < 350; i++) sample.note(1, 1, costUs(0))
  sample.note(2, 1, costUs(10 * 2 ** 20))
  const [first] = sample.shares()
  assert.equal(first?.fd, 2)
  sample.note(3, 1, 1e12)
  assert.deepEqual(
    sample.shares().map(({ fd }) => fd),
    [3],
  )
})

test('of a descriptor only the latest tenant counts', () => {
  const sample = new LoadSample(seededRng(3))
  sample.note(1, 1, 50_000)
  sample.note(1, 2, 10_000)
  assert.deepEqual(
    sample.shares().map(({ fd, generation }) => [fd, generation]),
    [[1, 2]],
  )
})

test('nothing seen is no share', () => {
  assert.deepEqual(new LoadSample(seededRng(4)).shares(), [])
})
