import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashBytes } from '../../../src/base/hash.ts'
import type { HashKeySpec } from '../../../src/config/snapshot.ts'
import { HashKey, NO_KEY } from '../../../src/proxy/hash-key.ts'
import { latin1, requestOf } from '../../support/requests.ts'

type Sent = { readonly lines?: readonly string[]; readonly target?: string; readonly peer?: string }

const keyOf = (kind: HashKeySpec['kind'], name: string, sent: Sent): number => {
  const request = requestOf(sent.lines ?? [], sent.target)
  const client = { peer: sent.peer ?? '192.0.2.1', trusted: false, listener: { trusts: () => false } }
  return new HashKey({ kind, name }).of({ ...request, client })
}

const rawOf = (text: string, seed = 0): number => hashBytes(latin1(text), 0, text.length, seed)
const hashOf = (text: string, seed = 0): number => rawOf(text, seed) >>> 1

test('hash key: a header, known or not, all fields of its name in order; absent or empty is no key', () => {
  for (const name of ['x-user', 'user-agent']) {
    const of = (...values: string[]): number =>
      keyOf('header', name, { lines: values.map((value) => `${name.toUpperCase()}: ${value}`) })
    assert.equal(of('bob'), hashOf('bob'))
    assert.equal(of(' bob '), hashOf('bob'))
    assert.equal(of('a', 'b'), hashOf('b', rawOf('a')))
    assert.notEqual(of('a', 'b'), of('b', 'a'))
    assert.notEqual(of('ab', 'c'), of('a', 'bc'))
    assert.equal(of(), NO_KEY)
    assert.equal(of('', ''), NO_KEY)
  }
  assert.equal(keyOf('header', 'x-user', { lines: ['x-use: a', 'x-users: b', 'user-agent: c'] }), NO_KEY)
})

test('hash key: a cookie, the first of its name', () => {
  assert.equal(keyOf('cookie', 'sid', { lines: ['Cookie: a=1; sid=xy; sid=z'] }), hashOf('xy'))
  assert.equal(keyOf('cookie', 'sid', { lines: ['Cookie: a=1', 'Cookie: sid=xy'] }), hashOf('xy'))
  assert.equal(keyOf('cookie', 'sid', { lines: ['Cookie: SID=xy; sid='] }), NO_KEY)
})

test('hash key: a query parameter as it stands there, the first of its name', () => {
  const of = (target: string): number => keyOf('query', 'id', { target })
  assert.equal(of('/?id=7'), hashOf('7'))
  assert.equal(of('/a?x=1&id=a%20b=c&id=8'), hashOf('a%20b=c'))
  assert.equal(of('/%7e?x=1&id=7'), hashOf('7'))
  for (const none of [
    '/',
    '/?',
    '/?id',
    '/?id=',
    '/?xid=7',
    '/?ID=7',
    '/?i=id=7',
    '/id=7',
    '/?&&',
    '/?id&x=7',
  ])
    assert.equal(of(none), NO_KEY, none)
})

test('hash key: the path as it is routed, without the query', () => {
  assert.equal(keyOf('path', '', { target: '/a/b?c' }), hashOf('/a/b'))
  assert.equal(keyOf('path', '', { target: '/a/./%62' }), hashOf('/a/b'))
})

test('hash key: the host in lower case, without port and trailing dot', () => {
  const of = (host: string): number => keyOf('host', '', { target: `http://${host}/` })
  assert.equal(of('Example.COM:8080'), hashOf('example.com'))
  assert.equal(of('example.com.'), hashOf('example.com'))
  assert.equal(of('[2001:DB8::1]:80'), hashOf('[2001:db8::1]'))
  assert.equal(keyOf('host', '', {}), hashOf('a'))
})

test('hash key: one client is one IPv4 address, or the /64 of an IPv6 address; a unix socket is nobody', () => {
  const of = (peer: string): number => keyOf('client-ip', '', { peer })
  assert.equal(of('192.0.2.1'), of('::ffff:192.0.2.1'))
  assert.equal(of('2001:db8::1'), of('2001:db8::ffff:2'))
  const all = ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8:0:1::1'].map(of)
  assert.equal(new Set(all).size, all.length)
  assert.equal(of('unix:'), NO_KEY)
  assert.equal(keyOf('none', '', {}), NO_KEY)
})

test('hash key: behind a trusted proxy the client is whom it names', () => {
  const request = requestOf(['X-Forwarded-For: 198.51.100.7'])
  const client = { peer: '10.0.0.1', trusted: true, listener: { trusts: (a: string) => a === '10.0.0.1' } }
  const key = new HashKey({ kind: 'client-ip', name: '' }).of({ ...request, client })
  assert.equal(key, keyOf('client-ip', '', { peer: '198.51.100.7' }))
})
