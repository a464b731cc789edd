import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerAdmin, answerReload } from '../../../src/control/admin.ts'
import type { AdminFacts } from '../../../src/control/admin.ts'
import type { ProgramPhase, ProgramView, ShardState } from '../../../src/control/protocol.ts'
import { readinessOf } from '../../../src/control/telemetry.ts'
import type { DoorReply } from '../../../src/io/problem.ts'

const facts: AdminFacts = {
  metrics: () => 'weir_x 1\n',
  shards: () => ({ shards: [1] }),
  clusters: () => ({ clusters: [2] }),
  readiness: () => ({ ready: false, why: 'draining' }),
}

function reply(method: string, target: string): DoorReply {
  const answer = answerAdmin({ method, target }, facts)
  assert.ok(!('deed' in answer))
  return answer
}

test('resources answer GET and HEAD, with or without a query', () => {
  for (const method of ['GET', 'HEAD']) {
    assert.equal(reply(method, '/metrics').body, 'weir_x 1\n')
    assert.equal(reply(method, '/metrics?x=1').status, 200)
    assert.deepEqual(JSON.parse(reply(method, '/api/v1/shards').body), { shards: [1] })
    assert.deepEqual(JSON.parse(reply(method, '/api/v1/clusters').body), { clusters: [2] })
  }
  assert.deepEqual([reply('GET', '/readyz').status, reply('GET', '/readyz').body], [503, 'draining\n'])
  assert.equal(reply('GET', '/healthz').status, 200)
  assert.match(reply('GET', '/').body, /POST \/api\/v1\/reload/)
})

test('what is not there or not meant so is a problem (RFC 9457), never an accident of the table', () => {
  for (const target of [
    '/nope',
    '',
    '//',
    '/metrics/..',
    '/toString',
    '/__proto__',
    '*',
    'http://x/metrics',
  ]) {
    const { status, type, body } = reply('GET', target)
    assert.equal(status, 404, target)
    assert.equal(type, 'application/problem+json')
    const { title, type: kind } = JSON.parse(body) as Record<string, unknown>
    assert.equal(title, 'Not Found')
    assert.equal(kind, 'urn:weir:problem:not-found')
  }
  assert.deepEqual(reply('DELETE', '/metrics').headers, { allow: 'GET, HEAD' })
  assert.deepEqual(reply('GET', '/api/v1/reload').headers, { allow: 'POST' })
  assert.equal(reply('BREW', '/metrics').status, 405)
})

test('a reload is a deed; its answer tells the version, or every problem', () => {
  assert.deepEqual(answerAdmin({ method: 'POST', target: '/api/v1/reload' }, facts), { deed: 'reload' })
  const applied = answerReload({ ok: true, version: 7, warnings: ['careful'] })
  assert.equal(applied.status, 200)
  assert.deepEqual(JSON.parse(applied.body), { version: 7, warnings: ['careful'] })
  const refused = answerReload({ ok: false, problems: ['a:1:1: x', 'a:2:1: y'] })
  assert.equal(refused.status, 422)
  assert.deepEqual((JSON.parse(refused.body) as { problems: string[] }).problems, ['a:1:1: x', 'a:2:1: y'])
})

test('ready: the program says so, and at least one shard is running', () => {
  const view = (phase: ProgramPhase, ...states: ShardState[]): ProgramView =>
    ({ phase, shards: states.map((state) => ({ state, restarts: 0 })) }) as unknown as ProgramView
  assert.equal(readinessOf(view('ready', 'restarting', 'running')).ready, true)
  assert.equal(readinessOf(view('ready', 'restarting', 'restarting')).ready, false)
  assert.equal(readinessOf(view('draining', 'running')).ready, false)
  assert.equal(readinessOf(view('starting', 'running')).ready, false)
})
