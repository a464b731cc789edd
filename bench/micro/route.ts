/** What routing costs, for tables of 1 to 10,000 routes: `node bench/micro.ts route`. */
import type { RouteSpec } from '../../src/config/snapshot.ts'
import { compileRoutes } from '../../src/route/table.ts'
import type { RouteSpans, RouteTable } from '../../src/route/table.ts'
import type { Row } from './support/loop.ts'

const REQUESTS = 1024

/** Hosts `app<n>.example.com`, each with four prefixes; every tenth host by wildcard. */
function routesOf(count: number): readonly RouteSpec[] {
  if (count === 1) return [{ cluster: 0 }]
  return Array.from({ length: count }, (_, at) => {
    const name = `${at % 40 < 4 ? '*.' : ''}app${at >> 2}.example.com`
    return { host: name, path: ['/', '/api/v1/', '/static', '=/health'][at & 3]!, cluster: at }
  })
}

type Requests = { readonly bytes: Uint8Array; readonly spans: readonly RouteSpans[] }

/** Requests over all hosts of the table, to shallow and deep paths. */
function requestsFor(count: number, path: string): Requests {
  const spans: RouteSpans[] = []
  let text = ''
  for (let at = 0; at < REQUESTS; at++) {
    const hostStart = text.length
    const app = (at * 7919) % Math.max(1, count >> 2)
    text += `${app % 10 === 0 ? 'www.' : ''}app${app}.example.com`
    const hostEnd = text.length
    text += path
    spans.push({ hostStart, hostEnd, pathStart: hostEnd, pathEnd: text.length })
  }
  return { bytes: new TextEncoder().encode(text), spans }
}

function matcher(table: RouteTable, { bytes, spans }: Requests): (at: number) => number {
  return (at) => table.match(bytes, spans[at & (REQUESTS - 1)]!)
}

const large = compileRoutes(routesOf(10_000))
const largeSpecs = routesOf(10_000)
const plain = requestsFor(100, '/api/v1/users/4711')

const growing: readonly Row[] = [1, 10, 100, 1000, 10_000].map((count) => [
  `${count} routes, /api/v1/users/4711`,
  matcher(compileRoutes(routesOf(count)), requestsFor(count, '/api/v1/users/4711')),
])

export const rows: readonly Row[] = [
  ['reading the spans', (at) => plain.spans[at & (REQUESTS - 1)]!.pathEnd],
  ...growing,
  [
    '10000 routes, a path of 8 KiB with 4096 segments',
    matcher(large, requestsFor(10_000, '/a'.repeat(4096))),
  ],
  ['compiling 10000 routes', () => (compileRoutes(largeSpecs) === large ? 1 : 0)],
]
