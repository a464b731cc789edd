import { readdirSync, readFileSync } from 'node:fs'
import { ask } from '../backend.ts'
import { scrape } from '../observe.ts'
import { until } from '../weir.ts'
import type { Weir } from '../weir.ts'

/** What the process that holds the data plane has of the machine. */
export type Holdings = { readonly fds: number; readonly threads: number; readonly residentBytes: number }

/** The process with the shards: the master's child, or the program itself where it has none. */
export function planePid(weir: Weir): number {
  const pid = childOf(weir) ?? weir.process.pid
  if (pid === undefined) throw new Error('it has not started')
  return pid
}

/** The last process that the program started and that runs. */
export function childOf({ process: { pid } }: Weir): number | undefined {
  if (pid === undefined) return undefined
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
      .split(' ')
      .filter((word) => word !== ''),
  )
  return children.map(Number).at(-1)
}

/** Descriptors without those of connections that are kept: of idle ones to endpoints there are now more, now fewer. */
export async function holdings(weir: Weir): Promise<Holdings> {
  const pid = planePid(weir)
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
  const kept = (await scrape(weir)).value('weir_engine_connections')
  return {
    fds: readdirSync(`/proc/${pid}/fd`).length - kept,
    threads: field('Threads'),
    residentBytes: field('VmRSS') * 1024,
  }
}

/** Gauges that are 0 when no client is there. Idle connections to endpoints may stay. */
const GAUGES = [
  'weir_listener_connections',
  'weir_listener_exchanges_in_flight',
  'weir_cluster_exchanges_in_flight',
  'weir_cluster_exchanges_waiting',
  'weir_endpoint_exchanges_in_flight',
  'weir_endpoint_exchanges_waiting',
  'weir_engine_queued_bytes',
] as const

type Clusters = {
  readonly clusters: readonly { readonly endpoints: readonly { readonly inFlight: number }[] }[]
}

/** The in-flight columns tell the truth: nobody is there, nothing is under way. */
export async function settled(weir: Weir): Promise<void> {
  for (const gauge of GAUGES) {
    await until(async () => (await scrape(weir)).value(gauge) === 0, `${gauge} is 0`)
  }
  // Every connection to an endpoint that is counted exists, and is idle.
  await until(async () => {
    const metrics = await scrape(weir)
    const idle = metrics.value('weir_endpoint_connections_idle')
    const open = metrics.value('weir_engine_connections')
    return idle === metrics.value('weir_endpoint_connections') && idle === open
  }, 'connections to endpoints are idle, and as many as the engines have')
  const { body } = await ask(`${weir.adminUrl()}/api/v1/clusters`)
  const { clusters } = JSON.parse(body) as Clusters
  const inFlight = clusters.flatMap(({ endpoints }) => endpoints.map((endpoint) => endpoint.inFlight))
  if (inFlight.some((count) => count !== 0)) throw new Error(`in flight for ever: ${inFlight.join()}`)
}
