/** Hundreds of clients that are slow on purpose, beside others: cut by their timeouts, in little memory, and nobody else notices. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { startBackend } from '../support/backend.ts'
import { residentBytes, scrape } from '../support/observe.ts'
import { exchange, GET, startProxy } from '../support/proxied.ts'
import { until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import type { Scope } from '../support/wire.ts'

const OF_EACH = 150
/** One that leaves nothing behind. */
const ONCE = GET.replace('host:', 'connection: close\r\nhost:')
const ASKED = 50
const KIB = 1024
/** More than the kernel keeps for one who reads nothing. */
const LARGE = Buffer.alloc(16 * KIB * KIB)

type Slow = { readonly ended: () => number; readonly sockets: readonly Socket[] }

/** So many that send this and then nothing more, or, every 100 ms, a byte; who read what comes, or nothing. */
function slow(t: Scope, weir: Weir, text: string, ways: { drip?: boolean; deaf?: boolean }): Slow {
  const [host = '', port = ''] = (weir.addresses().get('web') ?? '').split(':')
  let ended = 0
  const sockets = Array.from({ length: OF_EACH }, () => {
    const socket = connect(Number(port), host, () => socket.write(text))
    if (ways.deaf === true) socket.pause()
    else socket.resume()
    socket.on('error', () => {})
    socket.once('close', () => ended++)
    return socket
  })
  const drip = setInterval(() => {
    for (const socket of sockets) if (ways.drip === true && socket.writable) socket.write('x')
  }, 100)
  t.after(() => {
    clearInterval(drip)
    for (const socket of sockets) socket.destroy()
  })
  return { ended: () => ended, sockets }
}

test('450 slow clients (heads by the byte, bodies that stop, readers that do not read) are cut by their timeouts and counted; requests beside them are served', async (t) => {
  const backend = await startBackend(t, (request, response) => {
    if (request.url === '/large') response.end(LARGE)
    else request.resume().once('end', () => response.end('ok'))
  })
  const weir = await startProxy(t, {
    endpoints: [backend.address],
    shards: 2,
    listener: 'timeouts: { requestHead: 3s, client: 3s }',
  })
  const quietMs = await median(t, weir)
  const before = residentBytes(weir)
  const heads = slow(t, weir, 'GET / HTTP/1.1\r\nhost: a.example\r\nx: ', { drip: true })
  const bodies = slow(t, weir, 'POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 1000\r\n\r\nsome', {})
  slow(t, weir, GET.replace('/', '/large'), { deaf: true })
  await until(
    async () =>
      (await scrape(weir)).value('weir_listener_connections_accepted_total') === ASKED + 3 * OF_EACH,
    'all have come',
  )
  const besideMs = await median(t, weir)
  assert.ok(besideMs < 5 * quietMs + 100, `${besideMs} ms beside them, ${quietMs} ms without`)
  const perClient = (residentBytes(weir) - before) / (3 * OF_EACH)
  // A relay's buffer for one who does not read (at most 512 KiB, 32 KiB once it is known to be slow), a slab for a head; hardly anything else.
  assert.ok(perClient < 256 * KIB, `${Math.round(perClient / KIB)} KiB each`)
  await until(() => heads.ended() === OF_EACH && bodies.ended() === OF_EACH, 'those who send slowly are gone')
  await until(
    async () => (await scrape(weir)).value('weir_listener_connections') === 0,
    'so are those who do not read',
  )
  const metrics = await scrape(weir)
  const cut = (timeout: string): number => metrics.value('weir_listener_timeouts_total', { timeout })
  assert.equal(cut('request-head'), OF_EACH)
  assert.equal(cut('client'), 2 * OF_EACH)
  assert.equal((await exchange(t, weir, GET)).response.status, 200)
})

/** Requests on connections of their own, one after another; the median, in ms. */
async function median(t: Scope, weir: Weir): Promise<number> {
  const took: number[] = []
  for (let i = 0; i < ASKED; i++) {
    const startedMs = performance.now()
    assert.equal((await exchange(t, weir, ONCE)).response.status, 200)
    took.push(performance.now() - startedMs)
  }
  return took.toSorted((a, b) => a - b)[ASKED >> 1] ?? NaN
}
