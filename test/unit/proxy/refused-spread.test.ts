/** What is refused for want of service says when to come back, and does not say the same to all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get, parse, ProxyRig } from '../../support/proxy-rig.ts'

test('clients refused together are asked to come back over ten seconds, evenly', () => {
  const rig = new ProxyRig({ endpoints: [] })
  const client = rig.client()
  const total = 1000
  const counts = Array.from({ length: 11 }, () => 0)
  for (let i = 0; i < total; i++) {
    const seen = client.text.length
    client.send(get())
    rig.until(() => client.text.length > seen)
    const { status, fields } = parse(client.text.slice(seen))
    assert.equal(status, 503)
    const value = fields['retry-after'] ?? ''
    assert.match(value, /^\d+$/)
    counts[Number(value)]!++
  }
  assert.equal(counts[0], 0)
  // Binomial(1000, 1/10): five standard deviations are 47.
  assert.ok(
    counts.slice(1).every((count) => count >= 53 && count <= 147),
    counts.join(),
  )
  rig.conclude()
})

test('only what is refused for want of service says so', () => {
  const rig = new ProxyRig({ endpoints: [] })
  const client = rig.client('EHLO a.test\r\n')
  rig.until(() => client.finReceived)
  const { status, fields } = parse(client.text)
  assert.deepEqual([status, fields['retry-after']], [400, undefined])
  rig.conclude()
})
