import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { RouteSpec } from '../src/config/snapshot.ts'
import { compileRoutes } from '../src/route/table.ts'
import { routeKey } from '../src/route/spec.ts'

/** The law of `src/route/table.ts` read aloud, one route after the other, on strings. */
function naiveMatch(routes: readonly RouteSpec[], rawHost: string, path: string): number {
  const host = rawHost.toLowerCase().replace(/\.$/, '')
  const hostRank = (pattern: string | undefined): number => {
    if (pattern === undefined) return 0
    const lower = pattern.toLowerCase().replace(/\.$/, '')
    if (!lower.startsWith('*.')) return lower === host ? Infinity : -1
    return host.endsWith(lower.slice(1)) && host.length > lower.length - 1 ? lower.length : -1
  }
  const pathRank = (pattern: string | undefined): number => {
    if (pattern === undefined || pattern === '/') return 0
    if (pattern.startsWith('=')) return pattern.slice(1) === path ? Infinity : -1
    const prefix = pattern.replace(/\/$/, '')
    return path === prefix || path.startsWith(`${prefix}/`) ? prefix.length : -1
  }
  const top = Math.max(-1, ...routes.map((route) => hostRank(route.host)))
  if (top < 0) return -1
  let best = -2
  let bestRank = -1
  for (const [index, route] of routes.entries()) {
    if (hostRank(route.host) !== top || pathRank(route.path) <= bestRank) continue
    best = index
    bestRank = pathRank(route.path)
  }
  return best
}

const label = fc.constantFrom('a', 'B', 'ab', 'x1')
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
const hostPattern = fc.oneof(
  fc.constant(undefined),
  name,
  name.map((text) => `*.${text}`),
  name.map((text) => `${text}.`),
)
const requestHost = fc.oneof(
  name,
  name.map((text) => `${text}.`),
  fc.string({ unit: fc.constantFrom('a', 'b', '.', 'X', '1'), maxLength: 10 }),
)
const segments = fc.array(fc.constantFrom('v', 'v1', 'V', 'v1x', ''), { minLength: 1, maxLength: 4 })
const path = segments.map((parts) => `/${parts.join('/')}`)
// A configured prefix is normalised, so that it has no empty segment at its end but for its one trailing slash.
const prefix = path.map((text) => text.replace(/\/+$/, '/'))
const pathPattern = fc.oneof(
  fc.constant(undefined),
  prefix,
  path.map((text) => `=${text}`),
)
const requestPath = fc.oneof(
  path,
  fc.constant('*'),
  fc.string({ unit: fc.constantFrom('v', '1', '/'), maxLength: 9 }),
)

const route = fc.record({ host: hostPattern, path: pathPattern }).map(({ host, path: at }): RouteSpec => ({
  ...(host === undefined ? {} : { host }),
  ...(at === undefined ? {} : { path: at }),
  cluster: 0,
}))
const routes = fc.uniqueArray(route, { selector: routeKey, maxLength: 24 })

test('law: the compiled table answers as the naive matcher does, on any table and request', () => {
  const request = fc.tuple(requestHost, requestPath, fc.nat(5))
  fc.assert(
    fc.property(routes, fc.array(request, { maxLength: 20 }), (list, requests) => {
      const table = compileRoutes(list)
      for (const [host, at, gap] of requests) {
        const bytes = new TextEncoder().encode(`${'.'.repeat(gap)}${host}${at}/`)
        const hostEnd = gap + host.length
        const spans = { hostStart: gap, hostEnd, pathStart: hostEnd, pathEnd: hostEnd + at.length }
        assert.equal(table.match(bytes, spans), naiveMatch(list, host, at), `${host} ${at}`)
      }
    }),
    { numRuns: 2000 },
  )
})

test('law: the order of routes does not matter', () => {
  fc.assert(
    fc.property(routes, requestHost, requestPath, (list, host, at) => {
      const bytes = new TextEncoder().encode(host + at)
      const end = host.length
      const spans = { hostStart: 0, hostEnd: end, pathStart: end, pathEnd: end + at.length }
      const reversed = list.toReversed()
      const forward = compileRoutes(list).match(bytes, spans)
      const backward = compileRoutes(reversed).match(bytes, spans)
      assert.deepEqual(forward < 0 ? forward : list[forward], backward < 0 ? backward : reversed[backward])
    }),
  )
})
