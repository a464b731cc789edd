import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { cleanUpOnExit, stopAll } from './load/children.ts'
import { messageOf } from './load/errors.ts'
import { parseOptions } from './load/options.ts'
import { openFilesLimit } from './load/proc.ts'
import { table } from './load/report.ts'
import { buildRig } from './load/rig.ts'
import type { Rig } from './load/rig.ts'
import { findTools, missingTools } from './load/tools.ts'
import { Clients } from './overload/clients.ts'
import type { Tally } from './overload/clients.ts'

/**
 * Goodput when more is asked than a proxy can do: `npm run bench:overload [-- --seconds 8 --clients 8000 --rounds 1]`. One thread each, on a core of its own
 * where there are two. Many clients, with a connection each, together ask at a rate that is the same whatever becomes of it: at random moments, and one that
 * still waits for its answer asks nothing; they are so many that, all served in turn, each would wait longer than its patience. An answer counts if it is a 200
 * and came within that. The peak is the most that counts at any rate, from a part to all of what 64 clients get that ask as soon as they are answered (which is more
 * than anybody can do for thousands: their memory is not in the caches). Then as much as the peak, and twice as much, is asked; what is made of the first seconds of each is not counted. `retry-after` is heeded by nobody.
 */
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    clients: { type: 'string', default: '8000' },
    rounds: { type: 'string', default: '1' },
    patience: { type: 'string', default: '150' },
    fields: { type: 'string', default: '80' },
    without: { type: 'string', default: '' },
  },
})
const CLOSED_CLIENTS = 64
/** Rates tried for the peak, of what the closed loop gets. */
const SWEEP = [0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 1] as const
const LOADS = [1, 2] as const
const ms = Number(values.seconds) * 1000
const patienceMs = Number(values.patience)

/** Many fields, as of a client with much to say: the proxy has more to do with a request than who makes it. */
const REQUEST = `GET /small HTTP/1.1\r\nhost: bench.test\r\n${Array.from(
  { length: Number(values.fields) },
  (_, i) => `x-field-${i}: some value of a usual length\r\n`,
).join('')}\r\n`

type Row = { readonly name: string; readonly what: string; readonly tally: Tally; readonly share: number }

async function measure(
  rig: Rig,
  name: 'weir' | 'nginx' | 'haproxy',
  clients: Clients,
): Promise<readonly Row[]> {
  const alone = { rate: undefined, clients: CLOSED_CLIENTS, patienceMs }
  const closed = await clients.run({ ...alone, settleMs: 1500, ms: 2000 })
  const most = closed.served / closed.seconds
  const crowd = (rate: number): number =>
    // Were they all served in turn, each would wait half as long again as its patience.
    Math.min(rig.options.idleConnections, Math.ceil((rate * patienceMs * 1.5) / 1000))
  const atRate = (rate: number, phaseMs: number): Promise<Tally> =>
    clients.run({ rate, clients: crowd(rate), settleMs: 2500, ms: phaseMs, patienceMs })
  let peak = { rate: 0, tally: closed, goodput: 0 }
  for (const part of SWEEP) {
    const rate = Math.round(most * part)
    const tally = await atRate(rate, 2000)
    const goodput = tally.inTime / tally.seconds
    if (goodput > peak.goodput) peak = { rate, tally, goodput }
  }
  const rows: Row[] = [
    { name, what: `closed loop, ${CLOSED_CLIENTS}`, tally: closed, share: most / peak.goodput },
    { name, what: 'peak', tally: peak.tally, share: 1 },
  ]
  for (const load of LOADS) {
    const tally = await atRate(Math.round(peak.goodput * load), ms)
    rows.push({ name, what: `${load} × peak`, tally, share: tally.inTime / tally.seconds / peak.goodput })
  }
  return rows
}

function cellsOf({ name, what, tally, share }: Row): readonly string[] {
  const { seconds, wanted, sent, served, inTime, refused, broken, p50Ms, p99Ms } = tally
  const perSecond = (count: number): string => Math.round(count / seconds).toLocaleString('en')
  return [
    name,
    what,
    perSecond(wanted),
    perSecond(sent),
    perSecond(inTime),
    `${(share * 100).toFixed(0)} %`,
    perSecond(served - inTime),
    perSecond(refused),
    String(broken),
    p50Ms.toFixed(1),
    p99Ms.toFixed(1),
  ]
}

cleanUpOnExit()
try {
  const tools = findTools()
  for (const line of missingTools(tools)) console.log(line)
  const count = Math.min(Number(values.clients), Math.floor((openFilesLimit() - 1000) / 2.2))
  const args = ['--idle-connections', String(count), '--pin']
  const options = parseOptions(values.without === '' ? args : [...args, '--without', values.without])
  if (options === undefined) throw new Error('no options')
  const rig = await buildRig(options, tools)
  const cores = availableParallelism()
  if (tools.taskset !== undefined && cores > 1)
    execFileSync(tools.taskset, ['-acp', `0-${cores - 2}`, String(process.pid)], { stdio: 'ignore' })
  const rows: Row[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const name of rig.contenders) {
      if (name === 'floor') continue
      const running = await rig.launch(name, {
        connections: count * 2 + 500,
        clusterKeys: 'pool: { maxPerHost: 0, maxTotal: 0 }',
      })
      const clients = new Clients(running.port, count, REQUEST)
      await clients.open()
      rows.push(...(await measure(rig, name, clients)))
      clients.stop()
      await running.child.stop()
    }
  }
  console.log(
    `\nup to ${count} clients, a connection each; requests of ${REQUEST.length} bytes, per second; in time: 200 within ${patienceMs} ms; share: of the peak\n`,
  )
  const heads = [
    '',
    'load',
    'wanted',
    'sent',
    'in time',
    'share',
    'late',
    'refused',
    'broken',
    'p50 ms',
    'p99 ms',
  ]
  console.log(table(heads, rows.map(cellsOf)))
} catch (error) {
  console.error(messageOf(error))
  process.exitCode = 1
} finally {
  await stopAll()
}
