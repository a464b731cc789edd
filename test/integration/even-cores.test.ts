/** Busy connections that chance put on one shard of two end up on both, over real sockets, and no request is lost on the way. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { shardsOf } from '../support/mortal.ts'
import { scrape } from '../support/observe.ts'
import { startWeir, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'

const HEAVY = 8
/** Sent at once, so that the shard works harder than the client. */
const AHEAD = 8
const REQUEST = 'GET / HTTP/1.1\r\nhost: elsewhere.example\r\n\r\n'
/** Answered by the proxy itself, always alike: 421. */
const CONFIG = `
shards: 2
admin: { bind: 127.0.0.1:0 }
cores: { steer: off }
overload: off
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ host: here.example, cluster: web }]
clusters: { web: { endpoints: ['127.0.0.1:9'] } }
drain: { window: 50ms, hard: 5s }
`

/** Asks without a pause, from `begin` to `stop`. */
class Heavy {
  readonly socket: Socket
  sent = 0
  answeredBytes = 0
  answerBytes = 0
  closed = false
  #going = false

  constructor(weir: Weir) {
    const [host, port] = (weir.addresses().get('web') ?? '').split(':')
    this.socket = createConnection({ host: host!, port: Number(port) })
    this.socket.on('data', (chunk: Buffer) => {
      this.answeredBytes += chunk.length
      if (this.#going && this.idle) this.#ask()
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.closed = true
    })
  }

  /** One request: how long an answer is. */
  async first(): Promise<void> {
    this.sent++
    this.socket.write(REQUEST)
    const [chunk] = (await once(this.socket, 'data')) as [Buffer]
    assert.match(chunk.toString('latin1'), /^HTTP\/1\.1 421 [^]*\n$/)
    this.answerBytes = this.answeredBytes
  }

  /** All that was asked is answered. */
  get idle(): boolean {
    return this.answeredBytes === this.sent * this.answerBytes
  }

  begin(): void {
    this.#going = true
    this.#ask()
  }

  stop(): void {
    this.#going = false
  }

  #ask(): void {
    this.sent += AHEAD
    this.socket.write(REQUEST.repeat(AHEAD))
  }
}

const connectionsOf = async (weir: Weir): Promise<readonly number[]> =>
  (await shardsOf(weir)).map(({ connections }) => connections)

/** Open connections until so many are on shard 0; the others are closed. */
const crowd = async (t: TestContext, weir: Weir): Promise<Heavy[]> => {
  const kept: Heavy[] = []
  while (kept.length < HEAVY) {
    const heavy = new Heavy(weir)
    t.after(() => heavy.socket.destroy())
    await heavy.first()
    const [first = 0] = await connectionsOf(weir)
    if (first > kept.length) kept.push(heavy)
    else heavy.socket.destroy()
  }
  return kept
}

test('eight connections in constant use, all on one shard of two: each gets three at least, and every request is answered', async (t) => {
  const weir = await startWeir(t, CONFIG)
  const all = await crowd(t, weir)
  await until(async () => (await connectionsOf(weir)).join() === `${HEAVY},0`, 'all are on the first shard')
  for (const heavy of all) heavy.begin()
  await until(async () => (await connectionsOf(weir)).every((count) => count >= 3), 'they are spread')
  const before = all.map(({ sent }) => sent)
  await until(() => all.every(({ sent }, i) => sent > before[i]! + 10 * AHEAD), 'all are served there')
  for (const heavy of all) heavy.stop()
  await until(() => all.every(({ idle }) => idle), 'every request is answered')
  assert.ok((await scrape(weir)).value('weir_shard_clients_given_total') >= 3)
  assert.equal(
    (await connectionsOf(weir)).reduce((sum, count) => sum + count, 0),
    HEAVY,
  )
  assert.ok(all.every(({ closed }) => !closed))
})
