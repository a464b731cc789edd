import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DEFAULT_TTL_MS, inHosts, systemResolver } from '../../../src/io/dns.ts'

/** A name server on loopback that knows one record of each type: `both.test`; `v4.test` has no AAAA. */
const A = 1
const AAAA = 28

async function nameServer(): Promise<{ address: string; socket: Socket }> {
  const socket = createSocket('udp4')
  socket.on('message', (query, peer) => socket.send(reply(query), peer.port, peer.address))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { address: `127.0.0.1:${socket.address().port}`, socket }
}

function reply(query: Buffer): Buffer {
  const end = query.indexOf(0, 12) + 5 // the question: labels, a zero, type and class
  const name = labels(query)
  const type = query.readUInt16BE(end - 4)
  const data = records(name, type)
  const header = Buffer.from(query.subarray(0, 12))
  header.writeUInt16BE(0x8180 | (name.endsWith('.test') ? 0 : 3), 2) // response, recursion; NXDOMAIN for strangers
  header.writeUInt16BE(data.length, 6)
  header.writeUInt32BE(0, 8)
  return Buffer.concat([header, query.subarray(12, end), ...data.map((bytes) => record(type, bytes))])
}

function labels(query: Buffer): string {
  const names: string[] = []
  for (let at = 12; query[at] !== 0; at += query[at]! + 1)
    names.push(query.toString('latin1', at + 1, at + 1 + query[at]!))
  return names.join('.').toLowerCase()
}

function records(name: string, type: number): readonly { ttl: number; bytes: Buffer }[] {
  if (type === A && name.endsWith('.test')) {
    return [
      { ttl: 60, bytes: Buffer.from([192, 0, 2, 2]) },
      { ttl: 7, bytes: Buffer.from([192, 0, 2, 1]) },
    ]
  }
  const v6 = Buffer.from('20010db8000000000000000000000001', 'hex')
  return type === AAAA && name === 'both.test' ? [{ ttl: 90, bytes: v6 }] : []
}

function record(type: number, { ttl, bytes }: { ttl: number; bytes: Buffer }): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0) // the name of the question
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(ttl, 6)
  head.writeUInt16BE(bytes.length, 10)
  return Buffer.concat([head, bytes])
}

const server = await nameServer()
const folder = await mkdtemp(join(tmpdir(), 'weir-dns-'))
const hostsFile = join(folder, 'hosts')
await writeFile(hostsFile, '192.0.2.77 listed.test # comment\n')
const resolver = systemResolver({ timeoutMs: 500, tries: 1, servers: [server.address], hostsFile })
after(async () => {
  server.socket.close()
  await rm(folder, { recursive: true })
})

test('A and AAAA together, IPv4 first, good for the shortest TTL', async () => {
  const answer = await resolver.resolve('Both.test.')
  assert.deepEqual(answer, { addresses: ['192.0.2.1', '192.0.2.2', '2001:db8::1'], ttlMs: 7000 })
})

test('a name without AAAA is answered by its A records', async () => {
  assert.deepEqual((await resolver.resolve('v4.test')).addresses, ['192.0.2.1', '192.0.2.2'])
})

test('the hosts file is before DNS, localhost before both; their answers keep the default time', async () => {
  assert.deepEqual(await resolver.resolve('LISTED.test'), {
    addresses: ['192.0.2.77'],
    ttlMs: DEFAULT_TTL_MS,
  })
  const local = { addresses: ['127.0.0.1', '::1'], ttlMs: DEFAULT_TTL_MS }
  assert.deepEqual(await resolver.resolve('localhost'), local)
  assert.deepEqual(await resolver.resolve('app.localhost.'), local)
})

test('a name nobody knows is a coded error', async () => {
  await assert.rejects(resolver.resolve('weir-no-such-name.invalid'), (error: NodeJS.ErrnoException) => {
    assert.match(error.code ?? '', /^(ENOTFOUND|EAI_AGAIN|EAI_FAIL|EAI_NODATA)$/)
    return true
  })
})

test('hosts(5): comments, several names a line, several lines a name, any case', () => {
  const text = '# 1.1.1.1 a\n\n127.0.0.1\tlocalhost A b#c d\n::1 a\nfe80::1%eth0 a\nnonsense\n'
  assert.deepEqual(inHosts(text, 'a'), ['127.0.0.1', '::1'])
  assert.deepEqual(inHosts(text, 'b'), ['127.0.0.1'])
  assert.deepEqual(inHosts(text, 'c'), [])
  assert.deepEqual(inHosts(text, 'd'), [])
})
