import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEndpointAddress, parseListenAddress } from '../../../src/config/values/address.ts'
import { parseCidr } from '../../../src/config/values/cidr.ts'
import { formatDuration, parseDuration } from '../../../src/config/values/duration.ts'
import { parseRouteHost } from '../../../src/config/values/host.ts'
import type { Parsed } from '../../../src/config/values/parsed.ts'
import { parseRoutePath } from '../../../src/config/values/route-path.ts'
import { formatSize, parseSize } from '../../../src/config/values/size.ts'

function accepts<T>(parse: (text: string) => Parsed<T>, cases: Readonly<Record<string, T>>): void {
  for (const [text, value] of Object.entries(cases)) assert.deepEqual(parse(text), { ok: true, value }, text)
}

/** Text → a part of the reason. */
function refuses(parse: (text: string) => Parsed<unknown>, cases: Readonly<Record<string, RegExp>>): void {
  for (const [text, why] of Object.entries(cases)) {
    const parsed = parse(text)
    assert.ok(!parsed.ok, `${JSON.stringify(text)} must be refused`)
    assert.match(parsed.why, why, text)
  }
}

test('durations have one unit and one reading', () => {
  accepts(parseDuration, {
    '250ms': 250,
    '10s': 10_000,
    '5m': 300_000,
    '24h': 86_400_000,
    '0s': 0,
    '007s': 7000,
  })
  const why = /a whole number and a unit/
  refuses(parseDuration, {
    '': why,
    '10': why,
    s: why,
    '1.5s': why,
    '-1s': why,
    '1h30m': why,
    '10S': why,
    '10 s': why,
    '1d': why,
    '1s\n': why,
  })
  assert.equal(formatDuration(90_000), '90s')
  assert.equal(formatDuration(3_600_000), '1h')
  assert.equal(formatDuration(1), '1ms')
})

test('sizes are binary, or bare bytes; decimal units are refused as ambiguous', () => {
  accepts(parseSize, {
    '512B': 512,
    '8KiB': 8192,
    '1MiB': 1_048_576,
    '2GiB': 2_147_483_648,
    '0B': 0,
    '4096': 4096,
  })
  assert.deepEqual(parseSize(4096), { ok: true, value: 4096 })
  const why = /a whole number and a unit/
  refuses(parseSize, { '': why, '8KB': why, '8k': why, '8kib': why, '-1B': why, '1.5MiB': why, '8 KiB': why })
  refuses(parseSize, { '999999999TiB': /at most/ })
  for (const bytes of [-1, 1.5, Number.NaN, Infinity]) assert.equal(parseSize(bytes).ok, false, String(bytes))
  assert.equal(formatSize(0), '0B')
  assert.equal(formatSize(1536), '1536B')
  assert.equal(formatSize(3 << 20), '3MiB')
})

test('addresses to listen on are numeric, and canonical', () => {
  accepts(parseListenAddress, {
    '127.0.0.1:8080': '127.0.0.1:8080',
    '0.0.0.0:0': '0.0.0.0:0',
    '[0:0::1]:80': '[::1]:80',
    '[2001:DB8::A]:443': '[2001:db8::a]:443',
    '[::ffff:192.0.2.1]:1': '[::ffff:192.0.2.1]:1',
    'unix:/run/weir.sock': 'unix:/run/weir.sock',
  })
  refuses(parseListenAddress, {
    '': /an address is/,
    '8080': /an address is/,
    ':8080': /write 0\.0\.0\.0:8080/,
    '*:80': /write 0\.0\.0\.0:80/,
    'localhost:80': /not a name/,
    '127.0.0.1': /the port is missing/,
    '[::1]': /the port is missing/,
    '::1:80': /in brackets/,
    '127.0.0.256:80': /an address is/,
    '127.0.0.01:80': /an address is/,
    '127.1:80': /an address is/,
    '127.0.0.1:65536': /at most 65535/,
    '[fe80::1%eth0]:80': /an address is/,
    'unix:run/x': /absolute/,
    'unix:': /absolute/,
    [`unix:/${'x'.repeat(107)}`]: /at most 107 bytes/,
  })
})

