import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDiagnostic, readFailure } from '../../../src/config/diagnostic.ts'
import { parseConfig } from '../../../src/config/parse.ts'

type Case = { readonly name: string; readonly text: string; readonly says: readonly string[] }

const LISTENERS = 'listeners: { web: { bind: 127.0.0.1:8080 } }'
const REST = 'routes: [{ cluster: web }]\nclusters: { web: { endpoints: [127.0.0.1:9001] } }'

/** `says` is everything that is said, in order. */
const cases: readonly Case[] = [
  {
    name: 'not a mapping',
    text: '- a\n- b\n',
    says: ['1:1: a configuration is a mapping of keys to values; got a list'],
  },
  {
    name: 'no listeners',
    text: REST,
    says: ['1:1: the key "listeners" is missing'],
  },
  {
    name: 'empty sections',
    text: 'listeners: {}\nroutes:\nclusters: []\n',
    says: [
      '1:12: listeners: at least 1 is needed; got 0',
      '2:1: routes: a list is needed; got nothing',
      '3:11: clusters: a mapping of names to clusters is needed; got a list',
    ],
  },
  {
    name: 'misspelt keys, at every depth, by likeness and by HAProxy’s name',
    text: `${LISTENERS.replace(' }', ', timeouts: { http-request: 1s, keepalive: 1s, foo: 1 } }')}\nrutes: []\n${REST}`,
    says: [
      '1:55: listeners.web.timeouts.http-request: unknown key; did you mean "requestHead"?',
      '1:73: listeners.web.timeouts.keepalive: unknown key; did you mean "keepAlive"?',
      '1:88: listeners.web.timeouts.foo: unknown key; there is requestHead, keepAlive, client, minRateGrace, clientFin, tunnel, connectionAge',
      '2:1: rutes: unknown key; did you mean "routes"?',
    ],
  },
  {
    name: 'faults for whoever can reach the admin API',
    text: ['admin: { bind: 0.0.0.0:9900, faults: on }', LISTENERS, REST].join('\n'),
    says: [
      '1:38: warning: admin.faults: whoever reaches 0.0.0.0:9900 (at 1:16) may kill threads of this program: bind it to loopback or a unix socket, or leave faults off',
    ],
  },
  ...[
    '127.0.0.1:9900, faults: on',
    '"[::1]:9900", faults: on',
    '"[::ffff:127.0.0.1]:9900", faults: on',
    'unix:/run/weir.sock, faults: on',
    '0.0.0.0:9900',
  ].map((admin) => ({
    name: `no faults, or for nobody else: ${admin}`,
    text: [`admin: { bind: ${admin} }`, LISTENERS, REST].join('\n'),
    says: [],
  })),
  {
    name: 'a misspelt required key is said once',
    text: 'listeners: { web: { bnd: 127.0.0.1:8080 } }\nroutes: [{ clustr: web }]\n',
    says: [
      '1:21: listeners.web.bnd: unknown key; did you mean "bind"?',
      '2:12: routes[0].clustr: unknown key; did you mean "cluster"?',
    ],
  },
  {
    name: 'what is not built yet',
    text: ['listeners: { web: { bind: 127.0.0.1:8080, timeouts: { handshake: 5s } } }', REST].join('\n'),
    says: ['1:55: listeners.web.timeouts.handshake: is not built yet'],
  },
  {
    name: 'types and ranges',
    text: [
      'shards: 0',
      'accessLog: { path: stderr, sample: 2, format: xml }',
      'drain: { window: 1m, hard: 30s }',
      'listeners:',
      '  web:',
      '    bind: [127.0.0.1:8080, 3]',
      '    backlog: 1.5',
      '    timeouts: { client: 30, tunnel: 0s, keepAlive: 800h }',
      '    limits: { head: 65KiB, target: true, body: infinite, fields: "5" }',
      'routes: [{ cluster: web }]',
      'clusters: { web: { policy: fastest, endpoints: [{ address: 127.0.0.1:9001, weight: -1 }] } }',
    ].join('\n'),
    says: [
      '1:9: shards: "auto" or a whole number from 1 to 128 is needed; got 0',
      '2:36: accessLog.sample: a number from 0 to 1 is needed; got 2',
      '2:47: accessLog.format: one of text, json is needed; got "xml"',
      '3:28: drain.hard: is shorter than the window of 1m',
      '6:28: listeners.web.bind[1]: text is needed (in quotes, if YAML reads it as something else); got 3',
      '7:14: listeners.web.backlog: a whole number from 1 to 65535 is needed; got 1.5',
      '8:25: listeners.web.timeouts.client: a duration is a whole number and a unit: 250ms, 10s, 5m, 24h; got 30',
      '8:37: listeners.web.timeouts.tunnel: from 1ms to 720h is allowed; got "0s"',
      '8:52: listeners.web.timeouts.keepAlive: from 1ms to 720h is allowed; got "800h"',
      '9:21: listeners.web.limits.head: from 512B to 64KiB is allowed; got "65KiB"',
      '9:36: listeners.web.limits.target: a size is a whole number and a unit: 512B, 8KiB, 1MiB, 2GiB; got true',
      '9:48: listeners.web.limits.body: a size is a whole number and a unit: 512B, 8KiB, 1MiB, 2GiB; got "infinite"',
      '9:66: listeners.web.limits.fields: a whole number from 1 to 1000 is needed; got "5"',
      '11:28: clusters.web.policy: one of round-robin, random, weighted-random, p2c, least-request, one-plus-beta, peak-ewma, failure-biased-ewma, least-time, orca, d2, prequal, ring-hash, maglev, rendezvous, ip-hash, or the path of a module of yours (./my-policy.ts), is needed; got "fastest"',
      '11:84: clusters.web.endpoints[0].weight: a whole number from 0 to 1000000 is needed; got -1',
    ],
  },
  {
    name: 'addresses bound twice, in other spellings too, and by the admin listener',
    text: [
      'admin: { bind: "[::1]:80" }',
      'listeners:',
      '  a: { bind: ["[0::1]:80", 127.0.0.1:81] }',
      '  b: { bind: 127.0.0.1:81 }',
      '  c: { bind: [127.0.0.1:0, 127.0.0.1:0] }',
      REST,
    ].join('\n'),
    says: [
      '1:16: admin.bind: [::1]:80 is bound already, at 3:15',
      '4:14: listeners.b.bind[0]: 127.0.0.1:81 is bound already, at 3:28',
    ],
  },
  {
    name: 'routes to nowhere, and for the same requests',
    text: [
      LISTENERS,
      'routes:',
      '  - { host: A.example.com, path: /v1, cluster: wbe }',
      '  - { host: a.example.com., path: /v1/, cluster: web }',
      '  - { host: a.example.com, path: =/v1, cluster: web }',
      '  - { path: /, cluster: other }',
      '  - { cluster: web }',
      '  - { host: "a:80", path: v1, cluster: web }',
      '  - { host: "a:81", cluster: web }',
      'clusters: { web: { endpoints: [127.0.0.1:9001] } }',
    ].join('\n'),
    says: [
      '3:5: routes[0]: matches the same requests as the route at 4:5',
      '3:48: routes[0].cluster: there is no cluster "wbe"; did you mean "web"?',
      '4:5: routes[1]: matches the same requests as the route at 3:5',
      '6:5: routes[3]: matches the same requests as the route at 7:5',
      '6:25: routes[3].cluster: there is no cluster "other"',
      '7:5: routes[4]: matches the same requests as the route at 6:5',
      '8:13: routes[5].host: a host is written without its port; got "a:80"',
      '8:27: routes[5].path: a path starts with "/" (a prefix) or "=/" (exactly this path); got "v1"',
      '9:13: routes[6].host: a host is written without its port; got "a:81"',
    ],
  },
  {
    name: 'endpoints twice in a cluster, ourselves, and the target over the head',
    text: [
      'listeners: { web: { bind: 127.0.0.1:8080, limits: { target: 16KiB, head: 8KiB } } }',
      'routes: [{ cluster: web }]',
      'clusters:',
      '  web: { endpoints: [App:80, 127.0.0.1:8080, { address: app:80, weight: 2 }] }',
      '  api: { endpoints: [app:80] }',
    ].join('\n'),
    says: [
      '1:61: listeners.web.limits.target: is larger than the limit of the whole head, 8KiB',
      '4:30: warning: clusters.web.endpoints[1]: is our own listener, at 1:27: requests would go round in circles',
      '4:46: clusters.web.endpoints[2]: app:80 is in this cluster already, at 4:22',
    ],
  },
  {
    name: 'warnings: nothing to route, nobody to serve',
    text: `${LISTENERS}\nroutes: []\nclusters: { a: { endpoints: [] }, b: { endpoints: [{ address: b:1, weight: 0 }] } }\n`,
    says: [
      '2:1: warning: routes: no routes: every request is answered 421',
      '3:18: warning: clusters.a.endpoints: no endpoints: every request is answered 503',
      '3:40: warning: clusters.b.endpoints: all weights are 0: every request is answered 503',
    ],
  },
  {
    name: 'names and trusted proxies',
    text: [
      'listeners: { "a b": { bind: 127.0.0.1:1, trustedProxies: [10.0.0.0/8, 10.0.0.0/40] } }',
      'routes: [{ cluster: "x/y" }]',
      'clusters: { -a: { endpoints: [a:1] } }',
    ].join('\n'),
    says: [
      '1:14: listeners.a b: a name is up to 64 letters, digits, "_", "." and "-", and starts with none of the last two; got "a b"',
      '1:71: listeners.a b.trustedProxies[1]: an address block is like 10.0.0.0/8, fd00::/8 or one address; got "10.0.0.0/40"',
      '2:21: routes[0].cluster: a name is up to 64 letters, digits, "_", "." and "-", and starts with none of the last two; got "x/y"',
      '3:13: clusters.-a: a name is up to 64 letters, digits, "_", "." and "-", and starts with none of the last two; got "-a"',
    ],
  },
]

