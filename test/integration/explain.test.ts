import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { makePolicy } from '../../src/balance/registry.ts'
import { replayPick } from '../../src/balance/replay.ts'
import type { ExplainRecord } from '../../src/telemetry/explain-record.ts'
import { ask, namedBackend, startBackend } from '../support/backend.ts'
import type { Answer } from '../support/backend.ts'
import { startWeir, until, weir } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'

const config = (endpoints: readonly string[], sample: string, more = ''): string => `
shards: 2
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
clusters: { web: { policy: p2c, endpoints: [${endpoints.join(', ')}]${more} } }
explain: { sample: ${sample}, keep: 100 }
drain: { window: 50ms, hard: 2s }
`

function idOf({ headers }: Answer): string {
  const id = headers['x-request-id']
  assert.ok(typeof id === 'string')
  return id
}

/** The record, as soon as it is written: the client has its answer a little before the shard's books are closed. */
async function explained(running: Weir, id: string): Promise<ExplainRecord> {
  let answer: Answer | undefined
  await until(async () => {
    answer = await ask(`${running.adminUrl()}/api/v1/explain/${id}`)
    return answer.status === 200
  }, `${id} is explained`)
  return JSON.parse(answer?.body ?? '') as ExplainRecord
}

/** Where nobody listens any more. */
async function deadAddress(t: TestContext): Promise<string> {
  const { address, server } = await startBackend(t, () => {})
  server.close()
  await once(server, 'close')
  return address
}

test('a sampled request tells among whom it was chosen, and picks the same again; weir explain tells it to people', async (t) => {
  const backends = await Promise.all(['a', 'b', 'c'].map((name) => namedBackend(t, name)))
  const running = await startWeir(
    t,
    config(
      backends.map(({ address }) => address),
      '100%',
    ),
  )
  for (let n = 0; n < 5; n++) {
    const answer = await ask(running.url('web'))
    const record = await explained(running, idOf(answer))
    assert.deepEqual(
      [record.kept, record.cluster, record.status, record.outcome],
      ['sampled', 'web', 200, 'complete'],
    )
    const [only] = record.tries
    assert.equal(record.tries.length, 1)
    assert.ok(only !== undefined)
    assert.equal(only.endpoint, backends['abc'.indexOf(answer.body)]?.address)
    assert.equal(only.size, 3)
    assert.ok(only.candidates.some(({ endpoint }) => endpoint === only.endpoint))
    const { replay } = only
    assert.ok(replay !== null)
    const policy = makePolicy({ name: replay.policy, options: replay.options })
    assert.equal(replayPick({ ...only, replay }, policy), replay.picked)
    const told = await weir('explain', idOf(answer), '--admin', running.addresses().get('admin') ?? '')
    assert.deepEqual([told.code, told.stderr], [0, ''])
    assert.ok(told.stdout.includes(`1. first try: ${only.endpoint}\n`), told.stdout)
    assert.ok(told.stdout.includes(`   > ${only.endpoint} `), told.stdout)
  }
  const list = JSON.parse((await ask(`${running.adminUrl()}/api/v1/explain?cluster=web&limit=3`)).body) as {
    requests: { id: string }[]
  }
  assert.equal(list.requests.length, 3)
})

test('failed requests are explained without being sampled: all tries, and what each came to; a successful one is not', async (t) => {
  const dead = [await deadAddress(t), await deadAddress(t)]
  const running = await startWeir(t, config(dead, '0', ', retry: { attempts: 1 }'))
  const answer = await ask(running.url('web'))
  assert.equal(answer.status, 502)
  const record = await explained(running, idOf(answer))
  assert.deepEqual([record.kept, record.status, record.outcome], ['failed', 502, 'connect-refused'])
  assert.deepEqual(
    record.tries.map(({ kind }) => kind),
    ['first', 'retry'],
  )
  assert.deepEqual(
    new Set(record.tries.map(({ endpoint }) => endpoint)),
    new Set(dead),
    'never the same again (traefik #2723)',
  )
  assert.ok(
    record.tries[1]?.excluded.some(
      ({ endpoint, why }) => endpoint === record.tries[0]?.endpoint && why === 'tried before',
    ),
  )
  const good = await namedBackend(t, 'good')
  await running.reload(config([good.address], '0'))
  const fine = await ask(running.url('web'))
  assert.equal(fine.status, 200)
  const missing = await ask(`${running.adminUrl()}/api/v1/explain/${idOf(fine)}`)
  assert.equal(missing.status, 404)
  const metrics = (await ask(`${running.adminUrl()}/metrics`)).body
  assert.match(metrics, /^weir_explain_kept\{kept="failed"\} 1$/m)
  assert.match(metrics, /^weir_explain_kept\{kept="sampled"\} 0$/m)
  assert.match(metrics, /^weir_explain_malformed_total 0$/m)
})

test('who was left out, and why: an endpoint that an operator drains; nobody at all', async (t) => {
  const [one, two] = [await namedBackend(t, 'one'), await namedBackend(t, 'two')]
  const running = await startWeir(t, config([one.address, two.address], '100%'))
  const drain = (address: string): Promise<Answer> =>
    ask(`${running.adminUrl()}/api/v1/clusters/web/endpoints/${address}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: '{"admin":"drain"}',
    })
  assert.equal((await drain(one.address)).status, 200)
  const answer = await ask(running.url('web'))
  assert.equal(answer.body, 'two')
  const [only] = (await explained(running, idOf(answer))).tries
  assert.deepEqual(only?.excluded, [{ endpoint: one.address, why: 'an operator drains it' }])
  assert.equal((await drain(two.address)).status, 200)
  const none = await ask(running.url('web'))
  assert.equal(none.status, 503)
  const record = await explained(running, idOf(none))
  assert.deepEqual([record.kept, record.outcome], ['failed', 'no-endpoint'])
  assert.equal(record.tries[0]?.endpoint ?? '', '')
})