test('addresses of endpoints may be names', () => {
  accepts(parseEndpointAddress, {
    'Backend.Internal:8080': 'backend.internal:8080',
    'app_1:80': 'app_1:80',
    'backend.internal.:80': 'backend.internal:80',
    '10.0.0.1:9001': '10.0.0.1:9001',
    'unix:/run/app.sock': 'unix:/run/app.sock',
  })
  refuses(parseEndpointAddress, {
    'http://a:80': /without a scheme/,
    'a:0': /port 0/,
    a: /the port is missing: "a:8080"/,
    '-a:80': /an address is/,
    'a..b:80': /an address is/,
    '1.2.3:80': /an address is/,
    [`${'a'.repeat(64)}:80`]: /an address is/,
    'a b:80': /an address is/,
  })
})

test('blocks of addresses are canonical', () => {
  accepts(parseCidr, {
    '10.0.0.0/8': '10.0.0.0/8',
    '10.1.2.3/8': '10.0.0.0/8',
    '192.0.2.255/31': '192.0.2.254/31',
    '127.0.0.1': '127.0.0.1/32',
    '0.0.0.0/0': '0.0.0.0/0',
    '::1': '::1/128',
    'FD00::1/8': 'fd00::/8',
    '2001:db8:ffff::/33': '2001:db8:8000::/33',
  })
  const why = /an address block is like/
  refuses(parseCidr, {
    '': why,
    '10.0.0.0/33': why,
    '::/129': why,
    '10.0.0/8': why,
    '10.0.0.0/': why,
    '10.0.0.0/08': why,
    'a/8': why,
    '10.0.0.0/8/8': why,
  })
})

test('hosts of routes', () => {
  accepts(parseRouteHost, {
    'Example.COM.': 'example.com',
    '*.Example.com': '*.example.com',
    localhost: 'localhost',
    '192.0.2.1': '192.0.2.1',
    '[0:0::1]': '[::1]',
  })
  refuses(parseRouteHost, {
    '': /a host is/,
    '*': /leave host out/,
    'a.*.com': /a host is/,
    '*.': /a host is/,
    '**.a': /a host is/,
    'a:80': /without its port/,
    '[::1]:80': /without its port/,
    '::1': /a host is/,
    'bücher.example': /punycode/,
    'a/b': /a host is/,
    '.a': /a host is/,
    'a..': /a host is/,
  })
})

test('paths of routes are such that a normalised request can match', () => {
  accepts(parseRoutePath, {
    '/': '/',
    '/v1': '/v1',
    '/v1/': '/v1/',
    '=/v1': '=/v1',
    '=/': '=/',
    '/a%20b': '/a%20b',
    "/~a-b._!$&'()+,;=:@": "/~a-b._!$&'()+,;=:@",
    '/.well-known/x': '/.well-known/x',
    '/a...b/...': '/a...b/...',
  })
  refuses(parseRoutePath, {
    '': /starts with/,
    v1: /starts with/,
    '=v1': /starts with/,
    '==/v1': /starts with/,
    '~/v1': /starts with/,
    '/v1?x': /query/,
    '/v1#x': /fragment/,
    '/v1/*': /no wildcard/,
    '/a//b': /write "\/a\/b"/,
    '=/a/../b': /write "=\/b"/,
    '/a/.': /write "\/a\/"/,
    '/..': /refused before routing/,
    '/%7Ea': /write "\/~a"/,
    '/%c3%a9': /write "\/%C3%A9"/,
    '/%2F': /refused before routing/,
    '/%zz': /refused before routing/,
    '/%': /refused before routing/,
    '/a b': /%XX/,
    '/é': /%XX/,
    '/a\\b': /%XX/,
    [`/${'a'.repeat(1024)}`]: /at most 1024/,
  })
})
