import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keySet, drawSet } from '../../../src/balance/sets.ts'
import { makePolicy } from '../../../src/balance/registry.ts'
import type { HashKeySpec } from '../../../src/config/snapshot.ts'
import { HashKey } from '../../../src/proxy/hash-key.ts'
import { StickyCookie } from '../../../src/proxy/sticky.ts'
import { bytesPerRun } from '../../support/allocation.ts'
import { fleetView, rng } from '../../support/hashing.ts'
import { requestOf } from '../../support/requests.ts'

const nothing = (name: string, run: () => number): void => {
  const bytes = bytesPerRun(run)
  assert.ok(bytes < 1, `${name}: ${bytes} bytes`)
}

for (const boundedLoad of [0, 1.25]) {
  test(`hashing policies allocate nothing per pick, ${boundedLoad === 0 ? 'without a bound' : 'bounded'}`, () => {
    for (const name of ['ring-hash', 'maglev', 'rendezvous', 'ip-hash']) {
      const view = fleetView([1, 2, 3, 4, 5].map((weight) => ({ id: weight, weight })))
      const policy = makePolicy({ name, options: { boundedLoad } })
      policy.rebuild(view, rng)
      view.inFlight.fill(1)
      view.inFlight[0] = 7
      let key = 0
      nothing(name, () => {
        view.considered.clear()
        key = (key + 1) | 0
        return policy.pick(view, key, rng) + policy.pick(view, 0, rng)
      })
    }
  })
}

test('choosing a set allocates nothing', () => {
  const plan = [0.5, 0.3, 0.2].map((share, hash) => ({
    name: `${hash}`,
    hash,
    members: [hash],
    share,
    panic: false,
  }))
  let key = 0
  nothing('keySet, drawSet', () => keySet(plan, key++) + drawSet(plan, (key % 8) / 8))
})

test('hash keys and sticky cookies allocate nothing', () => {
  const sticky = new StickyCookie({ cookie: 'weir', ttlMs: 5000, key: [1, 2, 3, 4] }, 'app')
  const mem = new Uint8Array(sticky.bytes)
  const end = sticky.write(mem, 0, 0x7fff_fff0, false)
  const cookie = /=([^;]*)/.exec(Buffer.from(mem.subarray(0, end)).toString('latin1'))?.[1] ?? ''
  const request = requestOf(
    ['X-Odd: a', 'X-Odd: b', 'User-Agent: c', `Cookie: a=b; weir=${cookie}`],
    'http://Example.org./a?x=1&id=2',
  )
  assert.equal(sticky.read(request.head), 0x7fff_fff0)
  nothing('sticky', () => sticky.read(request.head) & sticky.write(mem, 0, 0x7fff_fff0, true))
  const specs: readonly HashKeySpec[] = [
    { kind: 'client-ip', name: '' },
    { kind: 'header', name: 'x-odd' },
    { kind: 'header', name: 'user-agent' },
    { kind: 'cookie', name: 'a' },
    { kind: 'query', name: 'id' },
    { kind: 'path', name: '' },
    { kind: 'host', name: '' },
  ]
  for (const peer of ['192.0.2.17', '2001:db8::17']) {
    const keyed = { ...request, client: { peer, trusted: false, listener: { trusts: () => false } } }
    for (const spec of specs) {
      const key = new HashKey(spec)
      assert.notEqual(key.of(keyed), 0)
      nothing(`${spec.kind} ${peer}`, () => key.of(keyed))
    }
  }
})
