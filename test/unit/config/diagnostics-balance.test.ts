import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDiagnostic } from '../../../src/config/diagnostic.ts'
import { parseConfig } from '../../../src/config/parse.ts'

/** What is said of one cluster, without the file's name and the cluster's path. */
function saidOf(cluster: string, root = ''): readonly string[] {
  const text = `${root}\nlisteners: { w: { bind: 127.0.0.1:1 } }\nroutes: [{ cluster: c }]\nclusters:\n  c:\n    endpoints: [10.0.0.1:80, 10.0.0.2:80]\n${cluster.replaceAll(/^/gm, '    ')}\n`
  return parseConfig(text, 'f').diagnostics.map((diagnostic) =>
    formatDiagnostic(diagnostic)
      .replace(/^f:\d+:\d+: /, '')
      .replace('clusters.c.', ''),
  )
}

const NAMES =
  'round-robin, random, weighted-random, p2c, least-request, one-plus-beta, peak-ewma, failure-biased-ewma, least-time, orca, d2, prequal, ring-hash, maglev, rendezvous, ip-hash'

/** `says` is all that is said, in order. */
const CASES: readonly (readonly [name: string, cluster: string, says: readonly string[]])[] = [
  [
    'a misspelt policy',
    'policy: peak-ewna',
    [
      `policy: one of ${NAMES}, or the path of a module of yours (./my-policy.ts), is needed (did you mean "peak-ewma"?); got "peak-ewna"`,
    ],
  ],
  ['a policy without a name', 'policy: { choices: 2 }', ['policy: the key "name" is missing']],
  ['a policy that is no name', 'policy: 3', ['policy: the name of a policy or a mapping is needed; got 3']],
  [
    'options of another policy, misspelt, and none at all',
    'policy: { name: p2c, beta: 0.5 }\nshadow: { name: peak-ewma, deacy: 1s }',
    [
      'policy.beta: p2c has no such option; there is choices (beta is one of one-plus-beta)',
      'shadow.deacy: peak-ewma has no such option; did you mean "decay"?',
    ],
  ],
  [
    'an option of a policy that has none',
    'policy: { name: random, choices: 2 }',
    [
      'policy.choices: random has no such option; it has none (choices is one of p2c, least-request, peak-ewma, failure-biased-ewma)',
    ],
  ],
  [
    'options out of range',
    'policy: { name: failure-biased-ewma, decay: 5, penalty: 10m, choices: 0 }',
    [
      'policy.decay: a duration is a whole number and a unit: 250ms, 10s, 5m, 24h; got 5',
      'policy.penalty: from 1ms to 5m is allowed; got "10m"',
      'policy.choices: a whole number from 1 to 64 is needed; got 0',
    ],
  ],
  [
    'bounded loads',
    'policy: { name: ring-hash, boundedLoad: 90%, minSize: 10, maxSize: 5 }\nhashKey: path',
    [
      'policy.boundedLoad: from 100% to 10000% is allowed; got "90%"',
      'policy.minSize: is more than maxSize, 5',
    ],
  ],
  [
    'a table that is no prime',
    'policy: { name: maglev, tableSize: 1000 }\nhashKey: host',
    ['policy.tableSize: 1000 is no prime, 65537 is'],
  ],
  [
    'hashes of nothing',
    'policy: maglev\nshadow: rendezvous',
    [
      'policy: maglev needs a hashKey, or every request goes to one endpoint: hashKey: client-ip, for example',
      'shadow: rendezvous needs a hashKey, or every request goes to one endpoint: hashKey: client-ip, for example',
    ],
  ],
  [
    'a key for nobody',
    'policy: p2c\nhashKey: client-ip',
    ['warning: hashKey: p2c hashes nothing; ring-hash, maglev and rendezvous do'],
  ],
  [
    'two keys, and none',
    'policy: maglev\nhashKey: { header: a, cookie: b }',
    [
      'hashKey: one thing is hashed: client-ip, path, host, { header }, { cookie } or { query }; got header and cookie',
    ],
  ],
  [
    'an address by another name',
    'policy: ip-hash\nhashKey: { header: x-user }',
    [
      'hashKey: ip-hash hashes the address of the client; for another key name ring-hash, maglev or rendezvous',
    ],
  ],
  [
    'a shadow of itself',
    'policy: p2c\nshadow: { name: p2c, choices: 2 }',
    ['shadow: is the policy itself: there is nothing to compare'],
  ],
  ['a shadow with other options', 'shadow: { name: p2c, choices: 3 }', []],
  [
    'sessions without a key, and with two',
    'sticky: on',
    [
      'warning: sticky: without a key (key, keyFile or keyEnv) one is drawn at every start: sessions do not survive a restart, nor move between proxies',
    ],
  ],
  [
    'sessions with two keys',
    'sticky: { keyFile: a, keyEnv: B, cookie: "a;b" }',
    [
      'sticky: there is one key; got keyFile and keyEnv',
      'sticky.cookie: the name of a cookie is letters, digits, "_" and "-"; got "a;b"',
    ],
  ],
  ['a secret is not shown', 'sticky: { key: hunter2 }', ['sticky.key: a secret has 24 to 4096 characters']],
  [
    'zones without a zone',
    'locality: zone',
    ['locality: needs to know the zone of this proxy: zone: …, at the root'],
  ],
  ['weights without weights', 'locality: weights', ['locality: needs weights: { zone: weight, … }']],
  [
    'weights for nobody',
    'locality: { mode: weights, weights: { a: 1 } }',
    ['warning: locality.weights.a: no endpoint is in this zone'],
  ],
  [
    'nearest to what',
    'locality: nearest',
    [
      'locality: needs the label to look at: label: …',
      'locality: needs an order: the values of the label, the nearest first',
    ],
  ],
  [
    'checks that say not how',
    'health: on',
    ['health: says not how: http: { path: … }, tcp: on or agent: on'],
  ],
  [
    'two checks, and rises of 0',
    'health: { http: /up, tcp: on, rise: 0, timeout: 5s }',
    [
      'health: there is one check; got http and tcp',
      'health.rise: a whole number from 1 to 100 is needed; got 0',
      'warning: health.timeout: is longer than the interval of 2s: a check that hangs puts off the next',
    ],
  ],
  [
    'statuses',
    'health: { http: { expect: [200, 299-200, 700] } }',
    [
      'health.http.expect[1]: a range goes from the lower status to the higher; got "299-200"',
      'health.http.expect[2]: a status or a range of them is needed: 204 or 200-399; got 700',
    ],
  ],
  [
    'outliers',
    'outliers: { connect: { consecutive: 0 }, ejection: 10m, maxEjected: 150% }',
    [
      'outliers.connect.consecutive: a whole number from 1 to 1000 is needed; got 0',
      'outliers.ejection: is longer than maxEjection, 5m',
      'outliers.maxEjected: from 0% to 100% is allowed; got "150%"',
    ],
  ],
  [
    'tries longer than all',
    'timeouts: { perTry: 2s, total: 1s }',
    ['timeouts.perTry: is longer than total, 1s: all tries together'],
  ],
  [
    'a hedge that never happens',
    'timeouts: { perTry: 100ms }\nhedge: 200ms',
    ['warning: hedge: never happens: perTry ends the wait after 100ms already'],
  ],
  [
    'retries',
    'retry: { attempts: 11, on: [connect, 500], budget: { ratio: -1 } }',
    [
      'retry.attempts: a whole number from 0 to 10 is needed; got 11',
      'retry.on[1]: one of connect, reset, timeout, 502, 503, 504, 429 is needed (did you mean "502"?); got 500',
      'retry.budget.ratio: from 0% to 1000% is allowed; got -1',
    ],
  ],
  [
    'limits the wrong way round',
    'limits: { adaptive: { minLimit: 10, maxLimit: 5 } }',
    ['limits.adaptive.minLimit: is more than maxLimit, 5'],
  ],
  ['a subset of all', 'subset: 2', ['warning: subset: is all of the 2 endpoints']],
  [
    'words for on and off',
    'slowStart: yes',
    ['slowStart: a duration is a whole number and a unit: 250ms, 10s, 5m, 24h; got "yes"'],
  ],
  ['panic as a share', 'panic: 50', ['panic: from 0% to 100% is allowed; got 50']],
]

for (const [name, cluster, says] of CASES) {
  test(`diagnostics of balancing: ${name}`, () => assert.deepEqual(saidOf(cluster), says))
}

test('diagnostics of balancing: gaps between priorities are fine, and so is a bare tcp', () => {
  const text =
    'endpoints: [{ address: 10.0.0.1:80, priority: 0 }, { address: 10.0.0.2:80, priority: 7, labels: { rack: 12 } }]'
  const whole = `listeners: { w: { bind: 127.0.0.1:1 } }\nroutes: [{ cluster: c }]\nclusters: { c: { ${text}, health: { tcp, interval: 2s } } }`
  assert.deepEqual(parseConfig(whole, 'f').diagnostics, [])
})

test('diagnostics of balancing: a zone that no endpoint is in', () => {
  assert.deepEqual(saidOf('locality: zone', 'zone: b'), [
    'warning: locality: no endpoint is in our zone, "b"',
  ])
})
