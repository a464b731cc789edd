import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { test } from 'node:test'
import { ask, namedBackend, startBackend } from '../support/backend.ts'
import { startProgram } from '../support/program.ts'
import { until } from '../support/weir.ts'

const config = (endpoint: string, more = ''): string => `
shards: 2
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
clusters: { web: { endpoints: [${endpoint}] } }
drain: { window: 50ms, hard: 1s }
${more}`

type Shards = { shards: { state: string; restarts: number; inFlight: number; connections: number }[] }

async function shardsOf(admin: string): Promise<Shards['shards']> {
  return (JSON.parse((await ask(`${admin}/api/v1/shards`)).body) as Shards).shards
}

for (const how of ['throw', 'exit'] as const) {
  test(`a shard that ends (${how}) is not missed: its exchanges are begun anew elsewhere, new connections are served, it comes back`, async (t) => {
    const backend = await startBackend(t, (incoming, response) => {
      if (incoming.url !== '/hang') response.end('served')
    })
    const { url, adminUrl, kill, said } = await startProgram(t, config(backend.address))
    const web = url('web')
    const hanging = Array.from({ length: 8 }, () =>
      ask(`${web}/hang`).then(
        () => 'answered',
        () => 'broken',
      ),
    )
    await until(() => backend.requests() === 8, 'all hang')
    const victim = (await shardsOf(adminUrl())).findIndex((shard) => shard.inFlight > 0)
    kill({ actor: 'shard', shard: victim, how })
    await said(new RegExp(`shard ${victim} ended unexpectedly`))
    const served = await Promise.all(Array.from({ length: 40 }, () => ask(web)))
    assert.ok(served.every(({ status, body }) => status === 200 && body === 'served'))
    await until(async () => (await shardsOf(adminUrl()))[victim]?.restarts === 1, 'it was restarted')
    await until(async () => (await shardsOf(adminUrl()))[victim]?.state === 'running', 'it is in service')
    const after = await shardsOf(adminUrl())
    assert.equal(after[1 - victim]?.restarts, 0)
    assert.equal(after[victim]?.inFlight, 0)
    assert.equal(after[victim]?.connections, 0)
    await until(async () => await serving(web, adminUrl(), victim), 'the new life serves')
    backend.server.closeAllConnections()
    await Promise.all(hanging)
  })
}

test('the acceptor ends: nobody notices, its successor can open and close listeners', async (t) => {
  const backend = await namedBackend(t, 'served')
  const { url, kill, said, program, write } = await startProgram(t, config(backend.address))
  const web = url('web')
  kill({ actor: 'acceptor', how: 'throw' })
  await said(/acceptor ended unexpectedly/)
  for (let n = 0; n < 10; n++) assert.equal((await ask(web)).body, 'served')
  await said(/acceptor restarts/)
  write(config(backend.address).replace('web: { bind: 127.0.0.1:0 }', 'other: { bind: 127.0.0.1:0 }'))
  await until(async () => (await program.reload()).ok, 'the successor opens listeners')
  assert.equal((await ask(url('other'))).body, 'served')
  await assert.rejects(ask(web), { code: 'ECONNREFUSED' })
})

test('telemetry ends: requests go on, it comes back on the same address with the same counters and knows who restarted', async (t) => {
  const backend = await namedBackend(t, 'served')
  const { url, adminUrl, kill, said } = await startProgram(t, config(backend.address))
  const admin = adminUrl()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  assert.equal((await ask(url('web'), { agent })).body, 'served')
  kill({ actor: 'telemetry', how: 'throw' })
  await said(/telemetry ended unexpectedly/)
  for (let n = 0; n < 10; n++) assert.equal((await ask(url('web'), { agent })).body, 'served')
  await until(() => reachable(`${admin}/readyz`), 'the admin API is back')
  const metrics = (await ask(`${admin}/metrics`)).body
  assert.match(metrics, /weir_actor_restarts_total\{actor="telemetry"\} 1/)
  assert.match(metrics, /weir_listener_connections_accepted_total\{listener="web"\} 1\b/)
  assert.equal(adminUrl(), admin)
})

test('a shard that keeps ending is restarted every time, the other one serves all the while', async (t) => {
  const backend = await namedBackend(t, 'served')
  const { url, adminUrl, kill, lines } = await startProgram(t, config(backend.address))
  for (let life = 1; life <= 4; life++) {
    kill({ actor: 'shard', shard: 0, how: 'exit' })
    await until(
      () => lines.filter((line) => line.startsWith('weir: shard 0 restarts in')).length === life,
      'it ended',
    )
    assert.equal((await ask(url('web'))).body, 'served')
    await until(async () => (await shardsOf(adminUrl()))[0]?.state === 'running', 'it is back')
  }
  const delays = lines.flatMap((line) => /shard 0 restarts in (\d+) ms/.exec(line)?.[1] ?? []).map(Number)
  assert.ok(
    delays.every((delay, n) => delay <= 50 * 2 ** n),
    delays.join(),
  )
})

/** Does a connection land on this shard and get served? The kernel decides where it lands: try. */
async function serving(web: string, admin: string, shard: number): Promise<boolean> {
  const requests = async (): Promise<number> =>
    Number(/"requests": (\d+)/.exec(JSON.stringify((await shardsOf(admin))[shard], null, 1))?.[1])
  const before = await requests()
  for (let n = 0; n < 8; n++) assert.equal((await ask(web)).status, 200)
  return (await requests()) > before
}

function reachable(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const outgoing = request(url, { agent: false }, (incoming) => {
      incoming.resume()
      resolve(true)
    })
    outgoing.once('error', () => resolve(false))
    outgoing.end()
  })
}
