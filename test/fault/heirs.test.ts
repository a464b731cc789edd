/**
 * Real threads, real sockets: a shard's thread ends, and its connections go on with the other one. Each client is in the same state, so
 * whichever of them the shard had are in it.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { FAULTS, fault, faulty, isBack } from '../support/fault.ts'
import type { Fault } from '../support/fault.ts'
import { dialWeir, GET, ok, settingText } from '../support/proxied.ts'
import { startWeir, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import { rawBackend } from '../support/wire.ts'
import type { RawBackend, Scope, Wire } from '../support/wire.ts'

/** Enough that each of two shards has some. */
const CLIENTS = 16

type Stage = { readonly weir: Weir; readonly backend: RawBackend; readonly wires: readonly Wire[] }

const stage = async (t: Scope, serve: (wire: Wire) => unknown, cluster = ''): Promise<Stage> => {
  const backend = await rawBackend(t, serve)
  const text = settingText({ endpoints: [backend.address], cluster, more: `${FAULTS}\noverload: off` })
  const weir = await startWeir(t, faulty(text))
  const wires = await Promise.all(Array.from({ length: CLIENTS }, () => dialWeir(t, weir)))
  return { weir, backend, wires }
}

/** The shard fails, and its successor serves: by then everything it left is settled. */
const lose = async (weir: Weir, shard: number, kind: Fault = 'exit', restarts = 1): Promise<void> => {
  await fault(weir, shard, kind)
  await isBack(weir, shard, restarts)
}

/** Answers each request with what `answer` makes of it, when it does. */
const serving =
  (answer: (target: string) => Promise<string> | string) =>
  async (wire: Wire): Promise<void> => {
    for (;;) {
      const { line } = await wire.take({ kind: 'request' })
      wire.send(await answer(line.split(' ')[1] ?? ''))
    }
  }

for (const [one, other] of [
  ['throw', 'exit'],
  ['spin', 'throw'],
] as const) {
  test(`idle clients outlive both shards in turn (${one}, ${other}), and so do the connections to their endpoint`, async (t) => {
    const { weir, backend, wires } = await stage(
      t,
      serving((target) => ok(target)),
    )
    const round = async (): Promise<void> => {
      await Promise.all(
        wires.map(async (wire) => {
          wire.send(GET)
          assert.equal((await wire.response()).status, 200)
        }),
      )
    }
    await round()
    const connections = backend.wires.length
    await lose(weir, 0, one)
    await round()
    await lose(weir, 1, other)
    await round()
    assert.ok(wires.every(({ ended }) => ended === undefined))
    assert.ok(
      backend.wires.length < connections + CLIENTS,
      `${connections} connections, then ${backend.wires.length}`,
    )
  })
}

test('heads of which part was read are completed with the heirs', async (t) => {
  const { weir, wires } = await stage(
    t,
    serving(() => ok('whole')),
  )
  for (const wire of wires) wire.send(GET.slice(0, 20))
  await new Promise((resolve) => setTimeout(resolve, 100)) // nothing tells that a part was read; if it was not, it is read by the heir
  await lose(weir, 0)
  for (const wire of wires) wire.send(GET.slice(20))
  for (const wire of wires) assert.equal((await wire.response()).body.toString(), 'whole')
})

test('requests without a response are sent again to the letter, and their clients never know', async (t) => {
  const held = Promise.withResolvers<string>()
  const heads: string[] = []
  const { weir, wires } = await stage(t, async (wire) => {
    const { line, headers } = await wire.take({ kind: 'request' })
    heads.push(`${line} ${headers['x-request-id']}`)
    wire.send(await held.promise)
    await serving(() => ok('again'))(wire)
  })
  wires.forEach((wire, n) => wire.send(`GET /${n} HTTP/1.1\r\nhost: a.example\r\n\r\n`))
  await until(() => heads.length === CLIENTS, 'all requests are at the backend')
  await lose(weir, 0)
  held.resolve(ok('late'))
  for (const wire of wires) assert.equal((await wire.response()).status, 200)
  assert.ok(heads.length > CLIENTS, 'some were sent again')
  assert.equal(new Set(heads).size, CLIENTS, 'with the id they had')
  for (const wire of wires) wire.send(GET)
  for (const wire of wires) assert.equal((await wire.response()).body.toString(), 'again')
})