for (const { name, text, says } of cases) {
  test(`diagnostics: ${name}`, () => {
    const { config, diagnostics } = parseConfig(text, 'weir.yaml')
    assert.deepEqual(
      diagnostics.map(formatDiagnostic),
      says.map((line) => `weir.yaml:${line}`),
    )
    const refused = diagnostics.some(({ severity }) => severity === 'error')
    assert.equal(config === undefined, refused)
  })
}

test('diagnostics: duplicate keys and wrong values come together', () => {
  const { diagnostics } = parseConfig(`${LISTENERS}\nshards: none\nshards: 2\n${REST}`, 'f')
  assert.deepEqual(diagnostics.map(formatDiagnostic), [
    'f:2:9: shards: "auto" or a whole number from 1 to 128 is needed; got "none"',
    'f:3:1: duplicate key "shards"',
  ])
})

test('diagnostics: syntax errors stop before the schema', () => {
  const { config, diagnostics } = parseConfig('shardz: 1\nlisteners: { web: "x\n', 'f')
  assert.equal(config, undefined)
  assert.ok(diagnostics.length > 0)
  for (const { message, line } of diagnostics) {
    assert.match(message, /^YAML: /)
    assert.ok(line >= 2)
  }
})

test('diagnostics: what is quoted from the file is bounded and escaped', () => {
  const { diagnostics } = parseConfig(
    `${LISTENERS}\naccessLog: { format: "\\e[31m${'x'.repeat(500)}" }\n${REST}`,
    'f',
  )
  const shown = diagnostics.map(formatDiagnostic).join('\n')
  assert.ok(shown.includes(String.raw`\u001b[31m`) && !shown.includes('\u001b'))
  assert.ok(shown.length < 300)
})

