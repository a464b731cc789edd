import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PeerSet } from '../../../src/io/peer-set.ts'
import { ClientKey } from '../../../src/limit/client-key.ts'
import { clientAddress } from '../../../src/proxy/client-address.ts'
import { requestOf } from '../../support/requests.ts'

const addressOf = (peer: string, forwarded: readonly string[], trusted: readonly string[]): string => {
  const set = new PeerSet(trusted)
  const listener = { trusts: (address: string): boolean => set.has(address) }
  const { head } = requestOf(forwarded.map((value) => `X-Forwarded-For: ${value}`))
  return clientAddress(head, { peer, trusted: set.has(peer), listener }, new ClientKey())
}

const PROXIES = ['10.0.0.0/8', 'fd00::/8', 'unix:']

test('client address: of a peer that is not trusted it is the peer, whatever it writes (fastify #5865)', () => {
  assert.equal(addressOf('192.0.2.1', ['198.51.100.7'], PROXIES), '192.0.2.1')
  assert.equal(addressOf('10.0.0.1', ['198.51.100.7'], []), '10.0.0.1')
})

test('client address: behind trusted proxies, the rightmost that is none of them', () => {
  assert.equal(addressOf('10.0.0.1', [], PROXIES), '10.0.0.1')
  assert.equal(addressOf('10.0.0.1', ['198.51.100.7'], PROXIES), '198.51.100.7')
  assert.equal(addressOf('unix:', ['6.6.6.6, 198.51.100.7 , 10.9.9.9'], PROXIES), '198.51.100.7')
  assert.equal(
    addressOf('10.0.0.1', ['6.6.6.6', '198.51.100.7', '10.9.9.9,10.8.8.8'], PROXIES),
    '198.51.100.7',
  )
  assert.equal(addressOf('10.0.0.1', ['10.1.1.1, 10.2.2.2'], PROXIES), '10.1.1.1')
  assert.equal(addressOf('10.0.0.1', ['2001:db8::7, fd00::1'], PROXIES), '2001:db8::7')
})

test('client address: ports and brackets are taken off', () => {
  assert.equal(addressOf('10.0.0.1', ['198.51.100.7:4711'], PROXIES), '198.51.100.7')
  assert.equal(addressOf('10.0.0.1', ['[2001:db8::7]:4711'], PROXIES), '2001:db8::7')
  assert.equal(addressOf('10.0.0.1', ['::ffff:198.51.100.7'], PROXIES), '::ffff:198.51.100.7')
})

test('client address: what is no address ends the walk at whoever wrote it', () => {
  for (const odd of ['unknown', '_hidden', '', ',', '1.2.3', '1.2.3.4.5', 'a'.repeat(5000), '"1.2.3.4"'])
    assert.equal(addressOf('10.0.0.1', [`6.6.6.6, ${odd}, 10.7.7.7`], PROXIES), '10.7.7.7', odd)
})

test('client address: of a list without end only so much is walked', () => {
  const long = Array.from({ length: 2000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`).join(',')
  assert.equal(addressOf('10.0.0.1', [long], PROXIES), `10.1.${1968 >> 8}.${1968 & 255}`)
})
