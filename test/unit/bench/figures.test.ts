import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare } from '../../../bench/compare.ts'
import type { Comparable } from '../../../bench/compare.ts'
import { table } from '../../../bench/load/report.ts'
import type { Sample } from '../../../bench/load/results.ts'
import { median, pairedRatio, summarise } from '../../../bench/load/stats.ts'
import { verdictsOf } from '../../../bench/load/verdicts.ts'

const small = (contender: string, costs: readonly number[]): Sample[] =>
  costs.map((cpuUsPerRequest, round) => ({
    section: 'small',
    case: '64 connections',
    contender,
    round,
    metrics: { cpuUsPerRequest },
  }))

test('the median is the middle value, or the mean of the middle two, whatever the order', () => {
  assert.equal(median([9, 1, 5]), 5)
  assert.equal(median([4, 1, 3, 2]), 2.5)
  assert.ok(Number.isNaN(median([])))
})

test('a slowdown of the machine that hits one round of both cancels out of their ratio', () => {
  const weir = small('weir', [12, 24, 12])
  const peer = small('nginx', [16, 32, 16])
  assert.equal(pairedRatio(weir, peer, 'cpuUsPerRequest'), 0.75)
})

test('rounds that only one of the two has are left out of their ratio', () => {
  assert.equal(pairedRatio(small('weir', [10, 99]), small('nginx', [20]), 'cpuUsPerRequest'), 0.5)
  assert.ok(Number.isNaN(pairedRatio(small('weir', [10]), [], 'cpuUsPerRequest')))
})

test('summaries keep median, least and greatest of each contender and case', () => {
  const [weir, nginx, ...rest] = summarise([...small('weir', [3, 1, 2]), ...small('nginx', [7])])
  assert.deepEqual(rest, [])
  assert.deepEqual(
    [weir?.medians, weir?.min, weir?.max],
    [{ cpuUsPerRequest: 2 }, { cpuUsPerRequest: 1 }, { cpuUsPerRequest: 3 }],
  )
  assert.deepEqual(nginx?.medians, { cpuUsPerRequest: 7 })
})

const verdictOf = (weir: number, against: 'peer' | 'floor'): string | undefined => {
  const samples = [
    ...small('weir', [weir]),
    ...small('nginx', [110]),
    ...small('haproxy', [100]),
    ...small('floor', [80]),
  ]
  const verdicts = verdictsOf(samples, summarise(samples))
  assert.equal(verdicts.length, 2)
  return verdicts[against === 'peer' ? 0 : 1]?.reached
}

test('weir is judged against the cheaper peer and the floor, each with a limit and a goal', () => {
  assert.equal(verdictOf(90, 'peer'), 'goal')
  assert.equal(verdictOf(94, 'peer'), 'target')
  assert.equal(verdictOf(96, 'peer'), 'missed')
  assert.equal(verdictOf(92, 'floor'), 'goal')
  assert.equal(verdictOf(100, 'floor'), 'target')
  assert.equal(verdictOf(101, 'floor'), 'missed')
})

test('a target without figures gets no verdict', () => {
  const samples = [...small('nginx', [10]), ...small('floor', [8])]
  assert.deepEqual(verdictsOf(samples, summarise(samples)), [])
})

test('two shards are judged against one, idle connections by their bytes', () => {
  const shards = [10, 10.4].map((cpuUsPerRequest, at): Sample => {
    const contender = at === 0 ? 'weir, 1 shard' : 'weir, 2 shards'
    return { section: 'shards', case: 'c', contender, round: 0, metrics: { cpuUsPerRequest } }
  })
  const metrics = { residentBytesPerConnection: 3000 }
  const idle: Sample = { section: 'idle', case: 'i', contender: 'weir', round: 0, metrics }
  const samples = [...shards, idle]
  const reached = verdictsOf(samples, summarise(samples)).map((v) => `${v.section} ${v.reached}`)
  assert.deepEqual(reached, ['shards target', 'idle missed'])
})

test('a table aligns figures right and text left', () => {
  assert.equal(
    table(
      ['who', 'µs'],
      [
        ['a', '1.5'],
        ['long', '10.5'],
      ],
    ),
    '| who  |   µs |\n|------|-----:|\n| a    |  1.5 |\n| long | 10.5 |',
  )
})

const fileOf = (costs: Readonly<Record<string, readonly number[]>>): Comparable => {
  const samples = Object.entries(costs).flatMap(([name, values]) => small(name, values))
  return { schema: 1, startedAt: 'then', versions: {}, summaries: summarise(samples) }
}

test('a comparison on a machine twice as slow shows no relative change', () => {
  const before = fileOf({ weir: [10, 11, 12], floor: [8, 8, 8] })
  const after = fileOf({ weir: [20, 22, 24], floor: [16, 16, 16] })
  const weir = compare(before, after).find((change) => change.where.endsWith('weir'))
  assert.equal(weir?.ratio, 2)
  assert.equal(weir?.relative, 1)
  assert.equal(weir?.apart, true)
})

test('overlapping ranges, and runs of one round, are never called apart', () => {
  const [overlap] = compare(fileOf({ weir: [10, 14] }), fileOf({ weir: [13, 20] }))
  const [single] = compare(fileOf({ weir: [10] }), fileOf({ weir: [20] }))
  assert.deepEqual([overlap?.apart, single?.apart], [false, false])
  assert.ok(Number.isNaN(overlap?.relative))
})
