import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Agent, request } from 'undici'
import { namedBackend } from '../support/backend.ts'
import { shardsOf, startMortal } from '../support/mortal.ts'
import { scrape } from '../support/observe.ts'
import { dialWeir, GET, settingText } from '../support/proxied.ts'
import { scriptedBackend } from '../support/scripted.ts'
import { until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import type { Scope, Wire } from '../support/wire.ts'

/** A client connection that shard 0 has: the kernel deals, so ask until it falls there. */
async function dialShardZero(t: Scope, weir: Weir): Promise<Wire> {
  const clients = async (): Promise<number> => (await scrape(weir)).value('weir_listener_connections')
  for (;;) {
    const wire = await dialWeir(t, weir)
    await until(async () => (await clients()) === 1, 'it is accepted')
    if ((await shardsOf(weir))[0]?.connections === 1) return wire
    wire.socket.destroy()
    await until(async () => (await clients()) === 0, 'it is gone')
  }
}

test('what a dead shard had claimed is free: requests that wait on the other shard get its place', async (t) => {
  const backend = await scriptedBackend(t, async (wire) => {
    const { line } = await wire.request()
    if (line.includes('/hold')) await wire.ending()
    else wire.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  })
  const text = settingText({
    endpoints: [backend.address],
    shards: 2,
    listener: 'limits: { connections: 40 }',
    cluster: 'pool: { maxPerHost: 1 }, timeouts: { queue: 10s }',
  })
  const weir = await startMortal(t, text, 'shard 0', 'throw')
  const holder = await dialShardZero(t, weir)
  // One that may not be sent again: it is answered, and nobody holds its place.
  holder.send('POST /hold HTTP/1.1\r\nhost: a.example\r\ncontent-length: 0\r\n\r\n')
  await until(() => backend.wires.length === 1, 'it has the only connection')
  const wires = await Promise.all(Array.from({ length: 16 }, () => dialWeir(t, weir)))
  for (const wire of wires) wire.send(GET)
  await until(async () => (await scrape(weir)).value('weir_cluster_exchanges_waiting') === 16, 'all wait')
  weir.kill()
  assert.equal((await holder.response()).status, 502)
  for (const wire of wires) assert.equal((await wire.response()).status, 200)
  await until(async () => (await scrape(weir)).value('weir_cluster_exchanges_waiting') === 0, 'nobody waits')
  assert.equal((await scrape(weir)).value('weir_cluster_exchanges_in_flight'), 0)
  assert.ok((await scrape(weir)).value('weir_endpoint_connections') <= 1)
})

test('a shard that dies again and again under load: what fails was its own, everything else is answered', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const weir = await startMortal(
    t,
    settingText({ endpoints: [backend.address], shards: 2 }),
    'shard 0',
    'throw',
  )
  const agent = new Agent({ connections: 16, pipelining: 1 })
  t.after(() => agent.destroy())
  const wrong: string[] = []
  let answered = 0
  let broken = 0
  let running = true
  const loop = async (): Promise<void> => {
    while (running) {
      try {
        const { statusCode, body } = await request(weir.url('web'), { dispatcher: agent })
        if (statusCode !== 200 || (await body.text()) !== 'ok') wrong.push(String(statusCode))
        answered++
      } catch (error) {
        const code = (error as { readonly code?: string }).code ?? ''
        if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') broken++
        else wrong.push(String(error))
      }
    }
  }
  const loops = Promise.all(Array.from({ length: 16 }, loop))
  for (let death = 1; death <= 4; death++) {
    const from = weir.lines.length
    weir.kill()
    await weir.line(/^weir: shard 0 ended unexpectedly/, from)
    await until(async () => {
      const [shard] = await shardsOf(weir)
      return shard?.restarts === death && shard.state === 'running'
    }, 'it is back')
    const goal = answered + 100
    await until(() => answered > goal, 'load goes on')
  }
  running = false
  await loops
  assert.deepEqual(wrong, [])
  // At each death at most the responses under way on sixteen connections.
  assert.ok(broken <= 4 * 16, `${broken} of ${answered} were broken off`)
  await agent.destroy()
  await until(async () => (await scrape(weir)).value('weir_listener_connections') === 0, 'all are gone')
  assert.equal((await scrape(weir)).value('weir_listener_exchanges_in_flight'), 0)
})
