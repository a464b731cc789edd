import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDiagnostic } from '../../../src/config/diagnostic.ts'
import { parseConfig, printConfig } from '../../../src/config/parse.ts'

type Parts = { readonly root?: string; readonly listener?: string; readonly cluster?: string }

/** One listener and one cluster of two endpoints, each on a line of its own: 2 and 5. */
const textOf = ({ root = '', listener = '', cluster = '' }: Parts): string =>
  `listeners:
  w: { bind: 127.0.0.1:1, ${listener} }
routes: [{ cluster: c }]
clusters:
  c: { endpoints: [10.0.0.1:80, 10.0.0.2:80], ${cluster} }
${root}
`

const saidOf = (parts: Parts): readonly string[] =>
  parseConfig(textOf(parts), 'f').diagnostics.map((diagnostic) => {
    assert.equal(diagnostic.severity, 'warning', diagnostic.message)
    return formatDiagnostic(diagnostic).replace(/^f:\d+:\d+: warning: /, '')
  })

/** The configuration, what is blamed, and what is named with its line: nothing else may be said. */
const CASES: readonly (readonly [name: string, parts: Parts, blamed: string, other: RegExp])[] = [
  [
    'ended before it counts as stuck',
    { root: 'supervision: { stuckAfter: 2s, killAfter: 2s }' },
    'supervision.stuckAfter',
    /killAfter, at 6:/,
  ],
  [
    '… with the default of the other',
    { root: 'supervision: { stuckAfter: 5s }' },
    'supervision.stuckAfter',
    /2s/,
  ],
  [
    'a pause above the bound of pauses',
    { root: 'supervision: { backoff: { first: 11s } }' },
    'supervision.backoff.first',
    /10s \(max, at 6:/,
  ],
  [
    'drain < tunnel',
    { listener: 'timeouts: { tunnel: 24h }', root: 'drain: { window: 1s, hard: 1m }' },
    'listeners.w.timeouts.tunnel',
    /1m \(hard, at 6:/,
  ],
  [
    "a listener's drain < tunnel",
    { listener: 'timeouts: { tunnel: 24h }, drain: { window: 1s, hard: 1m }' },
    'listeners.w.timeouts.tunnel',
    /1m \(hard, at 2:/,
  ],
  [
    "a listener's window > its end",
    { listener: 'drain: { window: 2m, hard: 1m }' },
    'listeners.w.drain.window',
    /1m \(hard, at 2:/,
  ],
  [
    'drain < server',
    { cluster: 'timeouts: { server: 5m }', root: 'drain: { window: 1s, hard: 1m }' },
    'clusters.c.timeouts.server',
    /1m \(hard, at 6:/,
  ],
  [
    'keep-alive > age',
    { listener: 'timeouts: { keepAlive: 50s, connectionAge: 40s }' },
    'listeners.w.timeouts.keepAlive',
    /connectionAge, at 2:/,
  ],
  [
    "keep-alive > the upstream's",
    { listener: 'timeouts: { keepAlive: 5m }' },
    'listeners.w.timeouts.keepAlive',
    /60s|1m/,
  ],
  [
    "queue > client's",
    { listener: 'timeouts: { client: 5s }', cluster: 'timeouts: { queue: 6s }' },
    'clusters.c.timeouts.queue',
    /client, at 2:/,
  ],
  [
    'a client may have more than all',
    { listener: 'limits: { connections: 10, connectionsPerClient: 11 }' },
    'listeners.w.limits.connectionsPerClient',
    /10 \(connections, at 2:/,
  ],
  [
    'queue > total',
    { cluster: 'timeouts: { queue: 6s, total: 5s }' },
    'clusters.c.timeouts.queue',
    /total ends it after 5s already, at 5:/,
  ],
  [
    'connect > perTry',
    { cluster: 'timeouts: { connect: 6s, perTry: 5s }' },
    'clusters.c.timeouts.connect',
    /perTry/,
  ],
  [
    'server > total',
    { cluster: 'timeouts: { server: 6s, total: 5s }' },
    'clusters.c.timeouts.server',
    /total/,
  ],
  [
    'server < check',
    { cluster: 'timeouts: { server: 1s }, health: { http: { path: / }, timeout: 2s, interval: 3s }' },
    'clusters.c.health.timeout',
    /1s \(timeouts\.server, at 5:/,
  ],
  [
    'hedge > server',
    { cluster: 'timeouts: { server: 1s }, hedge: 1s' },
    'clusters.c.hedge.delay',
    /1s already \(timeouts\.server, at 5:/,
  ],
  [
    'a retry on timeouts that cannot be',
    { cluster: 'timeouts: { total: 10s }, retry: { on: [timeout] }' },
    'clusters.c.timeouts.server',
    /10s \(total, at 5:/,
  ],
  [
    'one host may have more than all',
    { cluster: 'pool: { maxPerHost: 11, maxTotal: 10 }' },
    'clusters.c.pool.maxPerHost',
    /maxTotal allows 10 in all, at 5:/,
  ],
  [
    'fewer connections than endpoints',
    { cluster: 'pool: { maxTotal: 1 }' },
    'clusters.c.pool.maxTotal',
    /2 endpoints/,
  ],
  [
    'one endpoint may have more requests than all',
    { cluster: 'limits: { inFlight: 5, inFlightPerEndpoint: 6 }' },
    'clusters.c.limits.inFlightPerEndpoint',
    /inFlight allows 5/,
  ],
  [
    'the least adaptive limit > the limit',
    { cluster: 'limits: { inFlight: 5, adaptive: { minLimit: 6 } }' },
    'clusters.c.limits.adaptive.minLimit',
    /inFlight allows 5/,
  ],
]

for (const [name, parts, blamed, other] of CASES) {
  test(`contradictions: ${name}: one warning, with both places and what to change`, () => {
    const said = saidOf(parts)
    assert.equal(said.length, 1, said.join('\n'))
    assert.ok(said[0]!.startsWith(`${blamed}: `), said[0])
    assert.match(said[0]!, other)
    assert.match(said[0]!, /raise|lower|set perTry/)
  })
}

/** What people write who know what they do, one value at a time. */
const FINE: readonly Parts[] = [
  {},
  { root: 'drain: { window: 5s, hard: 10s }' },
  { listener: 'timeouts: { tunnel: 24h }' },
  { listener: 'timeouts: { keepAlive: 5s }' },
  { listener: 'timeouts: { keepAlive: 5m }', cluster: 'pool: { idleTimeout: 4s }' },
  { listener: 'timeouts: { connectionAge: 30s }' },
  { listener: 'timeouts: { connectionAge: off, keepAlive: 1m }' },
  { listener: 'timeouts: { client: 2s }' },
  { listener: 'limits: { connectionsPerClient: 100 }' },
  { cluster: 'timeouts: { total: 3s }' },
  { cluster: 'timeouts: { perTry: 1s, total: 3s }, hedge: 200ms, retry: { attempts: 2, on: [timeout] }' },
  { cluster: 'timeouts: { server: 10m }' },
  { cluster: 'pool: { idleTimeout: 4s }' },
  { cluster: 'pool: { maxTotal: 100 }' },
  { cluster: 'pool: { maxPerHost: 0, maxTotal: 0 }' },
  { cluster: 'health: { http: { path: / } }' },
  { cluster: 'hedge: on' },
  { cluster: 'limits: { inFlight: 100, adaptive: on }' },
  { root: 'supervision: { killAfter: 100ms }' },
  { root: 'supervision: { backoff: { max: 1m } }' },
]

test('contradictions: none among the defaults, nor when they are all spelt out, nor where only one of two is written', () => {
  for (const parts of FINE) assert.deepEqual(saidOf(parts), [], textOf(parts))
})

test('contradictions: none in a configuration with every default spelt out', () => {
  const { config } = parseConfig(textOf({}), 'f')
  assert.ok(config !== undefined)
  assert.deepEqual(parseConfig(printConfig(config), 'f').diagnostics, [])
})
