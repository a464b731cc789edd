import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StallNews } from '../../../src/control/stall-news.ts'
import { fakeTimers } from '../../support/fake-timers.ts'

const world = () => {
  const timers = fakeTimers()
  const lines: string[] = []
  return { timers, lines, news: new StallNews(timers, (line) => lines.push(line)) }
}

test('the first stall of a shard is said at once, those of the next ten seconds in one line with how often and the longest; then it is as before', async () => {
  const { timers, lines, news } = world()
  news.tell(1, 84.6, true)
  assert.deepEqual(lines, ['shard 1 was stuck for 85 ms, others served for it'])
  for (const tookMs of [70, 110, 90]) news.tell(1, tookMs, true)
  await timers.advance(9999)
  assert.equal(lines.length, 1)
  await timers.advance(1)
  assert.equal(lines[1], 'shard 1 was stuck 3 times more in 10 s, for 110 ms at most')
  news.tell(1, 75, true)
  await timers.advance(10_000)
  assert.equal(lines[2], 'shard 1 was stuck once more in 10 s, for 75 ms')
  await timers.advance(10_000)
  assert.equal(timers.pending(), 0)
  news.tell(1, 60, false)
  assert.equal(lines[3], 'shard 1 was stuck for 60 ms')
})

test('shards do not silence each other, and no line is ever said twice within ten seconds of one of them', async () => {
  const { timers, lines, news } = world()
  for (let ms = 0; ms < 60_000; ms += 100) {
    news.tell(0, 50, true)
    news.tell(1, 50, true)
    await timers.advance(100)
  }
  for (const shard of [0, 1])
    assert.equal(lines.filter((line) => line.startsWith(`shard ${shard}`)).length, 7)
})

test('at the end what was not said yet is said, and no timer is left', () => {
  const { timers, lines, news } = world()
  news.tell(0, 50, true)
  news.tell(0, 200, true)
  news.end()
  assert.equal(lines.at(-1), 'shard 0 was stuck once more in 10 s, for 200 ms')
  assert.equal(timers.pending(), 0)
})
