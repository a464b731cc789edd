/** A try that failed, or was answered so that another endpoint may do better: once more, on another endpoint, within the budget. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterSpec, RetryClass } from '../../../src/config/snapshot.ts'
import { ENDPOINT_TABLE } from '../../../src/telemetry/catalogue.ts'
import { get, parse, ProxyRig, respond, verdict } from '../../support/proxy-rig.ts'
import type { Answer } from '../../support/proxy-rig.ts'
import { CLUSTER } from '../../support/sim-shard.ts'
import { ERRNO } from '../../support/sim/socket.ts'
import type { BackendBehaviour } from '../../support/sim/world.ts'

const ONE = '10.0.0.1:80'
const TWO = '10.0.0.2:80'
const THREE = '10.0.0.3:80'
const ALL: readonly RetryClass[] = ['connect', 'reset', 'timeout', '502', '503', '504', '429']

const retry = (parts: Partial<ClusterSpec['retry']> = {}): Partial<ClusterSpec> => ({
  retry: { attempts: 2, on: ALL, budget: { ratio: 1, perSecond: 10 }, ...parts },
})

/** Round robin begins with the first endpoint: so the first of `answers` has the first try. */
const rigOf = (answers: readonly (Answer | BackendBehaviour)[], cluster = retry()): ProxyRig => {
  const addresses = [ONE, TWO, THREE].slice(0, answers.length)
  const rig = new ProxyRig({ endpoints: addresses, cluster })
  answers.forEach((answer, index) => {
    const address = addresses[index]!
    if (typeof answer === 'object') rig.world.backend(address, answer)
    else rig.backend(answer, address)
  })
  return rig
}

const status = (code: number, fields = ''): string =>
  `HTTP/1.1 ${code} X\r\n${fields}content-length: 3\r\n\r\nbad`
const refuse: BackendBehaviour = { refuse: ERRNO.ECONNREFUSED }
const silent: BackendBehaviour = { silent: true }
const reset: Answer = (peer) => peer.rst()
const close: Answer = (peer) => peer.close()
const hang: Answer = () => undefined

const put = (size: number): string =>
  `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`
const post = (size: number): string => put(size).replace('PUT', 'POST')

/** Failures counted of an endpoint. */
const failures = (rig: ProxyRig, endpoint: number): number => {
  const { endpoints } = rig.shards[0]!.fleet.stripe(0)
  const at = endpoint * ENDPOINT_TABLE.width + ENDPOINT_TABLE.column.failures
  return endpoints.subarray(at, at + 7).reduce((sum, count) => sum + count, 0)
}

const answered = (rig: ProxyRig, request: string): string => {
  const client = rig.client(request)
  rig.until(() => client.text.includes('\r\n\r\n'))
  rig.pass(50)
  return client.text
}

const patient = { timeouts: { ...CLUSTER.timeouts, connectMs: 500, serverMs: 500 } }
const CASES: readonly [what: RetryClass, first: Answer | BackendBehaviour, blamed: number][] = [
  ['connect', refuse, 1],
  ['connect', silent, 1],
  ['reset', reset, 1],
  ['reset', close, 1],
  ['timeout', hang, 1],
  ['502', status(502), 0],
  ['503', status(503), 0],
  ['504', status(504), 0],
  ['429', status(429), 0],
]

for (const [what, first, blamed] of CASES) {
  const how = first === silent ? 'silent' : first === refuse ? 'refuse' : first === close ? 'close' : 'other'
  test(`${what} (${how}): the next try goes to another endpoint, and only the first is to blame`, () => {
    const rig = rigOf([first, respond('fine')], { ...retry({ on: [what] }), ...patient })
    assert.equal(parse(answered(rig, get())).body, 'fine')
    assert.deepEqual(rig.outcomes, { complete: 1, retry: 1 })
    assert.deepEqual([failures(rig, 0), failures(rig, 1)], [blamed, 0])
    rig.conclude()
  })

  test(`${what} (${how}): not unless it is asked for`, () => {
    const others = ALL.filter((name) => name !== what)
    const rig = rigOf([first, respond('fine')], { ...retry({ on: others }), ...patient })
    const { status: got } = parse(answered(rig, get()))
    assert.ok(got >= 429, String(got))
    assert.equal(rig.outcomes['retry'], undefined)
    rig.conclude()
  })
}

