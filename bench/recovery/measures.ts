import { setTimeout as sleep } from 'node:timers/promises'
import { killPlane } from '../../test/support/storm-client/drill.ts'
import { faultShard, healed, restartShard, runningShards } from '../../test/support/storm-client/faults.ts'
import type { Stage } from '../../test/support/storm-client/stage.ts'
import type { Crowd, Storm } from '../../test/support/storm-client/storm.ts'

/** What one storm of a bench showed. Latencies in ms; of requests on kept connections, and of new ones: connecting and the first answer together. */
export type Measure = {
  readonly what: string
  readonly requests: number
  readonly failed: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly newP99: number
  readonly newMax: number
}

/** Half a core's worth: what waits shall wait for us, not for the machine. */
export const CALM: Crowd = {
  busy: 0,
  idle: 64,
  idleEveryMs: 64,
  newPerSecond: 200,
  postShare: 0,
  tunnels: 0,
}

export function measureOf(what: string, { ledger }: Storm): Measure {
  const kept = ledger.account('idle').latencies
  const fresh = ledger.account('new').visits
  return {
    what,
    requests: ledger.sent,
    failed: ledger.sent - ledger.total('answered') + ledger.dialled('refused') + ledger.dialled('overdue'),
    p50: kept.quantileMs(0.5),
    p99: kept.quantileMs(0.99),
    max: kept.maxMs,
    newP99: fresh.quantileMs(0.99),
    newMax: fresh.maxMs,
  }
}

/** Run a storm while something is done to the program again and again. */
export async function during(
  stage: Stage,
  what: string,
  seconds: number,
  act: (turn: number) => Promise<unknown>,
): Promise<Measure> {
  const storm = stage.storm(CALM)
  await storm.begin()
  const endMs = performance.now() + seconds * 1000
  for (let turn = 0; performance.now() < endMs; turn++) {
    const nextMs = performance.now() + 1000
    await act(turn)
    await sleep(Math.max(0, nextMs - performance.now()))
  }
  await storm.end()
  return measureOf(what, storm)
}

export const nothing = (): Promise<void> => Promise.resolve()

/** Planned replacement, the shards in turn. */
export function restarting({ weir }: Stage, shards: number): (turn: number) => Promise<unknown> {
  return (turn) => restartShard(weir, turn % shards)
}

/** A loop without end, ended after `killAfter`; every third second, so that nobody meets two in a row. */
export function hanging({ weir }: Stage, shards: number): (turn: number) => Promise<unknown> {
  return async (turn) => {
    if (turn % 3 !== 0) return
    await healed(weir, shards)
    await faultShard(weir, (turn / 3) % shards, 'spin')
  }
}

/** An exception, contained by nobody. */
export function throwing({ weir }: Stage): (turn: number) => Promise<unknown> {
  return async (turn) => {
    const running = await runningShards(weir)
    const shard = running[turn % running.length]
    if (shard !== undefined) await faultShard(weir, shard, 'throw')
  }
}

/** ms from SIGKILL of the data plane until requests are answered again. */
export async function revivals(stage: Stage, rounds: number): Promise<readonly number[]> {
  const storm = stage.storm(CALM)
  await storm.begin()
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    times.push(await killPlane(stage.weir, () => storm.ledger.total('answered')))
    await sleep(1000)
  }
  await storm.end()
  return times
}
