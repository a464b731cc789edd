import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { contenders } from './cores/contenders.ts'
import type { Contender, Input } from './cores/contenders.ts'
import { Heavy } from './cores/heavy.ts'
import { quantileOf } from './fleet/clients.ts'
import { cleanUpOnExit, run, start, stopAll, temporaryDirectory } from './load/children.ts'
import { announcedPort, freePort } from './load/contenders.ts'
import { BenchError, messageOf } from './load/errors.ts'
import { processTree } from './load/proc.ts'
import { untilItAnswers } from './load/ready.ts'
import { table } from './load/report.ts'
import { findTools } from './load/tools.ts'

/**
 * What becomes of eight long-lived, heavy connections that chance put on one thread of two: `npm run bench:cores [-- --rate 1500 --seconds 6]`.
 * Connections are opened until eight are on the same thread, the others are closed; then each asks at the rate given.
 */
const HEAVY = 8
/** What the controller may take to make it even. */
const SETTLE_S = 8

const { values } = parseArgs({
  options: { rate: { type: 'string', default: '1500' }, seconds: { type: 'string', default: '6' } },
})
const rate = Number(values.rate)
const seconds = Number(values.seconds)

/** Open connections until so many are on thread 0; the others are closed. */
const crowd = async (contender: Contender, input: Input): Promise<Heavy[]> => {
  const kept: Heavy[] = []
  const others: Heavy[] = []
  await sleep(1000) // what asked before must have gone
  while (kept.length < HEAVY) {
    const before = await contender.places(input, [...kept, ...others])
    const heavy = new Heavy(input.port)
    await heavy.open()
    const after = await contender.places(input, [...kept, ...others, heavy])
    if (after[0]! > before[0]!) kept.push(heavy)
    else others.push(heavy)
    if (others.length > 200) throw new BenchError(`${contender.name} puts nobody on its first thread`)
  }
  for (const other of others) other.close()
  await sleep(300)
  return kept
}

/** CPU time of every thread of some processes, µs. */
const threadTimes = (pids: readonly number[]): Map<string, number> => {
  const times = new Map<string, number>()
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      try {
        const [ns = '0'] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')
        times.set(task, Number(ns) / 1000)
      } catch {
        // It ended meanwhile.
      }
    }
  }
  return times
}

/** CPU time of the two busiest threads since then. */
const busiestTwo = (before: Map<string, number>, after: Map<string, number>): readonly [number, number] => {
  const used = [...after].map(([task, us]) => us - (before.get(task) ?? us)).toSorted((a, b) => b - a)
  return [used[0] ?? 0, used[1] ?? 0]
}

let runs = 0

const measure = async (contender: Contender, backendPort: number): Promise<readonly string[][]> => {
  const folder = join(temporaryDirectory(), `${++runs}-cores`)
  mkdirSync(folder)
  const path = join(folder, 'config')
  const input = { port: await freePort(), adminPort: await freePort(), backendPort, folder }
  writeFileSync(path, contender.config(input))
  const child = start(contender.name, contender.command(path), '/dev/null')
  await untilItAnswers(child, input.port, '/small')
  const heavy = await crowd(contender, input)
  const pids = processTree(child.pid)
  let going = true
  const ticking = (async (): Promise<void> => {
    while (going) {
      const nowMs = performance.now()
      for (const connection of heavy) connection.tick(nowMs)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  for (const connection of heavy) connection.begin(rate)
  const rows: string[][] = []
  for (const [what, lastsS, settleS] of [
    ['at first', 1, 0],
    ['after a while', seconds, SETTLE_S],
  ] as const) {
    await sleep(settleS * 1000)
    rows.push(await phase(contender, what, lastsS, { input, heavy, pids }))
  }
  going = false
  await ticking
  const broken = heavy.filter((connection) => connection.broken).length
  if (broken > 0) throw new BenchError(`${contender.name} broke ${broken} connections`)
  for (const connection of heavy) connection.close()
  await child.stop()
  return rows
}

type Scene = { readonly input: Input; readonly heavy: readonly Heavy[]; readonly pids: readonly number[] }

const phase = async (
  contender: Contender,
  what: string,
  lastsS: number,
  { input, heavy, pids }: Scene,
): Promise<string[]> => {
  for (const connection of heavy) connection.take()
  const before = threadTimes(pids)
  await sleep(lastsS * 1000)
  const [busiest, other] = busiestTwo(before, threadTimes(pids))
  const latencies = Float64Array.from(heavy.flatMap((connection) => connection.take())).toSorted()
  const places = await contender.places(input, heavy)
  const percent = (us: number): string => ((us / (lastsS * 1e6)) * 100).toFixed(0)
  return [
    contender.name,
    what,
    places.join(' + '),
    percent(busiest),
    percent(other),
    (busiest / ((busiest + other) / 2)).toFixed(2),
    (latencies.length / lastsS).toFixed(0),
    quantileOf(latencies, 0.5).toFixed(2),
    quantileOf(latencies, 0.99).toFixed(2),
  ]
}

cleanUpOnExit()
try {
  const tools = findTools()
  if (tools.cc === undefined) throw new BenchError('no C compiler: sudo apt-get install gcc')
  if (tools.haproxy === undefined) console.log('HAProxy is missing: sudo apt-get install haproxy')
  const program = join(temporaryDirectory(), 'backend')
  const source = join(import.meta.dirname, 'load/backend.c')
  await run('cc', [tools.cc, '-O2', '-std=gnu11', '-o', program, source])
  const backendPort = await announcedPort(start('backend', [program]))
  const rows: string[][] = []
  for (const contender of contenders(tools.haproxy)) rows.push(...(await measure(contender, backendPort)))
  console.log(`${HEAVY} connections of ${rate} requests/s each, all on one thread of two at first:\n`)
  const heads = ['', '', 'where', 'busier %', 'other %', 'max/mean', 'requests/s', 'p50 ms', 'p99 ms']
  console.log(table(heads, rows))
} catch (error) {
  console.error(messageOf(error))
  process.exitCode = 1
} finally {
  await stopAll()
}