test('retry never picks an endpoint again that failed (traefik #2723)', () => {
  const seen: number[] = []
  const failing =
    (index: number): Answer =>
    (peer) => {
      seen.push(index)
      peer.rst()
    }
  const rig = rigOf([failing(1), failing(2), failing(3)], retry({ attempts: 9 }))
  assert.match(answered(rig, get()), /^HTTP\/1.1 502/)
  assert.deepEqual(
    seen.toSorted((a, b) => a - b),
    [1, 2, 3],
  )
  assert.deepEqual(rig.outcomes, { 'upstream-reset': 1, retry: 2 })
  assert.deepEqual(
    [0, 1, 2].map((endpoint) => failures(rig, endpoint)),
    [1, 1, 1],
  )
  rig.conclude()
})

test('as many tries as are allowed beyond the first, and no more', () => {
  const rig = rigOf([reset, reset, reset], retry({ attempts: 1 }))
  assert.match(answered(rig, get()), /^HTTP\/1.1 502/)
  assert.equal(rig.outcomes['retry'], 1)
  rig.conclude()
})

test('a response is delivered as it is when there is no other endpoint, its body and connection with it', () => {
  const rig = rigOf([status(503, 'retry-after: 7\r\n')])
  const response = parse(answered(rig, get()))
  assert.deepEqual([response.status, response.fields['retry-after'], response.body], [503, '7', 'bad'])
  assert.equal(rig.upstreams, 1)
  assert.deepEqual(rig.outcomes, { complete: 1 })
  rig.conclude()
})

test('the last response is delivered when all say so', () => {
  const rig = rigOf([status(503), status(504)])
  assert.equal(parse(answered(rig, get())).status, 504)
  rig.conclude()
})

test('a POST goes elsewhere only if nothing of it was sent', () => {
  for (const [first, got] of [
    [refuse, 200],
    [silent, 200],
    [reset, 502],
    [status(503), 503],
    [hang, 504],
  ] as const) {
    for (const size of [5, 20_000]) {
      let seen = 0
      const rig = rigOf([first, () => (seen++, respond('fine'))], { ...retry(), ...patient })
      assert.equal(parse(answered(rig, post(size))).status, got, String(size))
      assert.equal(seen, got === 200 ? 1 : 0)
      rig.conclude()
    }
  }
})

test('a body that was never sent arrives whole at the next endpoint, however large', () => {
  const rig = rigOf([refuse])
  const peers = rig.backend((peer) => {
    peer.onData = () => {
      if (peer.text.endsWith('xyz')) peer.send(respond('fine'))
    }
  }, TWO)
  rig.reload({ endpoints: [ONE, TWO] })
  const client = rig.client(
    `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100003\r\n\r\n${'x'.repeat(100_000)}xyz`,
  )
  rig.until(() => client.text.endsWith('fine'))
  assert.match(peers[0]?.text ?? '', /\r\n\r\nx{100000}xyz$/)
  rig.conclude()
})

test('a body of which some was sent, and not kept, is not sent again', () => {
  const rig = rigOf([(peer) => peer.rst(), respond('fine')])
  assert.match(answered(rig, put(20_000)), /^HTTP\/1.1 502/)
  rig.conclude()
})

test('a body that is kept is sent again', () => {
  const rig = rigOf([reset])
  const peers = rig.backend(respond('fine'), TWO)
  rig.reload({ endpoints: [ONE, TWO] })
  assert.equal(parse(answered(rig, put(500))).body, 'fine')
  assert.match(peers[0]?.text ?? '', /\r\n\r\nx{500}$/)
  rig.conclude()
})

