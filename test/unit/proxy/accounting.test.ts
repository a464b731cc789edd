/** What is counted of an exchange is its own, whatever the one before it in the same object did. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LISTENER_TABLE } from '../../../src/telemetry/catalogue.ts'
import { get, ProxyRig, respond } from '../../support/proxy-rig.ts'

test('bytes sent to clients are those they got, refused and failed exchanges included', () => {
  const rig = new ProxyRig()
  rig.backend((peer, _request, index) => {
    if (index === 0) return respond('x'.repeat(20_000))
    peer.rst()
  })
  const client = rig.client(get())
  rig.until(() => rig.outcomes['complete'] === 1)
  client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n`)
  rig.until(() => rig.outcomes['upstream-reset'] === 1)
  rig.pass(1000)
  const { listeners } = rig.shards[0]!.fleet.stripe(0)
  assert.equal(listeners[LISTENER_TABLE.column.bytesOut], client.receivedBytes)
  rig.conclude()
})
