import { endpointSpec, PLAIN_BALANCE } from '../../support/specs.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileConfig } from '../../../src/config/compile.ts'
import type { CompileContext } from '../../../src/config/compile.ts'
import { namesToResolve } from '../../../src/config/names.ts'
import { parseConfig, printConfig } from '../../../src/config/parse.ts'
import type { Config } from '../../../src/config/schema/root.ts'
import { SlotTable } from '../../../src/config/slots.ts'
import type { Snapshot } from '../../../src/config/snapshot.ts'

function configOf(text: string): Config {
  const { config, diagnostics } = parseConfig(text, 'weir.yaml')
  assert.ok(config !== undefined, JSON.stringify(diagnostics))
  return config
}

function contextOf(given: Partial<CompileContext> = {}): CompileContext {
  return {
    version: 1,
    availableCores: 4,
    slots: new SlotTable(),
    resolved: () => [],
    machineSeed: 7,
    module: (path) => `file:///etc/weir/${path}?v=1`,
    stickyKey: () => [1, 2, 3, 4],
    ...given,
  }
}

const FULL = `
shards: 3
admin: { bind: 127.0.0.1:9900 }
accessLog: { path: /var/log/weir.log, sample: 0.25, format: json }
listeners:
  web:
    bind: ["0.0.0.0:80", "[::]:80", unix:/run/weir.sock]
    backlog: 128
    timeouts: { requestHead: 1s, keepAlive: 2s, client: 3s, clientFin: 4s, tunnel: 5s }
    limits:
      target: 4KiB
      head: 16384
      fields: 50
      body: 10MiB
      chunkExtensions: 1KiB
      trailers: 2KiB
      pipeline: 4
      connections: 10000
      connectionsPerClient: 100
    trustedProxies: [10.1.2.3/8, "::1"]
  internal: { bind: 127.0.0.1:0 }
routes:
  - { host: API.example.com, path: /v1/, cluster: api }
  - { path: =/health, cluster: web }
  - { cluster: web }
clusters:
  web:
    policy: { name: random }
    endpoints: [127.0.0.1:9001, { address: 127.0.0.1:9002, weight: 3 }, unix:/run/app.sock]
    timeouts: { connect: 1s, queue: 2s, server: 3s, serverFin: 4s }
    pool: { maxPerHost: 1, maxTotal: 2, idleTimeout: 3s, queue: 4 }
  api:
    endpoints: [{ address: backend.internal:8080, weight: 2 }, 10.0.0.2:8080]
drain: { window: 1s, hard: 2s }
`

const RESOLVED = ['10.0.0.2:8080', '10.0.0.1:8080', '[::1]:8080']

const LISTENER_DEFAULTS = {
  backlog: 4096,
  timeouts: {
    requestHeadMs: 10_000,
    keepAliveMs: 60_000,
    clientMs: 30_000,
    minRateGraceMs: 30_000,
    clientFinMs: 10_000,
    tunnelMs: 3_600_000,
    connectionAgeMs: 3_600_000,
  },
  limits: {
    target: 8192,
    head: 32_768,
    fields: 100,
    body: Infinity,
    chunkExtensions: 16_384,
    trailers: 8192,
    pipeline: 16,
    connections: 0,
    connectionsPerClient: 0,
    ipv6Prefix: 64,
    minRate: 240,
    requestsPerConnection: 0,
  },
  trustedProxies: [],
  drain: { windowMs: 30_000, hardMs: 40_000 },
}

const CLUSTER_DEFAULTS = {
  ...PLAIN_BALANCE,
  policy: { name: 'p2c', module: undefined, options: { choices: 2 } },
  timeouts: {
    connectMs: 4000,
    queueMs: 5000,
    serverMs: 60_000,
    serverFinMs: 10_000,
    perTryMs: 0,
    totalMs: 0,
  },
  pool: { maxPerHost: 512, maxTotal: 4096, idleTimeoutMs: 60_000, queue: 1024 },
}