test('diagnostics: ten thousand mistakes are reported as a thousand', () => {
  const routes = Array.from({ length: 10_000 }, (_, at) => `  - { host: h${at}, cluster: none${at} }`)
  const { diagnostics } = parseConfig(`${LISTENERS}\nroutes:\n${routes.join('\n')}\n`, 'f')
  assert.equal(diagnostics.length, 1000)
})

test('diagnostics: a thousand warnings hide no error', () => {
  const listeners = 'listeners: { web: { bind: 127.0.0.1:8080 } }'
  const clusters = Array.from({ length: 1010 }, (_, at) => `  c${at}: { endpoints: [127.0.0.1:8080] }`)
  const text = `${listeners}\nroutes: [{ cluster: none }]\nclusters:\n${clusters.join('\n')}\n`
  const { config, diagnostics } = parseConfig(text, 'f')
  assert.equal(config, undefined)
  assert.equal(diagnostics.filter(({ severity }) => severity === 'warning').length, 1000)
  assert.equal(diagnostics.filter(({ severity }) => severity === 'error').length, 1)
})

test('diagnostics: more endpoints than slots', () => {
  const endpoints = (octet: number): string =>
    Array.from({ length: 9000 }, (_, at) => `10.${octet}.${at >> 8}.${at & 255}:80`).join(', ')
  const text = `${LISTENERS}\nroutes: [{ cluster: a }]\nclusters:\n  a: { endpoints: [${endpoints(0)}] }\n  b: { endpoints: [${endpoints(1)}] }\n`
  const { diagnostics } = parseConfig(text, 'f')
  assert.deepEqual(diagnostics.map(formatDiagnostic), [
    'f:3:1: clusters: at most 16384 endpoints are allowed in all; got 18000',
  ])
})

test('diagnostics: a file that cannot be read', () => {
  assert.match(formatDiagnostic(readFailure('x.yaml', 'ENOENT')), /^x\.yaml:1:1: no such file/)
  assert.match(formatDiagnostic(readFailure('x.yaml', 'EACCES')), /may not be read/)
  assert.match(formatDiagnostic(readFailure('x.yaml', 'EIO')), /cannot be read \(EIO\)/)
})
