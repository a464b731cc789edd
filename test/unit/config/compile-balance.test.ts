import assert from 'node:assert/strict'
import { test } from 'node:test'
import { optionsOf, POLICY_DEFAULTS } from '../../../src/balance/options.ts'
import type { PolicyName } from '../../../src/balance/options.ts'
import type { BalanceSpec } from '../../../src/config/balance.ts'
import { compileConfig } from '../../../src/config/compile.ts'
import { parseConfig, printConfig } from '../../../src/config/parse.ts'
import { SlotTable } from '../../../src/config/slots.ts'
import { withoutSecrets } from '../../../src/config/secrets.ts'
import type { ClusterSpec, Snapshot } from '../../../src/config/snapshot.ts'

function snapshotOf(cluster: string, root = ''): Snapshot {
  const text = `${root}\nlisteners: { w: { bind: 127.0.0.1:1 } }\nroutes: [{ cluster: c }]\nclusters:\n  c:\n${cluster.replaceAll(/^/gm, '    ')}\n`
  const { config, diagnostics } = parseConfig(text, 'f')
  assert.ok(config !== undefined, JSON.stringify(diagnostics))
  assert.deepEqual(parseConfig(printConfig(config), 'printed').config, config)
  return compileConfig(config, {
    version: 1,
    availableCores: 1,
    slots: new SlotTable(),
    resolved: () => ['10.0.0.9:80', '10.0.0.8:80'],
    machineSeed: 7,
    module: (path) => `file:///etc/weir/${path}?v=1`,
    stickyKey: (name, { keyFile }) => [name.length, keyFile === undefined ? 0 : 1, 2, 3],
  })
}

function clusterOf(cluster: string, root = ''): ClusterSpec {
  return snapshotOf(`endpoints: []\n${cluster}`, root).clusters[0]!
}

const FULL = `
endpoints:
  - { address: app.internal:80, weight: 3, priority: 2, zone: b, labels: { rack: 12, region: eu } }
policy: { name: ring-hash, minSize: 10, boundedLoad: 125% }
shadow: { name: ./my-policy.ts, alpha: 0.5, fast: true, path: /x }
hashKey: { header: X-User }
sticky: { cookie: session, ttl: 1h, keyFile: key }
locality: { mode: nearest, weights: { a: 2 }, proxies: { b: 1 }, minSize: 3, label: region, order: [eu, us] }
subset: { size: 5, seed: 9 }
panic: 30%
health:
  http: { path: /up?x=1, method: HEAD, host: app.example, expect: [200, 300-399], body: fine }
  interval: 5s
  downInterval: 3s
  timeout: 2s
  rise: 4
  fall: 5
  spread: 10%
  precheck: off
outliers:
  connect: off
  http: { consecutive: 7, ratio: 0.25, minRequests: 20, window: 1m, weight: 50%, decay: 5s }
  latency: { window: 2m, factor: 2.5, floor: 50ms, minRequests: 30, weight: 0.75, decay: 6s }
  maxEjected: 20%
  ejection: 10s
  maxEjection: 1m
  jitter: 0
  recoverAfter: 3
  recoverInterval: 1s
slowStart: { window: 1m, aggression: 2, min: 5%, by: feedback }
feedback: { orca: on, retryAfter: 20s }
retry: { attempts: 2, on: [connect, 503], budget: { ratio: 10%, perSecond: 3 } }
hedge: { delay: 50ms, attempts: 2 }
limits: { inFlight: 100, inFlightPerEndpoint: 10, queue: 5, adaptive: { minLimit: 2, maxLimit: 200, tolerance: 150%, window: 2s, minRtt: 30s } }
timeouts: { perTry: 1s, total: 3s }
`

const GOLDEN: BalanceSpec = {
  policy: {
    name: 'ring-hash',
    module: undefined,
    options: { minSize: 10, maxSize: 1_048_576, boundedLoad: 1.25 },
  },
  shadow: {
    name: './my-policy.ts',
    module: 'file:///etc/weir/./my-policy.ts?v=1',
    options: { alpha: 0.5, fast: true, path: '/x' },
  },
  hashKey: { kind: 'header', name: 'x-user' },
  sticky: { cookie: 'session', ttlMs: 3_600_000, key: [1, 1, 2, 3] },
  locality: {
    zone: 'b',
    mode: 'nearest',
    weights: { a: 2 },
    proxies: { b: 1 },
    minSize: 3,
    label: 'region',
    order: ['eu', 'us'],
  },
  subset: { size: 5, seed: 9 },
  panic: 0.3,
  health: {
    probe: {
      kind: 'http',
      method: 'HEAD',
      path: '/up?x=1',
      host: 'app.example',
      expect: [
        [200, 200],
        [300, 399],
      ],
      body: 'fine',
    },
    intervalMs: 5000,
    downIntervalMs: 3000,
    timeoutMs: 2000,
    rise: 4,
    fall: 5,
    spread: 0.1,
    precheck: false,
  },
  outliers: {
    connect: undefined,
    http: { consecutive: 7, ratio: 0.25, minRequests: 20, windowMs: 60_000, weight: 0.5, decayMs: 5000 },
    latency: { windowMs: 120_000, factor: 2.5, floorMs: 50, minRequests: 30, weight: 0.75, decayMs: 6000 },
    maxEjected: 0.2,
    ejectionMs: 10_000,
    maxEjectionMs: 60_000,
    jitter: 0,
    recoverAfter: 3,
    recoverIntervalMs: 1000,
  },
  slowStart: { windowMs: 60_000, aggression: 2, min: 0.05, by: 'feedback' },
  feedback: { orca: true, retryAfterMaxMs: 20_000 },
  retry: { attempts: 2, on: ['connect', '503'], budget: { ratio: 0.1, perSecond: 3 } },
  hedge: { delayMs: 50, attempts: 2 },
  limits: {
    inFlight: 100,
    inFlightPerEndpoint: 10,
    queue: 5,
    adaptive: { minLimit: 2, maxLimit: 200, tolerance: 1.5, windowMs: 2000, minRttMs: 30_000 },
  },
}

