import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RouteSpec } from '../../../src/config/snapshot.ts'
import { routeKey } from '../../../src/route/spec.ts'
import { compileRoutes, NO_HOST, NO_PATH } from '../../../src/route/table.ts'

/** `host|path` pairs to routes, and a way to ask with strings. The request sits amid other bytes, as in an arena. */
function asker(patterns: readonly string[]): (host: string, path: string) => string | number {
  const routes: RouteSpec[] = patterns.map((pattern, cluster) => {
    const [host, path] = pattern.split('|')
    return { ...(host ? { host } : {}), ...(path ? { path } : {}), cluster }
  })
  const table = compileRoutes(routes)
  return (host, path) => {
    const bytes = new TextEncoder().encode(`GET /x.${path}/y.${host}.z/`)
    const pathStart = 7
    const pathEnd = pathStart + path.length
    const hostStart = pathEnd + 3
    const route = table.match(bytes, { hostStart, hostEnd: hostStart + host.length, pathStart, pathEnd })
    return route < 0 ? route : patterns[route]!
  }
}

test('a prefix ends on a segment border, with or without its trailing slash', () => {
  for (const prefix of ['|/v1', '|/v1/']) {
    const ask = asker([prefix])
    for (const path of ['/v1', '/v1/', '/v1/a', '/v1//']) assert.equal(ask('h', path), prefix, path)
    for (const path of ['/', '/v', '/v1x', '/v1x/', '/v2', '/a/v1', '*', ''])
      assert.equal(ask('h', path), NO_PATH, path)
  }
})

test('exact path > longest prefix > any, whatever the order', () => {
  const patterns = ['|', '|/a', '|/a/b/', '|=/a/b', '|=/a/b/', '|=/a']
  for (const order of [patterns, patterns.toReversed()]) {
    const ask = asker(order)
    assert.equal(ask('h', '/a/b'), '|=/a/b')
    assert.equal(ask('h', '/a/b/'), '|=/a/b/')
    assert.equal(ask('h', '/a/b/c'), '|/a/b/')
    assert.equal(ask('h', '/a/bc'), '|/a')
    assert.equal(ask('h', '/a'), '|=/a')
    assert.equal(ask('h', '/a/'), '|/a')
    assert.equal(ask('h', '/b'), '|')
    assert.equal(ask('h', '*'), '|')
  }
})

test('exact host > longest wildcard > any, whatever the order', () => {
  const patterns = ['|', '*.example.com|', '*.a.example.com|', 'x.a.example.com|', 'example.com|', '*.com|']
  for (const order of [patterns, patterns.toReversed()]) {
    const ask = asker(order)
    assert.equal(ask('x.a.example.com', '/'), 'x.a.example.com|')
    assert.equal(ask('y.a.example.com', '/'), '*.a.example.com|')
    assert.equal(ask('z.y.a.example.com', '/'), '*.a.example.com|')
    assert.equal(ask('a.example.com', '/'), '*.example.com|')
    assert.equal(ask('example.com', '/'), 'example.com|')
    assert.equal(ask('bexample.com', '/'), '*.com|')
    assert.equal(ask('com', '/'), '|')
    assert.equal(ask('', '/'), '|')
  }
})

test('case and one trailing dot of the host do not matter; the path is bytes', () => {
  const ask = asker(['API.Example.com.|/V1', '*.Example.NET|', '[::1]|', '127.0.0.1|'])
  assert.equal(ask('api.EXAMPLE.com', '/V1'), 'API.Example.com.|/V1')
  assert.equal(ask('api.example.com.', '/V1/x'), 'API.Example.com.|/V1')
  assert.equal(ask('api.example.com', '/v1'), NO_PATH)
  assert.equal(ask('api.example.com..', '/V1'), NO_HOST)
  assert.equal(ask('a.EXAMPLE.net.', '/'), '*.Example.NET|')
  assert.equal(ask('[::1]', '/'), '[::1]|')
  assert.equal(ask('127.0.0.1', '/'), '127.0.0.1|')
})

test('a wildcard does not match the name itself, nor an empty label before it', () => {
  const ask = asker(['*.example.com|'])
  for (const host of ['example.com', '.example.com', 'xexample.com', 'example.com.', '', '.']) {
    assert.equal(ask(host, '/'), NO_HOST, host)
  }
})

test('a host that is named keeps its requests: no fall through to less specific hosts', () => {
  const ask = asker(['api.example.com|/v1', '*.example.com|/v2', '|'])
  assert.equal(ask('api.example.com', '/v2'), NO_PATH)
  assert.equal(ask('www.example.com', '/v1'), NO_PATH)
  assert.equal(ask('example.com', '/v1'), '|')
})

test('an empty table names no host', () => {
  assert.equal(asker([])('h', '/'), NO_HOST)
})

test('`/` is the same as no path', () => {
  assert.equal(routeKey({ path: '/' }), routeKey({}))
  assert.equal(asker(['h|/'])('h', '/x'), 'h|/')
})

test('routes for the same requests are refused, whatever their spelling', () => {
  const pairs: [string, string][] = [
    ['h|/a', 'H.|/a/'],
    ['|', '|/'],
    ['*.h|=/a', '*.H|=/a'],
  ]
  for (const pair of pairs) assert.throws(() => asker(pair), /routes 0 and 1 match the same/)
  assert.doesNotThrow(() => asker(['h|/a', 'h|=/a', '*.h|/a', '|/a', 'h|=/a/']))
})

test('a path in no known form is a programming error', () => {
  for (const path of ['|a', '|=a', '|*']) assert.throws(() => asker([path]), /starts with/)
})
