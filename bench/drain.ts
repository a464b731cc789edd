import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Clients } from './drain/clients.ts'
import type { Seen } from './drain/clients.ts'
import { cleanUpOnExit, start, stopAll, temporaryDirectory } from './load/children.ts'
import { freePort } from './load/contenders.ts'
import { messageOf } from './load/errors.ts'
import { untilItAnswers } from './load/ready.ts'
import { table } from './load/report.ts'
import { findTools } from './load/tools.ts'

/**
 * How evenly clients come back when a proxy drains: `npm run bench:drain [-- --clients 2000 --window 10]`. weir and HAProxy (`close-spread-time`)
 * are stopped in turn under keep-alive clients, all of them idle, and a tenth of them asking; each end of a connection is one who reconnects elsewhere.
 */
const root = join(import.meta.dirname, '..')
const STRETCH_MS = 100
const BARS = ' ▁▂▃▄▅▆▇█'

type Input = { readonly port: number; readonly backendPort: number; readonly windowS: number }
type Contender = {
  readonly name: string
  /** What tells it to drain. */
  readonly signal: NodeJS.Signals
  readonly config: (input: Input) => string
  readonly command: (path: string) => readonly string[]
}

const weir: Contender = {
  name: 'weir',
  signal: 'SIGTERM',
  config: ({ port, backendPort, windowS }) => `
shards: 1
drain: { window: ${windowS}s, hard: ${windowS + 2}s }
listeners: { web: { bind: 127.0.0.1:${port}, timeouts: { keepAlive: 600s } } }
routes: [{ cluster: origin }]
clusters: { origin: { endpoints: ['127.0.0.1:${backendPort}'] } }
`,
  command: (path) => [join(root, 'node_modules/.bin/node'), join(root, 'workers/main.ts'), 'run', '-c', path],
}

const haproxy = (program: string): Contender => ({
  name: 'haproxy',
  signal: 'SIGUSR1',
  config: ({ port, backendPort, windowS }) => `
global
  nbthread 1
  no strict-limits
  maxconn 20000
  close-spread-time ${windowS}s
  hard-stop-after ${windowS + 2}s
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 60s
  timeout http-keep-alive 600s
frontend web
  bind 127.0.0.1:${port} backlog 4096
  default_backend origin
backend origin
  server origin 127.0.0.1:${backendPort}
`,
  command: (path) => [program, '-db', '-f', path],
})

let runs = 0

const drain = async (
  contender: Contender,
  backendPort: number,
  idle: number,
  asking: number,
): Promise<Seen> => {
  const folder = join(temporaryDirectory(), `${++runs}-${contender.name}`)
  mkdirSync(folder)
  const path = join(folder, 'config')
  const port = await freePort()
  writeFileSync(path, contender.config({ port, backendPort, windowS }))
  const child = start(contender.name, contender.command(path), '/dev/null')
  await untilItAnswers(child, port, '/')
  const clients = new Clients()
  await clients.open(port, idle, asking)
  await sleep(1000)
  const startMs = performance.now()
  process.kill(child.pid, contender.signal)
  const seen = await clients.watch(startMs, (windowS + 5) * 1000)
  await child.stop()
  return seen
}

/** The most ends in any stretch of 100 ms. */
const most = (endsMs: readonly number[]): number => {
  let first = 0
  let worst = 0
  endsMs.forEach((at, i) => {
    while (endsMs[first]! <= at - STRETCH_MS) first++
    worst = Math.max(worst, i - first + 1)
  })
  return worst
}

const perStretch = (endsMs: readonly number[]): number[] => {
  const counts = Array.from({ length: Math.ceil((windowS * 1000) / STRETCH_MS) }, () => 0)
  for (const at of endsMs) {
    const bin = Math.floor(at / STRETCH_MS)
    if (bin < counts.length) counts[bin]!++
  }
  return counts
}

/** Ends over the window in 40 bars; full: four times what is even. */
const course = (endsMs: readonly number[]): string => {
  const bins = 40
  const counts = Array.from({ length: bins }, () => 0)
  for (const at of endsMs) counts[Math.min(bins - 1, Math.floor((at / (windowS * 1000)) * bins))]!++
  const full = (4 * endsMs.length) / bins
  return counts.map((count) => BARS[Math.min(8, Math.ceil((8 * count) / full))]).join('')
}

const cellsOf = (contender: Contender, what: string, seen: Seen): readonly string[] => {
  const { endsMs, resets, lost, answered } = seen
  const counts = perStretch(endsMs)
  const mean = endsMs.length / counts.length
  const deviation = Math.sqrt(counts.reduce((sum, n) => sum + (n - mean) ** 2, 0) / counts.length)
  return [
    contender.name,
    what,
    String(endsMs.length),
    mean.toFixed(1),
    deviation.toFixed(1),
    String(most(endsMs)),
    (endsMs.at(-1)! / 1000).toFixed(1),
    String(answered),
    String(lost),
    String(resets),
    course(endsMs),
  ]
}

const backend = async (): Promise<Server> => {
  const server = createServer({ keepAliveTimeout: 600_000 }, (_, response) => response.end('x'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const { values } = parseArgs({
  options: { clients: { type: 'string', default: '2000' }, window: { type: 'string', default: '10' } },
})
const windowS = Number(values.window)
const clients = Number(values.clients)

cleanUpOnExit()
try {
  const tools = findTools()
  const contenders = tools.haproxy === undefined ? [weir] : [weir, haproxy(tools.haproxy)]
  if (contenders.length === 1) console.log('HAProxy is missing: sudo apt-get install haproxy')
  const server = await backend()
  const { port } = server.address() as AddressInfo
  const rows: (readonly string[])[] = []
  const tenth = Math.round(clients / 10)
  for (const [what, idle, asking] of [
    ['all idle', clients, 0],
    ['a tenth asking', clients - tenth, tenth],
  ] as const) {
    for (const contender of contenders) {
      rows.push(cellsOf(contender, what, await drain(contender, port, idle, asking)))
    }
  }
  console.log(`${clients} keep-alive connections, closed over ${windowS} s; per ${STRETCH_MS} ms:\n`)
  const heads = [
    '',
    'clients',
    'closed',
    'mean',
    'deviation',
    'most',
    'last at s',
    'answers',
    'lost',
    'reset',
    'course',
  ]
  console.log(table(heads, rows))
  server.closeAllConnections()
  server.close()
} catch (error) {
  console.error(messageOf(error))
  process.exitCode = 1
} finally {
  await stopAll()
}
