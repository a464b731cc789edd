import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { ask, namedBackend, startBackend } from '../support/backend.ts'
import type { Answer, Backend } from '../support/backend.ts'
import { startProgram } from '../support/program.ts'
import { startWeir, until } from '../support/weir.ts'

const config = (endpoints: readonly string[], more = ''): string => `
shards: 2
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
clusters: { web: { endpoints: [${endpoints.map((endpoint) => `"${endpoint}"`).join(', ')}] } }
drain: { window: 50ms, hard: 2s }
${more}`

type Facts = {
  address: string
  state: string
  why: string
  admin: string
  weight: number
  effectiveWeight: number
}

function patch(admin: string, address: string, wanted: object | string): Promise<Answer> {
  return ask(`${admin}/api/v1/clusters/web/endpoints/${encodeURIComponent(address)}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: typeof wanted === 'string' ? wanted : JSON.stringify(wanted),
  })
}

async function endpointsOf(admin: string): Promise<Facts[]> {
  const { body } = await ask(`${admin}/api/v1/clusters/web`)
  return (JSON.parse(body) as { endpoints: Facts[] }).endpoints
}

test('an endpoint is patched: the answer is how it stands, the audit names who, what is wrong is a problem', async (t) => {
  const path = join(tmpdir(), `weir-patched-${process.pid}.sock`)
  const weir = await startWeir(t, config(['127.0.0.1:9', `unix:${path}`, '[::1]:9']))
  const admin = weir.adminUrl()
  const drained = await patch(admin, '127.0.0.1:9', { admin: 'drain' })
  assert.equal(drained.status, 200)
  const { state, why, effectiveWeight } = JSON.parse(drained.body) as Facts
  assert.deepEqual([state, why, effectiveWeight], ['draining', 'an operator drains it', 0])
  await weir.line(/^weir: audit: web 127\.0\.0\.1:9 admin ready → drain by 127\.0\.0\.1:\d+$/)
  for (const address of [`unix:${path}`, '[::1]:9']) {
    const weighed = await patch(admin, address, { weight: 7 })
    assert.deepEqual([weighed.status, (JSON.parse(weighed.body) as Facts).effectiveWeight], [200, 7], address)
  }
  assert.equal((await patch(admin, '127.0.0.1:9', { admin: 'drain' })).status, 200)
  const cases: readonly (readonly [status: number, address: string, body: string])[] = [
    [404, '127.0.0.1:10', '{"admin":"drain"}'],
    [422, '127.0.0.1:9', '{"admin":"off"}'],
    [422, '127.0.0.1:9', '{"weight":1000001}'],
    [400, '127.0.0.1:9', 'drain'],
  ]
  for (const [status, address, body] of cases) {
    const refused = await patch(admin, address, body)
    assert.equal(refused.status, status, body)
    assert.equal(refused.headers['content-type'], 'application/problem+json')
  }
  const metrics = (await ask(`${admin}/metrics`)).body
  for (const line of [
    'weir_admin_patches_total{result="applied"} 3',
    'weir_admin_patches_total{result="idle"} 1',
    'weir_admin_patches_total{result="refused"} 1',
    'weir_admin_overlays 3',
    'weir_endpoint_state{cluster="web",endpoint="127.0.0.1:9",state="draining"} 1',
    'weir_endpoint_admin_state{cluster="web",endpoint="127.0.0.1:9",state="drain"} 1',
    'weir_endpoint_weight{cluster="web",endpoint="[::1]:9"} 7',
  ])
    assert.ok(metrics.includes(`${line}\n`), line)
})

test('a patch holds over reloads and the ends of telemetry and a shard, also for an endpoint that leaves and comes back, until undone', async (t) => {
  const [one, two] = [await namedBackend(t, 'one'), await namedBackend(t, 'two')]
  const both = config([one.address, two.address])
  const { program, write, adminUrl, kill, said, lines, url } = await startProgram(t, both)
  assert.equal((await patch(adminUrl(), one.address, { admin: 'down', weight: 5 })).status, 200)
  const holds = async (): Promise<void> => {
    const [facts] = await endpointsOf(adminUrl())
    assert.deepEqual([facts?.state, facts?.admin, facts?.weight], ['down', 'down', 5])
    for (let n = 0; n < 10; n++) assert.equal((await ask(url('web'))).body, 'two')
  }
  await holds()
  assert.ok((await program.reload()).ok)
  await holds()
  write(config([two.address]))
  assert.ok((await program.reload()).ok)
  assert.equal((await endpointsOf(adminUrl())).length, 1)
  write(both)
  assert.ok((await program.reload()).ok)
  await holds()
  for (const doom of [{ actor: 'telemetry' } as const, { actor: 'shard', shard: 0 } as const]) {
    const from = lines.length
    kill({ ...doom, how: 'exit' })
    await said(/restarts in/, from)
    await until(
      async () => (await ask(`${adminUrl()}/readyz`).catch(() => undefined))?.status === 200,
      'it is back',
    )
    const { shards } = JSON.parse((await ask(`${adminUrl()}/api/v1/shards`)).body) as {
      shards: { state: string }[]
    }
    if (shards.some(({ state }) => state !== 'running'))
      await until(async () => !/restarting/.test((await ask(`${adminUrl()}/api/v1/shards`)).body), 'all run')
    await holds()
  }
  assert.equal((await patch(adminUrl(), one.address, { admin: 'ready', weight: null })).status, 200)
  const [facts] = await endpointsOf(adminUrl())
  assert.deepEqual([facts?.admin, facts?.weight], ['ready', 1])
  await until(async () => (await ask(url('web'))).body === 'one', 'it is picked again')
})

test('draining under load: who asks after the answer never gets that endpoint, on any shard, what is under way finishes, nothing fails', async (t) => {
  const [one, two] = [await slowBackend(t, 'one'), await slowBackend(t, 'two')]
  const weir = await startWeir(t, config([one.address, two.address]))
  const clients = new Load(weir.url('web'), 16)
  t.after(() => clients.stop())
  await until(() => clients.answers('one') > 100 && clients.answers('two') > 100, 'both answer')
  const { shards } = JSON.parse((await ask(`${weir.adminUrl()}/api/v1/shards`)).body) as {
    shards: { requests: number }[]
  }
  assert.ok(
    shards.every(({ requests }) => requests > 0),
    'both shards serve',
  )
  for (let round = 0; round < 3; round++) {
    assert.equal((await patch(weir.adminUrl(), one.address, { admin: 'drain' })).status, 200)
    clients.begin()
    await until(() => clients.answers('two') > 200, 'the other one answers')
    assert.equal(clients.answers('one'), 0, 'none of those who asked since')
    assert.equal((await endpointsOf(weir.adminUrl()))[0]?.state, 'draining')
    assert.equal((await patch(weir.adminUrl(), one.address, { admin: 'ready' })).status, 200)
    clients.begin()
    await until(() => clients.answers('one') > 100, 'it is asked again')
  }
  await clients.stop()
  assert.deepEqual(clients.failures, [])
})

function slowBackend(t: TestContext, name: string): Promise<Backend> {
  return startBackend(t, (_incoming, response) => void setTimeout(() => response.end(name), 5))
}

/** Clients that ask one request after another over connections of their own. */
class Load {
  readonly failures: string[] = []
  readonly #url: string
  readonly #clients: readonly Promise<void>[]
  #counts = new Map<string, number>()
  #stopped = false

  constructor(url: string, clients: number) {
    this.#url = url
    this.#clients = Array.from({ length: clients }, () => this.#run())
  }

  /** Count anew, those requests only that begin from now on. */
  begin(): void {
    this.#counts = new Map()
  }

  answers(body: string): number {
    return this.#counts.get(body) ?? 0
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#clients)
  }

  async #run(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (!this.#stopped) {
      const counts = this.#counts
      try {
        const { status, body } = await ask(this.#url, { agent })
        if (status !== 200) this.failures.push(`${status} ${body}`)
        counts.set(body, (counts.get(body) ?? 0) + 1)
      } catch (thrown) {
        this.failures.push(String(thrown))
      }
    }
    agent.destroy()
  }
}