test('nothing is tried again behind a byte of a response', () => {
  for (const first of ['HTTP/1.1 2', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc']) {
    const rig = rigOf([
      (peer) => {
        peer.send(first)
        rig.world.after(5, () => peer.rst())
      },
      respond('fine'),
    ])
    const client = rig.client(get())
    rig.until(() => rig.outcomes['upstream-reset'] === 1)
    assert.doesNotMatch(client.text, /fine/)
    assert.equal(rig.outcomes['retry'], undefined)
    rig.conclude()
  }
})

test('nothing is tried again behind an interim response that the client has', () => {
  const rig = rigOf([
    (peer) => {
      peer.send('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n')
      rig.world.after(5, () => peer.send(status(503)))
    },
    respond('fine'),
  ])
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('bad'))
  assert.equal(rig.outcomes['retry'], undefined)
  rig.conclude()
})

test('the budget holds: a share of the requests, and so many a second', () => {
  const rig = rigOf(
    [status(503), status(503)],
    retry({ attempts: 1, budget: { ratio: 0.1, perSecond: 0.2 } }),
  )
  for (let i = 0; i < 40; i++) answered(rig, get())
  // 2 in ten seconds, and a tenth of 40 requests: each claim is held against the requests so far.
  assert.deepEqual([rig.outcomes['retry'], rig.outcomes['retry-refused']], [6, 34])
  rig.pass(10_000)
  answered(rig, get())
  assert.equal(rig.outcomes['retry'], 7)
  rig.conclude()
})

test('a stale connection is replaced at the same endpoint, without the budget', () => {
  const rig = rigOf([(peer, _request, index) => (index === 1 ? peer.close() : respond('x'))], {
    retry: { attempts: 0, on: [], budget: { ratio: 0, perSecond: 0 } },
  })
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('x'))
  client.send(get())
  rig.until(() => rig.outcomes['complete'] === 2)
  assert.equal(rig.outcomes['stale-reuse'], 1)
  rig.conclude()
})

test('perTry: a try that takes longer is given up, and another takes its place', () => {
  const timeouts = { ...CLUSTER.timeouts, perTryMs: 300 }
  const rig = rigOf([hang, respond('fine')], { ...retry(), timeouts })
  const client = rig.client(get())
  const tookMs = rig.until(() => client.text.endsWith('fine'))
  assert.ok(tookMs >= 300 && tookMs < 500, String(tookMs))
  assert.equal(failures(rig, 0), 1)
  rig.conclude()
})

test('perTry: without another endpoint it is 504', () => {
  const rig = rigOf([hang], { ...retry(), timeouts: { ...CLUSTER.timeouts, perTryMs: 300 } })
  const client = rig.client(get())
  rig.until(() => client.text.includes('\r\n\r\n'))
  assert.equal(verdict(client), '504 http_response_timeout')
  rig.conclude()
})

test('perTry: once the head is here, the body may take its time', () => {
  const rig = rigOf(
    [
      (peer) => {
        peer.send('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n')
        rig.world.after(2000, () => peer.send('late'))
      },
    ],
    { timeouts: { ...CLUSTER.timeouts, perTryMs: 300, totalMs: 400 } },
  )
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('late'))
  rig.conclude()
})

test('total: all tries together', () => {
  const rig = rigOf([hang, hang, hang], {
    ...retry({ attempts: 5 }),
    timeouts: { ...CLUSTER.timeouts, perTryMs: 300, totalMs: 700 },
  })
  const client = rig.client(get())
  const tookMs = rig.until(() => client.text.includes('\r\n\r\n'))
  assert.equal(verdict(client), '504 http_response_timeout')
  assert.ok(tookMs >= 700 && tookMs < 900, String(tookMs))
  assert.equal(rig.outcomes['retry'], 2)
  rig.conclude()
})
