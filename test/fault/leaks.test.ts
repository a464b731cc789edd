import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { seededRng } from '../../src/base/random.ts'
import type { Rng } from '../../src/base/random.ts'
import { openFds, scrape } from '../support/observe.ts'
import { startProxy } from '../support/proxied.ts'
import { until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import { rawBackend } from '../support/wire.ts'
import type { Wire } from '../support/wire.ts'

const SEED = Number(process.env['WEIR_SEED'] ?? 1)
const REQUESTS = 2000
const AT_ONCE = 40

/** What a client sends: every framing, one read and several, and a tunnel. */
const SENT = [
  'GET /n HTTP/1.1\r\nhost: a.example\r\n\r\n',
  'GET /n HTTP/1.1\r\nhost: a.example\r\n\r\n'.repeat(5),
  `POST /n HTTP/1.1\r\nhost: a.example\r\ncontent-length: 100000\r\n\r\n${'x'.repeat(100_000)}`,
  `POST /n HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\n${'5\r\nchunk\r\n'.repeat(2000)}0\r\n\r\n`,
  'GET /n HTTP/1.1\r\nhost: a.example\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello tunnel',
  'GET / HTTP/1.1\r\nbroken',
]

/** What a backend answers; how far it comes with it, and how it ends then, is chance. */
const ANSWERED = [
  'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
  `HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n${'y'.repeat(300_000)}`,
  `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${'5\r\nchunk\r\n'.repeat(2000)}0\r\n\r\n`,
  `HTTP/1.1 200 OK\r\n\r\n${'z'.repeat(50_000)}`,
  'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nwelcome',
]

async function answer(wire: Wire, rng: Rng): Promise<void> {
  for (;;) {
    await wire.until(({ bytes }) => bytes.length > 0, 'a request', Infinity)
    if (rng.below(2) === 0) await wire.request()
    const whole = ANSWERED[rng.below(ANSWERED.length)] ?? ''
    if (rng.below(3) > 0) {
      wire.send(whole)
      if (whole.includes('content-length: 2\r\n')) continue
    } else wire.send(whole.slice(0, rng.below(whole.length)))
    await pause(rng)
    if (rng.below(2) === 0) wire.reset()
    else wire.socket.end()
    return
  }
}

/** One client: sends some, reads some, leaves somehow. */
async function visit(weir: Weir, rng: Rng): Promise<void> {
  const [host = '', port = ''] = (weir.addresses().get('web') ?? '').split(':')
  const socket = connect({ host, port: Number(port), allowHalfOpen: true })
  socket.on('error', () => {})
  const whole = SENT[rng.below(SENT.length)] ?? ''
  if (rng.below(4) === 0) socket.pause()
  else socket.resume()
  socket.write(rng.below(3) === 0 ? whole.slice(0, 1 + rng.below(whole.length)) : whole)
  await pause(rng)
  leave(socket, rng.below(3))
  socket.resume()
  if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve))
}

function leave(socket: Socket, how: number): void {
  if (how === 0) socket.resetAndDestroy()
  else if (how === 1) socket.destroy()
  else socket.end()
}

const pause = (rng: Rng): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, rng.below(12)))

const GAUGES = [
  'weir_listener_connections',
  'weir_listener_exchanges_in_flight',
  'weir_cluster_connections',
  'weir_cluster_exchanges_in_flight',
  'weir_cluster_exchanges_waiting',
  'weir_endpoint_connections',
  'weir_endpoint_connections_idle',
  'weir_endpoint_exchanges_in_flight',
  'weir_endpoint_exchanges_waiting',
  'weir_engine_connections',
  'weir_engine_queued_bytes',
]

test(`${REQUESTS} clients and their backends leave at random points: descriptors and gauges return (node-http-proxy PR #1439; seed ${SEED})`, async (t) => {
  const rng = seededRng(SEED)
  const backend = await rawBackend(t, (wire) => answer(wire, rng))
  const weir = await startProxy(t, {
    endpoints: [backend.address],
    shards: 2,
    listener:
      'timeouts: { requestHead: 500ms, keepAlive: 500ms, client: 500ms, clientFin: 500ms, tunnel: 500ms }',
    cluster:
      'timeouts: { server: 500ms, queue: 500ms, serverFin: 500ms }, pool: { maxPerHost: 30, idleTimeout: 500ms }',
  })
  await scrape(weir)
  const fdsBefore = openFds(weir)
  let visits = 0
  const visitor = async (): Promise<void> => {
    while (visits++ < REQUESTS) await visit(weir, rng)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, visitor))
  for (const gauge of GAUGES) {
    await until(async () => (await scrape(weir)).value(gauge) === 0, `${gauge} is 0 again`)
  }
  await until(() => openFds(weir) <= fdsBefore, 'its descriptors are what they were')
  const metrics = await scrape(weir)
  assert.equal(metrics.value('weir_shard_errors_total'), 0, weir.lines.join('\n'))
  assert.equal(metrics.value('weir_engine_bad_ops_total'), 0)
  assert.equal(metrics.value('weir_engine_overflows_total'), 0)
  assert.ok(metrics.value('weir_listener_exchanges_total') > REQUESTS / 2)
})
