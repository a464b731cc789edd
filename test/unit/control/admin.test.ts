import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerAdmin, answerPatch, answerReload } from '../../../src/control/admin.ts'
import type { AdminDeed, AdminFacts, AdminRequest } from '../../../src/control/admin.ts'
import { ExplainStore } from '../../../src/control/explain-store.ts'
import type { ProgramPhase, ProgramView, ShardState } from '../../../src/control/protocol.ts'
import { readinessOf } from '../../../src/control/telemetry.ts'
import type { DoorReply } from '../../../src/io/problem.ts'

const facts: AdminFacts = {
  metrics: () => 'weir_x 1\n',
  shards: () => ({ shards: [1] }),
  clusters: () => ({ clusters: [2] }),
  cluster: (name) => (name === 'web' ? { name } : undefined),
  explain: () => ({ store: new ExplainStore({ keep: 1, maxChars: 1 }), sample: 0.01 }),
  readiness: () => ({ ready: false, why: 'draining' }),
}

function asked(method: string, target: string, body = '', type = ''): AdminRequest {
  return { method, target, type, body: Buffer.from(body) }
}

function reply(method: string, target: string, body = '', type = ''): DoorReply {
  const answer = answerAdmin(asked(method, target, body, type), facts)
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
  assert.match(reply('GET', '/').body, /^POST +\/api\/v1\/reload/m)
  assert.match(reply('GET', '/').body, /^PATCH +\/api\/v1\/clusters\/\{cluster\}\/endpoints/m)
  assert.deepEqual(JSON.parse(reply('GET', '/api/v1/clusters/web').body), { name: 'web' })
  assert.equal(reply('GET', '/api/v1/clusters/nope').status, 404)
})

test('what is not there or not meant so is a problem (RFC 9457), never an accident of the table', () => {
  for (const target of [
    '/nope',
    '',
    '//',
    '/api/v1/clusters/',
    '/api/v1/clusters/%E0%A4%A',
    '/api/v1/clusters/web/endpoints/',
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
  assert.deepEqual(answerAdmin(asked('POST', '/api/v1/reload'), facts), { deed: 'reload' })
  const applied = answerReload({ ok: true, version: 7, warnings: ['careful'] })
  assert.equal(applied.status, 200)
  assert.deepEqual(JSON.parse(applied.body), { version: 7, warnings: ['careful'] })
  const refused = answerReload({ ok: false, problems: ['a:1:1: x', 'a:2:1: y'] })
  assert.equal(refused.status, 422)
  assert.deepEqual((JSON.parse(refused.body) as { problems: string[] }).problems, ['a:1:1: x', 'a:2:1: y'])
})

const JSON_TYPE = 'application/json'
const ENDPOINT = '/api/v1/clusters/web/endpoints/127.0.0.1:9001'

function patched(target: string, body = '{"admin":"drain"}', type = JSON_TYPE): AdminDeed | DoorReply {
  return answerAdmin(asked('PATCH', target, body, type), facts)
}

test('a patch is a deed on a cluster and an address, however the address is written', () => {
  const addresses: readonly (readonly [written: string, address: string])[] = [
    ['127.0.0.1:9001', '127.0.0.1:9001'],
    ['127.0.0.1%3A9001', '127.0.0.1:9001'],
    ['[::1]:9001', '[::1]:9001'],
    ['%5B::1%5D:9001?x=1', '[::1]:9001'],
    ['unix:/run/a%20b.sock', 'unix:/run/a b.sock'],
    ['unix:%2Frun%2Fx.sock', 'unix:/run/x.sock'],
  ]
  for (const [written, address] of addresses) {
    assert.deepEqual(patched(`/api/v1/clusters/a%2Fb/endpoints/${written}`), {
      deed: 'patch',
      cluster: 'a/b',
      address,
      patch: { admin: 'drain' },
    })
  }
})

test('a patch is strict: every wrong or unknown key is named, and what is allowed; nothing of it is done', () => {
  const problems = (body: string): string => {
    const refused = patched(ENDPOINT, body)
    assert.ok('status' in refused && refused.status === 422, body)
    const { detail, problems: all } = JSON.parse(refused.body) as { detail: string; problems: string[] }
    assert.match(detail, /admin \(ready, drain, down\) and weight/)
    return all.join('; ')
  }
  assert.match(problems('{"admin":"up","wieght":3}'), /unknown key "wieght"; admin must be one of/)
  for (const weight of ['-1', '1.5', '1000001', '"3"', '1e400', '[]'])
    assert.match(problems(`{"weight":${weight}}`), /weight must be/, weight)
  for (const none of ['{}', '[]', 'null', '3', '{"__proto__":{"admin":"drain"}}']) problems(none)
  for (const body of ['', '{', '{"admin":"drain"}x', '\u0000'])
    assert.ok('status' in patched(ENDPOINT, body) && (patched(ENDPOINT, body) as DoorReply).status === 400)
  const typed = patched(ENDPOINT, '{"admin":"drain"}', 'application/x-www-form-urlencoded') as DoorReply
  assert.equal(typed.status, 415)
  assert.match(typed.headers?.['accept-patch'] ?? '', /application\/json/)
  for (const body of ['{"weight":0}', '{"weight":1000000}', '{"weight":null,"admin":"ready"}'])
    assert.deepEqual((patched(ENDPOINT, body) as { patch: unknown }).patch, JSON.parse(body))
})

test('the answer to a patch: the endpoint as it stands, or who there is', () => {
  assert.deepEqual(JSON.parse(answerPatch({ ok: true }, { weight: 3 }).body), { weight: 3 })
  const missing = answerPatch({ ok: false, detail: 'No such endpoint; there are a, b.' }, null)
  assert.equal(missing.status, 404)
  assert.match(missing.body, /there are a, b/)
  assert.equal(reply('GET', ENDPOINT).headers?.['allow'], 'PATCH')
})

test('ready: the program says so, and at least one shard is running', () => {
  const view = (phase: ProgramPhase, ...states: ShardState[]): ProgramView =>
    ({ phase, shards: states.map((state) => ({ state, restarts: 0 })) }) as unknown as ProgramView
  assert.equal(readinessOf(view('ready', 'restarting', 'running')).ready, true)
  assert.equal(readinessOf(view('ready', 'restarting', 'restarting')).ready, false)
  assert.equal(readinessOf(view('draining', 'running')).ready, false)
  assert.equal(readinessOf(view('starting', 'running')).ready, false)
})
