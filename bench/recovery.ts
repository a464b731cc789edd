import { parseArgs } from 'node:util'
import { setStage } from '../test/support/storm-client/stage.ts'
import type { Stage } from '../test/support/storm-client/stage.ts'
import { table } from './load/report.ts'
import { during, hanging, nothing, restarting, revivals, throwing } from './recovery/measures.ts'
import type { Measure } from './recovery/measures.ts'

/**
 * What clients feel when parts of weir are replaced, hang or die: `npm run bench:recovery [-- --seconds 10 --rounds 3]`. Each kind alternates with a
 * quiet round on the same program, so that what slows the machine slows both.
 */
const SHARDS = 2
/** A shard that hangs is left so for a second: what is felt is what is done before it is ended. */
const SUPERVISION = '{ killAfter: 1s, heap: 64MiB, maxRestarts: 10000, backoff: { first: 10ms, max: 50ms } }'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, rounds: { type: 'string', default: '3' } },
})
const seconds = Number(values.seconds)
const rounds = Number(values.rounds)

const cleanUps: (() => unknown)[] = []
const scope = { after: (cleanUp: () => unknown): void => void cleanUps.push(cleanUp) }

function cellsOf({ what, requests, failed, p50, p99, max, newP99, newMax }: Measure): readonly string[] {
  const ms = [p50, p99, max, newP99, newMax].map((value) => value.toFixed(1))
  return [what, String(requests), String(failed), ...ms]
}

async function round(stage: Stage): Promise<readonly Measure[]> {
  return [
    await during(stage, 'quiet', seconds, nothing),
    await during(stage, 'a shard is restarted every second', seconds, restarting(stage, SHARDS)),
    await during(stage, 'a shard throws every second', seconds, throwing(stage)),
    await during(stage, 'a shard hangs for a second', seconds, hanging(stage, SHARDS)),
  ]
}

const heads = ['', 'requests', 'failed', 'p50 ms', 'p99 ms', 'max ms', 'new: p99 ms', 'new: max ms']
try {
  const stage = await setStage(scope, { shards: SHARDS, supervision: SUPERVISION }, 1)
  const rows: (readonly string[])[] = []
  for (let at = 0; at < rounds; at++) rows.push(...(await round(stage)).map(cellsOf))
  console.log(table(heads, rows))
  const times = await revivals(stage, rounds)
  console.log(`\nSIGKILL of the data plane to service: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`)
} finally {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
}