const LIFECYCLE_DEFAULTS: Pick<Snapshot, 'supervision' | 'cores' | 'overload'> = {
  supervision: {
    stuckAfterMs: 50,
    killAfterMs: 2000,
    maxRestarts: 100,
    withinMs: 60_000,
    backoff: { firstMs: 50, maxMs: 10_000 },
    heapBytes: 1 << 30,
  },
  cores: { steer: true, handOver: true, pin: false },
  overload: { delayMs: 50, windowMs: 500 },
}

const GOLDEN: Snapshot = {
  version: 7,
  shards: 3,
  admin: { bind: '127.0.0.1:9900', faults: false },
  ...LIFECYCLE_DEFAULTS,
  accessLog: { to: '/var/log/weir.log', sample: 0.25, format: 'json' },
  drain: { windowMs: 1000, hardMs: 2000 },
  probes: { maxPerSecond: 1000 },
  explain: { sample: 0.01, keep: 4096 },
  listeners: [
    {
      id: 0,
      name: 'web',
      bind: ['0.0.0.0:80', '[::]:80', 'unix:/run/weir.sock'],
      backlog: 128,
      timeouts: {
        requestHeadMs: 1000,
        keepAliveMs: 2000,
        clientMs: 3000,
        minRateGraceMs: 20_000,
        clientFinMs: 4000,
        tunnelMs: 5000,
        connectionAgeMs: 3_600_000,
      },
      limits: {
        target: 4096,
        head: 16_384,
        fields: 50,
        body: 10_485_760,
        chunkExtensions: 1024,
        trailers: 2048,
        pipeline: 4,
        connections: 10_000,
        connectionsPerClient: 100,
        ipv6Prefix: 64,
        minRate: 240,
        requestsPerConnection: 0,
      },
      trustedProxies: ['10.0.0.0/8', '::1/128'],
      drain: { windowMs: 1000, hardMs: 2000 },
    },
    {
      id: 1,
      name: 'internal',
      bind: ['127.0.0.1:0'],
      ...LISTENER_DEFAULTS,
      drain: { windowMs: 1000, hardMs: 2000 },
    },
  ],
  routes: [
    { host: 'api.example.com', path: '/v1/', cluster: 1 },
    { path: '=/health', cluster: 0 },
    { cluster: 0 },
  ],
  clusters: [
    {
      id: 0,
      name: 'web',
      ...PLAIN_BALANCE,
      policy: { name: 'random', module: undefined, options: {} },
      endpoints: [
        endpointSpec(0, '127.0.0.1:9001', { configured: '127.0.0.1:9001', weight: 1 }),
        endpointSpec(1, '127.0.0.1:9002', { configured: '127.0.0.1:9002', weight: 3 }),
        endpointSpec(2, 'unix:/run/app.sock', { configured: 'unix:/run/app.sock', weight: 1 }),
      ],
      timeouts: {
        connectMs: 1000,
        queueMs: 2000,
        serverMs: 3000,
        serverFinMs: 4000,
        perTryMs: 0,
        totalMs: 0,
      },
      pool: { maxPerHost: 1, maxTotal: 2, idleTimeoutMs: 3000, queue: 4 },
    },
    {
      id: 1,
      name: 'api',
      ...CLUSTER_DEFAULTS,
      // The name has claimed 10.0.0.2:8080 before the literal did: one endpoint, with the weight of the name.
      endpoints: [
        endpointSpec(3, '10.0.0.1:8080', { configured: 'backend.internal:8080', weight: 2 }),
        endpointSpec(4, '10.0.0.2:8080', { configured: 'backend.internal:8080', weight: 2 }),
        endpointSpec(5, '[::1]:8080', { configured: 'backend.internal:8080', weight: 2 }),
      ],
    },
  ],
}