test('requests that may not be sent twice get 502 where their shard died, and each reaches the backend once', async (t) => {
  const held = Promise.withResolvers<string>()
  let seen = 0
  const { weir, wires } = await stage(
    t,
    serving(() => {
      seen++
      return held.promise
    }),
  )
  for (const wire of wires) wire.send('POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 0\r\n\r\n')
  await until(() => seen === CLIENTS, 'all requests are at the backend')
  await lose(weir, 0)
  held.resolve(ok('done'))
  const responses = await Promise.all(wires.map((wire) => wire.response('POST')))
  const lost = responses.filter(({ status }) => status === 502)
  assert.ok(lost.length > 0 && lost.length < CLIENTS)
  assert.ok(responses.every(({ status }) => status === 200 || status === 502))
  for (const { headers } of lost) assert.equal(headers['proxy-status'], 'weir; error=proxy_internal_error')
  assert.equal(seen, CLIENTS)
})

test('clients that have part of a response are reset where their shard died, and never told that it was all', async (t) => {
  const { weir, wires } = await stage(t, async (wire) => {
    await wire.take({ kind: 'request' })
    wire.send('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf')
  })
  for (const wire of wires) wire.send(GET)
  for (const wire of wires) await wire.until(({ text }) => text.endsWith('half'), 'half of it')
  await lose(weir, 0)
  await lose(weir, 1)
  for (const wire of wires) assert.equal(await wire.ending(), 'reset')
})

test('tunnels go on through both deaths, both ways', async (t) => {
  const { weir, wires } = await stage(t, async (wire) => {
    const { headers } = await wire.take({ kind: 'request' })
    const key = headers['sec-websocket-key'] ?? ''
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
    wire.send(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    )
    wire.socket.on('data', (bytes: Buffer) => wire.socket.write(bytes)) // what the handshake left is empty
    wire.socket.on('end', () => wire.socket.end())
  })
  const handshake =
    'GET / HTTP/1.1\r\nhost: a.example\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
  for (const wire of wires) wire.send(handshake)
  for (const wire of wires) await wire.until(({ text }) => text.endsWith('\r\n\r\n'), 'the switch')
  const echo = async (word: string): Promise<void> => {
    for (const wire of wires) wire.send(word)
    for (const wire of wires) await wire.until(({ text }) => text.endsWith(word), word)
  }
  await echo('before')
  await lose(weir, 0)
  await echo('between')
  await lose(weir, 1, 'throw')
  await echo('behind')
  for (const { socket } of wires) socket.end()
  for (const wire of wires) assert.equal(await wire.ending(), 'end')
})

test('a shard that is restarted by plan while its clients ask all the time: no request fails', async (t) => {
  const { weir, wires } = await stage(
    t,
    serving(() => ok('ok')),
  )
  let stop = false
  let answered = 0
  const ask = async (wire: Wire): Promise<void> => {
    while (!stop) {
      wire.send(GET)
      const { status, headers } = await wire.response()
      assert.equal(status, 200, headers['proxy-status'])
      answered++
    }
  }
  const asking = Promise.all(wires.map(ask))
  for (const shard of [0, 1]) {
    const before = answered
    const answer = await fetch(`${weir.adminUrl()}/api/v1/shards/${shard}/restart`, { method: 'POST' })
    assert.ok(answer.ok, `${answer.status}`)
    await isBack(weir, shard)
    await until(() => answered > before + CLIENTS, 'there are more answers')
  }
  stop = true
  await asking
  assert.ok(wires.every(({ ended }) => ended === undefined))
})
