import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng } from '../../../src/base/random.ts'
import { HealthLines } from '../../../src/control/health-lines.ts'
import { EndpointLife } from '../../../src/health/endpoint.ts'
import { Member } from '../../../src/health/member.ts'
import { clusterSpec, endpointSpec } from '../../support/specs.ts'

const CLUSTER = clusterSpec()
const GROUND = { reason: 'consecutive connection failures', detail: '3' } as const

function memberOf(id: number): Member {
  return new Member(endpointSpec(id, `10.0.0.${id}:80`), new EndpointLife(0), CLUSTER.outliers)
}

test('a change is told once, with why and until when', () => {
  const lines: string[] = []
  const health = new HealthLines((line) => void lines.push(line))
  const member = memberOf(1)
  health.changed(CLUSTER, member, '', 0)
  member.life.eject(GROUND, { ...CLUSTER.outliers, jitter: 0 }, { rng: seededRng(1), nowMs: 10 })
  health.changed(CLUSTER, member, '3', 10)
  health.changed(CLUSTER, member, '3', 11)
  member.life.recover({ outliers: CLUSTER.outliers, slowStart: undefined }, 40_000)
  health.changed(CLUSTER, member, '', 40_000)
  assert.deepEqual(lines, [
    'weir: web 10.0.0.1:80 quarantined: consecutive connection failures (3); back in 30 s at the earliest',
    'weir: web 10.0.0.1:80 ready: recovered',
  ])
})

test('doubt that comes and goes is not told, but that only the budget stands between an endpoint and its ejection', () => {
  const lines: string[] = []
  const health = new HealthLines((line) => void lines.push(line))
  const member = memberOf(1)
  member.life.doubt('consecutive connection failures', 1)
  health.changed(CLUSTER, member, '', 1)
  member.life.trust(2)
  health.changed(CLUSTER, member, '', 2)
  assert.deepEqual(lines, [])
  member.life.doubt('ejection budget is used up', 3)
  health.changed(CLUSTER, member, 'ratio of HTTP errors', 3)
  assert.deepEqual(lines, [
    'weir: web 10.0.0.1:80 suspect: ejection budget is used up (ratio of HTTP errors)',
  ])
})

test('when a whole fleet falls, no more than twenty lines a second are said, and how many were not', () => {
  const lines: string[] = []
  const health = new HealthLines((line) => void lines.push(line))
  for (let id = 0; id < 200; id++) {
    const member = memberOf(id)
    member.life.checksFell(false, id)
    health.changed(CLUSTER, member, 'timeout', id)
  }
  const told = lines.filter((line) => line.includes('10.0.0.')).length
  assert.ok(told >= 10 && told <= 20)
  health.line('web: calm again', 60_000)
  const untold = lines.flatMap((line) => /^weir: (\d+) more changes/.exec(line)?.[1] ?? [])
  assert.equal(told + untold.reduce((sum, count) => sum + Number(count), 0), 200)
  assert.equal(lines.at(-1), 'weir: web: calm again')
})