test('golden: a configuration with every key', () => {
  const config = configOf(FULL)
  assert.deepEqual(namesToResolve(config), ['backend.internal:8080'])
  const resolved = (name: string): readonly string[] => (name === 'backend.internal:8080' ? RESOLVED : [])
  const snapshot = compileConfig(config, contextOf({ version: 7, resolved }))
  assert.deepEqual(snapshot, GOLDEN)
  assert.deepEqual(structuredClone(snapshot), GOLDEN)
  assert.deepEqual(parseConfig(printConfig(config), 'printed').config, config)
})

test('the least configuration gets every default', () => {
  const text =
    'listeners: { web: { bind: 127.0.0.1:1 } }\nroutes: [{ cluster: a }]\nclusters: { a: { endpoints: [1.2.3.4:5] } }'
  assert.deepEqual(compileConfig(configOf(text), contextOf()), {
    version: 1,
    shards: 4,
    admin: { bind: undefined, faults: false },
    ...LIFECYCLE_DEFAULTS,
    accessLog: { to: undefined, sample: 1, format: 'text' },
    drain: { windowMs: 30_000, hardMs: 40_000 },
    probes: { maxPerSecond: 1000 },
    explain: { sample: 0.01, keep: 4096 },
    listeners: [{ id: 0, name: 'web', bind: ['127.0.0.1:1'], ...LISTENER_DEFAULTS }],
    routes: [{ cluster: 0 }],
    clusters: [
      {
        id: 0,
        name: 'a',
        ...CLUSTER_DEFAULTS,
        endpoints: [endpointSpec(0, '1.2.3.4:5', { configured: '1.2.3.4:5', weight: 1 })],
      },
    ],
  })
})

test('the access log by its short form', () => {
  const rest = 'listeners: { web: { bind: 127.0.0.1:1 } }\n'
  const to = (text: string): string | undefined =>
    compileConfig(configOf(`accessLog: ${text}\n${rest}`), contextOf()).accessLog.to
  assert.equal(to('off'), undefined)
  assert.equal(to('stderr'), 'stderr')
  assert.equal(to('logs/access.log'), 'logs/access.log')
})

test('a name that does not resolve is no endpoint; the order of answers does not matter', () => {
  const config = configOf(FULL)
  const endpoints = (answer: readonly string[]): readonly string[] =>
    compileConfig(config, contextOf({ resolved: () => answer })).clusters[1]!.endpoints.map(
      ({ address }) => address,
    )
  assert.deepEqual(endpoints([]), ['10.0.0.2:8080'])
  assert.deepEqual(endpoints(RESOLVED), endpoints(RESOLVED.toReversed()))
})

test('ids are stable over reloads, and the weight of an endpoint may change', () => {
  const slots = new SlotTable()
  const resolved = (): readonly string[] => RESOLVED
  const before = compileConfig(configOf(FULL), contextOf({ slots, resolved }))
  const changed = FULL.replace('127.0.0.1:9001, ', '').replace('weight: 3', 'weight: 5')
  const after = compileConfig(configOf(changed), contextOf({ slots, resolved, version: 2 }))
  assert.deepEqual(
    after.clusters[0]!.endpoints.map(({ id, weight }) => [id, weight]),
    [
      [1, 5],
      [2, 1],
    ],
  )
  assert.deepEqual(after.clusters[1], before.clusters[1])
  assert.deepEqual(slots.unused(after), { listener: [], cluster: [], endpoint: [0] })
})

test('an id that another endpoint had before comes with its generation', () => {
  const slots = new SlotTable()
  const generations = (): readonly number[] =>
    compileConfig(configOf(FULL), contextOf({ slots, resolved: () => RESOLVED })).clusters[0]!.endpoints.map(
      ({ generation }) => generation,
    )
  assert.ok(generations().every((generation) => generation === 0))
  slots.release({ listener: [], cluster: [], endpoint: [0] })
  assert.deepEqual(generations(), generations().with(0, 1))
})
