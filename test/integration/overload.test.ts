/** A shard that is given more than it can do, over real sockets. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { namedBackend } from '../support/backend.ts'
import { scrape } from '../support/observe.ts'
import { exchange } from '../support/proxied.ts'
import { startWeir, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import type { Scope } from '../support/wire.ts'

const CLIENTS = 300
/** Requests that are sent at once: the proxy has to do hundreds of times what sending them costs. */
const AHEAD = 64
const HERE = 'GET /here HTTP/1.1\r\nhost: a.example\r\n\r\n'
const NOWHERE = 'GET /nowhere HTTP/1.1\r\nhost: a.example\r\n\r\n'.repeat(AHEAD)
/** Of those who leave with their answer and come back at once. */
const VISITORS = 150
/** So many of their connections were refused and left behind in the test, in a second or two. */
const GONE = 3000

type Flood = { readonly count: (status: number) => number; readonly texts: () => string; stop: () => void }

/** Clients that send the next requests as soon as the last ones are answered, heeding nothing. */
function flood(t: Scope, weir: Weir): Flood {
  const [host = '', port = ''] = (weir.addresses().get('web') ?? '').split(':')
  const counts = new Map<number, number>()
  const sockets: Socket[] = []
  let running = true
  let sample = ''
  for (let i = 0; i < CLIENTS; i++) {
    const socket = connect(Number(port), host)
    let missing = AHEAD
    socket.setEncoding('latin1')
    socket.on('error', () => {})
    socket.on('connect', () => socket.write(NOWHERE))
    let rest = ''
    socket.on('data', (text: string) => {
      const all = rest + text
      rest = all.slice(1 - 'HTTP/1.1 200'.length) // too short for a status line that was counted
      for (const [, status] of all.matchAll(/HTTP\/1\.1 (\d{3})/g)) {
        counts.set(Number(status), (counts.get(Number(status)) ?? 0) + 1)
        missing--
      }
      if (sample === '') sample = /503 [^]*?overloaded/.exec(all)?.[0] ?? ''
      if (missing > 0 || !running) return
      missing = AHEAD
      socket.write(NOWHERE)
    })
    sockets.push(socket)
  }
  const stop = (): void => {
    running = false
    for (const socket of sockets) socket.destroy()
  }
  t.after(stop)
  return { count: (status) => counts.get(status) ?? 0, texts: () => sample, stop }
}

test('a shard that is late refuses some of the requests with 503 and retry-after, counts them as shed, serves the others, and serves everybody when it is over', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const weir = await startWeir(
    t,
    `shards: 1
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0, limits: { pipeline: 1024 } } }
routes: [{ path: /here, cluster: web }]
clusters: { web: { endpoints: ["${backend.address}"] } }
drain: { window: 50ms, hard: 5s }
overload: { delay: 10ms, window: 50ms }
`,
  )
  const crowd = flood(t, weir)
  await until(() => crowd.count(503) > 200 && crowd.count(404) > 200, 'some are refused and some served')
  crowd.stop()
  assert.match(crowd.texts(), /\r\nretry-after: \d+\r\n/)
  assert.match(crowd.texts(), /the proxy is overloaded/)
  await until(
    async () => (await scrape(weir)).value('weir_listener_connections') === 0,
    'all clients are gone',
  )
  const metrics = await scrape(weir)
  assert.ok(metrics.value('weir_listener_exchanges_total', { outcome: 'shed' }) >= crowd.count(503))
  // A machine that is crowded by others may make it late once more.
  let inRow = 0
  await until(async () => {
    inRow = (await exchange(t, weir, HERE)).response.status === 200 ? inRow + 1 : 0
    return inRow === 50
  }, 'fifty in a row are served')
})

/** Clients that close with the last of their answers, and come back at once on another connection. How many were refused by now. */
function visits(t: Scope, weir: Weir): () => number {
  const [host = '', port = ''] = (weir.addresses().get('web') ?? '').split(':')
  const open = new Set<Socket>()
  let refused = 0
  let over = false
  const visit = (): void => {
    if (over) return
    const socket = connect(Number(port), host, () => socket.write(NOWHERE))
    let text = ''
    socket.setEncoding('latin1')
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.on('data', (more: string) => {
      text += more
      if (text.split('HTTP/1.1 ').length - 1 < AHEAD || !text.endsWith('\n')) return
      if (text.includes('HTTP/1.1 503')) refused++
      socket.end()
      visit()
    })
    open.add(socket)
  }
  for (let i = 0; i < VISITORS; i++) visit()
  t.after(() => {
    over = true
    for (const socket of open) socket.destroy()
  })
  return () => refused
}

test('those who were refused, are held back, and leave, are gone at once', async (t) => {
  const weir = await startWeir(
    t,
    `shards: 1
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0, limits: { pipeline: 1024 } } }
routes: [{ path: /here, cluster: web }]
clusters: { web: { endpoints: ["127.0.0.1:1"] } }
drain: { window: 50ms, hard: 5s }
overload: { delay: 10ms, window: 50ms }
`,
  )
  const refused = visits(t, weir)
  const kept: number[] = []
  await until(async () => {
    kept.push((await scrape(weir)).value('weir_listener_connections'))
    return refused() > GONE
  }, 'thousands were refused and left')
  // Each has one connection, and leaves one that it is about to be rid of; nobody was held back for less than a second.
  assert.ok(Math.max(...kept) < GONE / 2, kept.join(' '))
})
