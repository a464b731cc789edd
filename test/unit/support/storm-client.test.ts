/** The instrument itself: what a storm must never see, it would see. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { StormClient } from '../../support/storm-client/client.ts'
import { Ledger } from '../../support/storm-client/ledger.ts'
import type { Outcome } from '../../support/storm-client/ledger.ts'
import { Reply } from '../../support/storm-client/reply.ts'
import { bodyOf, requestOf, uploadOf, wishOf } from '../../support/storm-client/wish.ts'
import type { Wish } from '../../support/storm-client/wish.ts'
import { rawBackend } from '../../support/wire.ts'
import type { Wire } from '../../support/wire.ts'

const WISH: Wish = { id: 42, method: 'GET', size: 10, chunked: false, delayMs: 0, pauseMs: 0 }
const HEAD = 'HTTP/1.1 200 OK\r\nx-storm-id: 42\r\ncontent-length: 10\r\n\r\n'
const BODY = bodyOf(42, 10).toString('latin1')
const CHUNKED = 'HTTP/1.1 200 OK\r\nx-storm-id: 42\r\ntransfer-encoding: chunked\r\n\r\n'
const OWN = 'HTTP/1.1 502 Bad Gateway\r\nproxy-status: weir\r\ncontent-length: 3\r\n\r\nbad'

const ANSWERS: readonly (readonly [name: string, text: string, kind: string])[] = [
  ['the answer', HEAD + BODY, 'answered'],
  [
    'the answer in chunks',
    `${CHUNKED}4\r\n${BODY.slice(0, 4)}\r\n6\r\n${BODY.slice(4)}\r\n0\r\n\r\n`,
    'answered',
  ],
  ['our own 502', OWN, 'failed'],
  ['a 502 of somebody else', OWN.replace('proxy-status', 'x-status'), 'wrong'],
  ['a part', HEAD + BODY.slice(0, 9), 'more'],
  ['chunks without the last', `${CHUNKED}a\r\n${BODY}\r\n`, 'more'],
  ["another one's answer", HEAD.replace('42', '43') + bodyOf(43, 10).toString('latin1'), 'wrong'],
  ["another one's body", HEAD + bodyOf(43, 10).toString('latin1'), 'wrong'],
  ['a body out of place', HEAD + BODY.slice(1) + BODY.slice(0, 1), 'wrong'],
  ['bytes behind it', `${HEAD}${BODY}x`, 'wrong'],
  ['another length', HEAD.replace('10', '11') + BODY, 'wrong'],
  ['too few chunks', `${CHUNKED}4\r\n${BODY.slice(0, 4)}\r\n0\r\n\r\n`, 'wrong'],
  ['no length', `HTTP/1.1 200 OK\r\nx-storm-id: 42\r\n\r\n${BODY}`, 'wrong'],
  ['nothing of HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', 'wrong'],
]

for (const [name, text, kind] of ANSWERS) {
  test(`a reply, whole and byte by byte: ${name} is ${kind}`, () => {
    assert.equal(new Reply(WISH).take(Buffer.from(text, 'latin1')).kind, kind)
    const reply = new Reply(WISH)
    const kinds = Array.from(text, (byte) => reply.take(Buffer.from(byte, 'latin1')).kind)
    const first = kinds.find((it) => it !== 'more') ?? 'more'
    // Byte by byte, the end of what is whole is seen before what follows.
    assert.equal(first, name === 'bytes behind it' ? 'answered' : kind)
  })
}

test('a wish goes to the backend and comes out as it was', () => {
  for (const method of ['GET', 'POST'] as const) {
    const wish: Wish = { id: 7, method, size: 30, chunked: true, delayMs: 3, pauseMs: 4 }
    const [line = ''] = requestOf(wish).toString('latin1').split('\r\n')
    assert.deepEqual(wishOf(line), wish)
  }
  assert.notDeepEqual(uploadOf(7, 30), bodyOf(7, 30))
})

async function outcomeOf(t: TestContext, serve: (wire: Wire) => void): Promise<[Outcome, Ledger]> {
  const server = await rawBackend(t, async (wire) => {
    await wire.request()
    serve(wire)
  })
  const ledger = new Ledger()
  const client = new StormClient(server.address, ledger.account('one'))
  assert.ok(await client.connect())
  const outcome = await client.ask(WISH)
  client.close()
  assert.equal(ledger.total(outcome), 1)
  assert.equal(ledger.lost, 0)
  return [outcome, ledger]
}

test('a client books each end of a request as what it is', async (t) => {
  const ends: readonly (readonly [Outcome, (wire: Wire) => void])[] = [
    ['answered', (wire) => wire.send(HEAD + BODY)],
    ['502', (wire) => wire.send(OWN)],
    ['dropped', (wire) => wire.reset()],
    ['dropped', (wire) => wire.socket.end()],
    ['truncated', (wire) => wire.socket.end(HEAD + BODY.slice(0, 5))],
    ['wrong', (wire) => wire.send(HEAD + BODY.toUpperCase().replace('[', '('))],
  ]
  for (const [expected, serve] of ends) assert.equal((await outcomeOf(t, serve))[0], expected)
  const [cut] = await outcomeOf(t, (wire) => {
    wire.send(HEAD + BODY.slice(0, 5))
    setTimeout(() => wire.reset(), 50)
  })
  assert.equal(cut, 'cut')
})

test('a connection that ends between two requests is lost, one that nobody accepts is refused', async (t) => {
  const server = await rawBackend(t, async (wire) => {
    await wire.request()
    wire.send(HEAD + BODY)
    setTimeout(() => wire.reset(), 20)
  })
  const ledger = new Ledger()
  const client = new StormClient(server.address, ledger.account('one'))
  await client.connect()
  assert.equal(await client.ask(WISH), 'answered')
  while (client.connected) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(ledger.ended('lost'), 1)
  server.server.close()
  assert.equal(await client.connect(), false)
  assert.equal(ledger.dialled('refused'), 1)
})
