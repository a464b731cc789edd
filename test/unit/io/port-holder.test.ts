import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { listeningInodes, portHolder } from '../../../src/io/port-holder.ts'

test('the process that listens on a port is found, and nobody where nobody listens', async () => {
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer().listen(0, host)
    await once(server, 'listening')
    const address = server.address()
    assert.ok(typeof address === 'object' && address !== null)
    assert.equal((await portHolder(address.port))?.pid, process.pid)
    server.close()
    await once(server, 'close')
    assert.equal(await portHolder(address.port), undefined)
  }
})

test('only listening sockets of exactly that port count', () => {
  const row = (local: string, state: string, inode: string): string =>
    `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0`
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    row('0100007F:1F90', '0A', '111'),
    row('0100007F:1F90', '01', '222'),
    row('0100007F:1F91', '0A', '333'),
  ].join('\n')
  assert.deepEqual(listeningInodes(table, 8080), ['111'])
  assert.deepEqual(listeningInodes(table, 80), [])
})
