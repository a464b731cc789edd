import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { cleanUpOnExit, run, start, stopAll, temporaryDirectory } from './load/children.ts'
import type { Child } from './load/children.ts'
import { announcedPort, freePort } from './load/contenders.ts'
import { BenchError, messageOf } from './load/errors.ts'
import { ask } from './load/http.ts'
import { memoryOf, openFilesLimit, processTree } from './load/proc.ts'
import { untilItAnswers } from './load/ready.ts'
import { table } from './load/report.ts'

/**
 * Slow clients beside normal traffic: `npm run bench:slow [-- --clients 10000]`. Half of them send a head by the byte, three tenths stop within a body,
 * two tenths read nothing of a large answer; normal clients ask at a steady rate meanwhile. Said: their p99 without and beside the slow ones (from when each
 * request was due), what a slow client costs in memory, and who was cut by what. A slow body or reader holds a connection to the backend as
 * well, so the pool has no limit here; with one, those who wait for a place are refused when `timeouts.queue` is over.
 */
const { values } = parseArgs({
  options: { clients: { type: 'string', default: '10000' }, rate: { type: 'string', default: '400' } },
})
const root = join(import.meta.dirname, '..')
const NODE = join(root, 'node_modules/.bin/node')
const QUIET_MS = 6000
/** What they were sent has come as far as it will. */
const SETTLE_MS = 1500
const CUT_WITHIN_MS = 90_000
const TIMEOUT_S = 12
const KIB = 1024

/** A child that says one line of JSON for each line it is told. */
class Helper {
  readonly #child: Child

  constructor(script: string, args: readonly string[]) {
    this.#child = start(script, [NODE, join(import.meta.dirname, 'slow', `${script}.ts`), ...args])
  }

  async tell<T>(order: string): Promise<T> {
    this.#child.process.stdin?.write(`${order}\n`)
    const line = await this.#child.line()
    if (line === undefined) throw new BenchError(`a helper ended: ${this.#child.complaint}`)
    return JSON.parse(line) as T
  }
}

type Latencies = {
  readonly count: number
  readonly failed: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}
type Slow = { readonly open: number; readonly ended: number }

async function startBackend(): Promise<number> {
  const program = join(temporaryDirectory(), 'backend')
  await run('cc', ['cc', '-O2', '-std=gnu11', '-o', program, join(import.meta.dirname, 'load/backend.c')])
  return announcedPort(start('backend', [program]))
}

async function startWeir(backendPort: number): Promise<{ child: Child; port: number; adminPort: number }> {
  const [port, adminPort] = [await freePort(), await freePort()]
  const folder = join(temporaryDirectory(), 'weir')
  mkdirSync(folder)
  const path = join(folder, 'weir.yaml')
  writeFileSync(
    path,
    `admin: { bind: 127.0.0.1:${adminPort} }
listeners: { web: { bind: 127.0.0.1:${port}, timeouts: { requestHead: ${TIMEOUT_S}s, client: ${TIMEOUT_S}s, clientFin: 1s } } }
routes: [{ cluster: origin }]
clusters: { origin: { endpoints: ['127.0.0.1:${backendPort}'], pool: { maxPerHost: 0, maxTotal: 0 } } }
drain: { window: 50ms, hard: 1s }
`,
  )
  const child = start('weir', [NODE, join(root, 'workers/main.ts'), 'run', '-c', path], '/dev/null')
  await untilItAnswers(child, port, '/small')
  return { child, port, adminPort }
}

/** Sums of samples by a family's name and one label. */
async function metric(adminPort: number, name: string, label: string): Promise<number> {
  const { body } = await ask({ port: adminPort, path: '/metrics' })
  const lines = body.toString().split('\n')
  return lines
    .filter((line) => line.startsWith(`${name}{`) && line.includes(label))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

/** Exchanges that did not end well, by outcome. */
async function outcomes(adminPort: number): Promise<string> {
  const { body } = await ask({ port: adminPort, path: '/metrics' })
  const counts = new Map<string, number>()
  for (const [, outcome = '', count] of body
    .toString()
    .matchAll(/^weir_listener_exchanges_total\{.*outcome="([^"]+)".*\} (\d+)$/gm))
    if (outcome !== 'complete') counts.set(outcome, (counts.get(outcome) ?? 0) + Number(count))
  return [...counts]
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${outcome} ${count}`)
    .join(', ')
}

/** How many were cut by each timeout, once all were or it takes too long. */
async function cuts(adminPort: number, count: number): Promise<{ heads: number; others: number }> {
  const of = (timeout: string): Promise<number> =>
    metric(adminPort, 'weir_listener_timeouts_total', `timeout="${timeout}"`)
  const deadline = performance.now() + CUT_WITHIN_MS
  for (;;) {
    const [heads, others] = [await of('request-head'), await of('client')]
    if (heads + others >= count || performance.now() > deadline) return { heads, others }
    await sleep(250)
  }
}

cleanUpOnExit()
try {
  const most = Math.floor(((openFilesLimit() - 500) * 2) / 3) - 200
  const count = Math.min(Number(values.clients), most)
  if (count < Number(values.clients))
    console.log(`only ${count} clients: raise the limit of open files (ulimit -Hn)`)
  const backendPort = await startBackend()
  const { child, port, adminPort } = await startWeir(backendPort)
  const normal = new Helper('normal', [String(port), values.rate])
  await normal.tell('measure 3000') // warm
  const quiet = await normal.tell<Latencies>(`measure ${QUIET_MS}`)
  const before = memoryOf(processTree(child.pid)).residentBytes
  const slow = new Helper('clients', [String(port), String(count)])
  const startMs = performance.now()
  const opened = await slow.tell<Slow>('open')
  await sleep(SETTLE_MS)
  const beside = await normal.tell<Latencies>(`measure ${QUIET_MS}`)
  const held = await slow.tell<Slow>('count')
  const resident = memoryOf(processTree(child.pid)).residentBytes
  const { heads, others } = await cuts(adminPort, count)
  const tookMs = performance.now() - startMs
  const cells = (what: string, l: Latencies): readonly string[] => [
    what,
    String(l.count),
    String(l.failed),
    ...[l.p50, l.p99, l.max].map((ms) => ms.toFixed(1)),
  ]
  console.log(
    `\n${count} slow clients (opened: ${opened.open}, still there after the measurement: ${held.open}); normal ones: ${values.rate} requests a second\n`,
  )
  console.log(
    table(
      ['', 'requests', 'failed', 'p50 ms', 'p99 ms', 'max ms'],
      [cells('quiet', quiet), cells('beside them', beside)],
    ),
  )
  console.log(`\np99 beside / quiet: ${(beside.p99 / quiet.p99).toFixed(2)}`)
  console.log(
    `memory: ${((resident - before) / count / KIB).toFixed(1)} KiB resident each (${Math.round(before / KIB / KIB)} → ${Math.round(resident / KIB / KIB)} MiB)`,
  )
  console.log(
    `cut: ${heads} by requestHead, ${others} by client (${TIMEOUT_S} s each), ${heads + others} of ${count} within ${(tookMs / 1000).toFixed(0)} s`,
  )
  console.log(`exchanges that did not complete: ${await outcomes(adminPort)}`)
} catch (error) {
  console.error(messageOf(error))
  process.exitCode = 1
} finally {
  await stopAll()
}