test('golden: a cluster with every key of balancing', () => {
  const snapshot = snapshotOf(FULL, 'zone: b\nprobes: { maxPerSecond: 5 }\nexplain: { sample: 50%, keep: 9 }')
  const { id: _id, name: _name, endpoints, timeouts, pool: _pool, ...balance } = snapshot.clusters[0]!
  assert.deepEqual(balance, GOLDEN)
  assert.deepEqual([timeouts.perTryMs, timeouts.totalMs], [1000, 3000])
  assert.deepEqual([snapshot.probes, snapshot.explain], [{ maxPerSecond: 5 }, { sample: 0.5, keep: 9 }])
  // Every address a name stands for inherits what is said of the name.
  const inherited = { weight: 3, priority: 2, zone: 'b', labels: { rack: '12', region: 'eu' } }
  for (const { weight, priority, zone, labels } of endpoints)
    assert.deepEqual({ weight, priority, zone, labels }, inherited)
  assert.equal(endpoints.length, 2)
})

test('short forms', () => {
  const { health, outliers, slowStart, hedge, retry, subset, locality, sticky, panic } = clusterOf(
    'health: { agent: 9000 }\noutliers: off\nslowStart: 10s\nhedge: 1s\nretry: 0\nsubset: 3\nlocality: zone\nsticky: on\npanic: off',
    'zone: z',
  )
  assert.deepEqual(health?.probe, { kind: 'agent', port: 9000, send: '' })
  assert.deepEqual([outliers.connect, outliers.http, outliers.latency], [undefined, undefined, undefined])
  assert.deepEqual([slowStart?.windowMs, hedge?.delayMs, retry.attempts], [10_000, 1000, 0])
  assert.deepEqual(subset, { size: 3, seed: 7 }, 'by the machine')
  assert.deepEqual([locality.mode, locality.zone], ['zone', 'z'])
  assert.deepEqual(sticky, { cookie: 'weir-c', ttlMs: 0, key: [1, 0, 2, 3] })
  assert.equal(panic, 0)
})

test('every rule of detection that is merely on has its defaults', () => {
  const { outliers } = clusterOf('outliers: { http: on, latency: on }')
  assert.deepEqual(outliers.connect, { consecutive: 3, weight: 1, decayMs: 30_000 })
  assert.equal(outliers.http?.minRequests, 50)
  assert.equal(outliers.latency?.windowMs, 300_000)
})

test('what policies imply: a key of ip-hash, reports of orca and prequal, as policy or shadow', () => {
  assert.deepEqual(clusterOf('policy: ip-hash').hashKey, { kind: 'client-ip', name: '' })
  assert.deepEqual(clusterOf('policy: p2c').hashKey, { kind: 'none', name: '' })
  assert.deepEqual(clusterOf('policy: maglev\nhashKey: path').hashKey, { kind: 'path', name: '' })
  for (const [text, orca] of [
    ['policy: p2c', false],
    ['policy: orca', true],
    ['shadow: prequal', true],
    ['policy: orca\nfeedback: { orca: off }', false],
    ['feedback: { orca: on }', true],
  ] as const)
    assert.equal(clusterOf(text).feedback.orca, orca, text)
})

test("the schema's options are the policies' own: every one, by its name, with its default", () => {
  for (const name of Object.keys(POLICY_DEFAULTS) as PolicyName[]) {
    const key = ['ring-hash', 'maglev', 'rendezvous'].includes(name) ? '\nhashKey: path' : ''
    const { options } = clusterOf(`policy: ${name}${key}`).policy
    assert.deepEqual(options, POLICY_DEFAULTS[name], name)
    assert.deepEqual(optionsOf(name, options), options, name)
  }
})

test('a snapshot without secrets is the same but for the keys', () => {
  const snapshot = snapshotOf(FULL)
  const shown = withoutSecrets(snapshot)
  assert.deepEqual(shown.clusters[0]!.sticky, { cookie: 'session', ttlMs: 3_600_000, key: [0, 0, 0, 0] })
  assert.deepEqual({ ...shown, clusters: [] }, { ...snapshot, clusters: [] })
  assert.deepEqual({ ...shown.clusters[0], sticky: 0 }, { ...snapshot.clusters[0], sticky: 0 })
  assert.equal(snapshot.clusters[0]!.sticky?.key[0], 1)
})
