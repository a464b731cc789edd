import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, test } from 'node:test'
import { residentBytes, scrape } from '../support/observe.ts'
import { dialWeir, startProxy } from '../support/proxied.ts'
import { scriptedBackend } from '../support/scripted.ts'
import { until } from '../support/weir.ts'
import type { Wire } from '../support/wire.ts'

const MIB = 1 << 20
const GIB = 1 << 30
const PIECE = Buffer.from(Array.from({ length: MIB }, (_, i) => (i * 7 + (i >> 9)) & 255))
/** Stalled at once, each way. */
const STALLED = 8
/** What a stalled transfer may hold natively: a relay's largest read, or what one batch overshoots by. */
const QUEUED_EACH = MIB
/** The same in resident memory, allocator's overhead included, and what the runtime grows by on its own. */
const RESIDENT_EACH = 1.5 * MIB
const RESIDENT_BASE = 24 * MIB

const scope = { after }
const backend = await scriptedBackend(scope)
const weir = await startProxy(scope, { endpoints: [backend.address], shards: 1 })

/** Write pieces as fast as the peer takes them, until `bytes` are written or the connection is gone. */
async function pour(
  wire: Wire,
  bytes: number,
  frame: (piece: Buffer) => Buffer = (piece) => piece,
): Promise<void> {
  for (let left = bytes; left > 0 && !wire.socket.destroyed; left -= MIB) {
    const took = wire.socket.write(frame(PIECE.subarray(0, Math.min(left, MIB))))
    if (!took) await drained(wire)
  }
}
/** The peer took what was written, or will never. */
function drained({ socket }: Wire): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = (): void => {
    socket.off('drain', done).off('close', done)
    resolve()
  }
  socket.on('drain', done).on('close', done)
  return promise
}
const closed = ({ socket }: Wire): Promise<unknown> => new Promise((resolve) => socket.once('close', resolve))

const chunk = (piece: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])

/** Nothing moves any more, though both ends would go on. */
async function standstill(): Promise<void> {
  let before = -1
  let since = performance.now()
  await until(async () => {
    const now = (await scrape(weir)).value('weir_engine_received_bytes_total')
    if (now !== before) since = performance.now()
    before = now
    return performance.now() - since > 150
  }, 'everything has come to a standstill')
}

async function assertBounded(residentBefore: number, count: number): Promise<void> {
  const queued = (await scrape(weir)).value('weir_engine_queued_bytes')
  assert.ok(queued <= count * QUEUED_EACH, `${queued} bytes are queued for ${count} transfers`)
  const grown = residentBytes(weir) - residentBefore
  assert.ok(grown < RESIDENT_BASE + count * RESIDENT_EACH, `resident memory grew by ${grown} bytes`)
}

const downloads = {
  length: { head: `content-length: ${GIB}`, frame: (piece: Buffer): Buffer => piece },
  chunked: { head: 'transfer-encoding: chunked', frame: chunk },
  close: { head: 'x: close-delimited', frame: (piece: Buffer): Buffer => piece },
}
for (const [framing, { head, frame }] of Object.entries(downloads)) {
  test(`${STALLED} clients stop reading downloads of 1 GiB (${framing}): memory stays bounded`, async (t) => {
    backend.play(async (wire) => {
      await wire.request()
      wire.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`)
      await pour(wire, GIB, frame)
    })
    const before = residentBytes(weir)
    const wires = await Promise.all(Array.from({ length: STALLED }, () => dialWeir(t, weir)))
    for (const wire of wires) {
      wire.pause()
      wire.send('GET / HTTP/1.1\r\nhost: a.example\r\n\r\n')
    }
    await standstill()
    await assertBounded(before, STALLED)
    for (const wire of wires) wire.reset()
    await until(async () => (await scrape(weir)).value('weir_engine_queued_bytes') === 0, 'it is given back')
  })
}

for (const framing of ['length', 'chunked'] as const) {
  test(`${STALLED} backends stop reading uploads of 1 GiB (${framing}): memory stays bounded`, async (t) => {
    backend.play(async (wire) => {
      wire.pause()
      await closed(wire)
      throw new Error('the script is over')
    })
    const before = residentBytes(weir)
    const { head, frame } = downloads[framing]
    const wires = await Promise.all(Array.from({ length: STALLED }, () => dialWeir(t, weir)))
    for (const wire of wires) {
      wire.send(`POST / HTTP/1.1\r\nhost: a.example\r\n${head}\r\n\r\n`)
      void pour(wire, GIB, frame)
    }
    await standstill()
    await assertBounded(before, STALLED)
    for (const wire of wires) wire.reset()
    await until(async () => (await scrape(weir)).value('weir_engine_queued_bytes') === 0, 'it is given back')
    for (const { socket } of backend.wires) socket.destroy()
  })
}

const WHOLE = 96 * MIB
const expected = ((): string => {
  const hash = createHash('sha1')
  for (let at = 0; at < WHOLE; at += MIB) hash.update(PIECE)
  return hash.digest('hex')
})()

/** Read on from a stall, hashing. */
function hashing(wire: Wire, skip: number): Promise<string> {
  const hash = createHash('sha1')
  let bytes = -skip
  const done = Promise.withResolvers<string>()
  const take = (piece: Buffer): void => {
    const from = Math.max(0, -bytes)
    bytes += piece.length
    if (bytes > 0) hash.update(piece.subarray(from))
    if (bytes === WHOLE) done.resolve(hash.digest('hex'))
  }
  take(wire.bytes)
  wire.socket.removeAllListeners('data')
  wire.socket.on('data', take)
  wire.resume()
  return done.promise
}

test('a download and an upload that stalled go on intact when they are read again', async (t) => {
  const uploaded = Promise.withResolvers<string>()
  const goOn = Promise.withResolvers<void>()
  backend.play(async (wire) => {
    const head = await wire.until(({ text }) => /^.*?\r\n\r\n/s.exec(text)?.[0], 'a head')
    if (head.startsWith('GET')) {
      await wire.request()
      wire.send(`HTTP/1.1 200 OK\r\ncontent-length: ${WHOLE}\r\n\r\n`)
      await pour(wire, WHOLE)
      return
    }
    wire.pause()
    await goOn.promise
    uploaded.resolve(await hashing(wire, head.length))
    wire.send('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n')
    await closed(wire)
  })
  const [down, up] = [await dialWeir(t, weir), await dialWeir(t, weir)]
  down.send('GET / HTTP/1.1\r\nhost: a.example\r\n\r\n')
  const head = await down.until(({ text }) => /^.*?\r\n\r\n/s.exec(text)?.[0], 'a head')
  down.pause()
  up.send(`POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: ${WHOLE}\r\n\r\n`)
  void pour(up, WHOLE)
  await standstill()
  goOn.resolve()
  assert.equal(await hashing(down, head.length), expected)
  assert.equal(await uploaded.promise, expected)
  assert.equal((await up.response('POST')).status, 204)
})
