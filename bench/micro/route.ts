/**
 * What routing costs, in ns of this thread's CPU per match, for tables of 1 to 10,000 routes. The null row is the harness itself,
 * reading the same spans and doing nothing with them. `node bench/micro/route.ts`
 */
import type { RouteSpec } from '../../src/config/snapshot.ts'
import { compileRoutes } from '../../src/route/table.ts'
import type { RouteSpans, RouteTable } from '../../src/route/table.ts'

const ROUND_MS = 40
const ROUNDS = 9
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
    text += `www.app${(at * 7919) % Math.max(1, count >> 2)}.example.com`
    const hostEnd = text.length
    text += path
    spans.push({ hostStart, hostEnd, pathStart: hostEnd, pathEnd: text.length })
  }
  return { bytes: new TextEncoder().encode(text), spans }
}

function matcher(table: RouteTable, { bytes, spans }: Requests): (at: number) => number {
  return (at) => table.match(bytes, spans[at & (REQUESTS - 1)]!)
}

/** ns of CPU per call: the median of rounds. */
function measure(run: (at: number) => number): number {
  let sink = 0
  let batch = 10_000
  const samples: number[] = []
  for (let round = -3; round < ROUNDS; round++) {
    const before = process.threadCpuUsage()
    for (let at = 0; at < batch; at++) sink += run(at)
    const used = process.threadCpuUsage(before)
    const us = used.user + used.system
    if (round >= 0) samples.push((us * 1000) / batch)
    batch = Math.max(10_000, Math.min(50_000_000, Math.round((batch * ROUND_MS * 1000) / Math.max(us, 100))))
  }
  if (Number.isNaN(sink)) throw new Error('unreachable: keeps the work alive')
  return samples.toSorted((a, b) => a - b)[ROUNDS >> 1]!
}

function row(name: string, run: (at: number) => number): void {
  process.stdout.write(`${measure(run).toFixed(1).padStart(9)} ns  ${name}\n`)
}

const plain = requestsFor(100, '/api/v1/users/4711')
row('null', (at) => plain.spans[at & (REQUESTS - 1)]!.pathEnd)
for (const count of [1, 10, 100, 1000, 10_000]) {
  const table = compileRoutes(routesOf(count))
  row(`${count} routes, /api/v1/users/4711`, matcher(table, requestsFor(count, '/api/v1/users/4711')))
}
const large = compileRoutes(routesOf(10_000))
row(
  '10000 routes, a path of 8 KiB with 4096 segments',
  matcher(large, requestsFor(10_000, '/a'.repeat(4096))),
)
const building = process.threadCpuUsage()
compileRoutes(routesOf(10_000))
const built = process.threadCpuUsage(building)
process.stdout.write(
  `${((built.user + built.system) / 1000).toFixed(1).padStart(9)} ms  to compile 10000 routes\n`,
)
