/** Where a request belongs: by its key, and by the cookie of its session. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterSpec } from '../../../src/config/snapshot.ts'
import { get, parse, ProxyRig, respond } from '../../support/proxy-rig.ts'

const ADDRESSES = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80']

const rigOf = (cluster: Partial<ClusterSpec>): ProxyRig => {
  const rig = new ProxyRig({ endpoints: ADDRESSES, cluster })
  for (const address of ADDRESSES) rig.backend(respond(address), address)
  return rig
}

/** Who answers, and the cookie set, if any. */
const ask = (rig: ProxyRig, fields: string): { by: string; cookie: string } => {
  const client = rig.client(get('/', fields))
  rig.until(() => /\r\n\r\n10\.0\.0\.\d:80$/.test(client.text))
  const response = parse(client.text)
  client.close()
  return { by: response.body, cookie: response.fields['set-cookie'] ?? '' }
}

const MAGLEV = { name: 'maglev', module: undefined, options: {} }
const STICKY = { cookie: 'weir', ttlMs: 60_000, key: [1, 2, 3, 4] } as const

test('requests with one key go to one endpoint, those without any go to all', () => {
  const rig = rigOf({ policy: MAGLEV, hashKey: { kind: 'header', name: 'x-user' } })
  const users = Array.from({ length: 12 }, (_, user) => `X-User: ${user}\r\n`)
  const homes = users.map((user) => ask(rig, user).by)
  assert.deepEqual(
    users.map((user) => ask(rig, user).by),
    homes,
  )
  assert.equal(new Set(homes).size, 3)
  assert.equal(new Set(Array.from({ length: 30 }, () => ask(rig, '').by)).size, 3)
  rig.conclude()
})

test('the first response sets a cookie, and with it the client stays; it is not set again', () => {
  const rig = rigOf({ sticky: STICKY })
  const first = ask(rig, '')
  const session = /^(weir=[^;]+); Path=\/; HttpOnly; SameSite=Lax; Max-Age=60$/.exec(first.cookie)?.[1]
  assert.ok(session !== undefined, first.cookie)
  for (let i = 0; i < 6; i++) {
    assert.deepEqual(ask(rig, `Cookie: a=b; ${session}\r\n`), { by: first.by, cookie: '' })
  }
  rig.conclude()
})

test('a cookie that is not ours is ignored, and replaced', () => {
  const rig = rigOf({ sticky: STICKY })
  const seen = new Set<string>()
  for (let i = 0; i < 6; i++) {
    const { by, cookie } = ask(rig, 'Cookie: weir=AAAAAAAAAAAAAAAA\r\n')
    seen.add(by)
    assert.match(cookie, /^weir=/)
  }
  assert.equal(seen.size, 3)
  rig.conclude()
})

test('when the endpoint of a session fails, the retry moves the session to the one that answered', () => {
  const rig = rigOf({
    sticky: STICKY,
    retry: { attempts: 1, on: ['reset'], budget: { ratio: 1, perSecond: 9 } },
  })
  const first = ask(rig, '')
  const session = first.cookie.split(';')[0] ?? ''
  const backend = rig.world.backends.get(first.by)
  assert.ok(backend !== undefined)
  backend.behaviour = { accept: (peer) => (peer.onData = () => peer.rst()) }
  for (const peer of backend.peers) if (!peer.over) peer.rst()
  rig.pass(50)
  const second = ask(rig, `Cookie: ${session}\r\n`)
  assert.notEqual(second.by, first.by)
  assert.match(second.cookie, /^weir=/)
  assert.equal(ask(rig, `Cookie: ${second.cookie.split(';')[0]}\r\n`).by, second.by)
  rig.conclude()
})
