/** Clients that read slowly, over real sockets. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startBackend } from '../support/backend.ts'
import { scrape } from '../support/observe.ts'
import { GET, startProxy } from '../support/proxied.ts'
import type { Weir } from '../support/weir.ts'
import type { Scope } from '../support/wire.ts'

const KIB = 1024
const BODY = Buffer.alloc(24 * KIB * KIB, 'x')
const TIMEOUT_MS = 2500
/** What is read at once. The proxy's kernel takes more when a third of its send buffer is free, which are twenty of them. */
const SIP_BYTES = 64 * KIB
const SIP_MS = 250

type Reader = {
  readonly bytes: () => number
  readonly error: () => string
  readonly rest: () => Promise<void>
}

/** Asks, and reads a sip every so often, until it is to read the rest. */
function slowReader(t: Scope, weir: Weir, path: string): Reader {
  const [host = '', port = ''] = (weir.addresses().get('web') ?? '').split(':')
  let bytes = 0
  let error = ''
  let greedy = false
  const callback = (count: number): boolean => {
    bytes += count
    return greedy // false: it stops reading
  }
  const onread = { buffer: Buffer.alloc(SIP_BYTES), callback }
  const socket = connect({ port: Number(port), host, onread })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', ({ message }) => (error = message))
  socket.write(GET.replace('/', path).replace('host:', 'connection: close\r\nhost:'))
  const sips = setInterval(() => socket.resume(), SIP_MS)
  t.after(() => {
    clearInterval(sips)
    socket.destroy()
  })
  const rest = (): Promise<void> => {
    greedy = true
    return closed
  }
  return { bytes: () => bytes, error: () => error, rest }
}

test("clients that read steadily are not cut, though the proxy's kernel takes nothing for them for longer than their timeout", async (t) => {
  const backend = await startBackend(t, (request, response) => {
    if (request.url === '/relayed') response.setHeader('content-length', BODY.length)
    response.end(BODY)
  })
  const weir = await startProxy(t, {
    endpoints: [backend.address],
    shards: 1,
    listener: `timeouts: { client: ${TIMEOUT_MS}ms }`,
  })
  const readers = ['/relayed', '/chunked'].map((path) => slowReader(t, weir, path))
  await sleep(2.5 * TIMEOUT_MS)
  const metrics = await scrape(weir)
  assert.equal(metrics.value('weir_listener_timeouts_total', { timeout: 'client' }), 0)
  for (const { bytes, error, rest } of readers) {
    assert.equal(error(), '')
    assert.ok(bytes() > 5 * SIP_BYTES && bytes() < BODY.length / 4, `it was slow: ${bytes()} bytes`)
    await rest()
    assert.equal(error(), '')
    assert.ok(bytes() >= BODY.length, `${bytes()} bytes`)
  }
})
