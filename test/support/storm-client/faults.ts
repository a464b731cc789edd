import type { FaultKind } from '../../../src/proxy/control.ts'
import { ask } from '../backend.ts'
import type { Answer } from '../backend.ts'
import { shardsOf } from '../mortal.ts'
import { until } from '../weir.ts'
import type { Weir } from '../weir.ts'

/** Actors that are not shards, by the names under which the admin API can make them fail. */
export const OTHER_ACTORS = ['acceptor', 'telemetry', 'health', 'discovery'] as const

const PATIENCE_MS = 5000

/** The admin API's answer; undefined while telemetry, which serves it, is away. */
export async function post(weir: Weir, path: string, body?: object): Promise<Answer | undefined> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const options = { method: 'POST', signal, headers: { 'content-type': 'application/json' } }
  return ask(`${weir.adminUrl()}${path}`, {
    ...options,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => undefined)
}

/** Make a shard fail. False if it could not be told to (it is away itself). */
export async function faultShard(weir: Weir, shard: number, kind: FaultKind): Promise<boolean> {
  const answer = await post(weir, `/api/v1/shards/${shard}/fault`, { kind })
  return accepted(answer)
}

export async function faultActor(weir: Weir, actor: string, kind: FaultKind): Promise<boolean> {
  const answer = await post(weir, `/api/v1/actors/${actor}/fault`, { kind })
  return accepted(answer)
}

/** Planned replacement of one shard; false if it was refused. Answered when its successor serves. */
export async function restartShard(weir: Weir, shard: number): Promise<boolean> {
  const answer = await ask(`${weir.adminUrl()}/api/v1/shards/${shard}/restart`, { method: 'POST' })
  return accepted(answer)
}

function accepted(answer: Answer | undefined): boolean {
  if (answer === undefined) return false
  if (answer.status === 404 || answer.status === 403) throw new Error(`${answer.status}: ${answer.body}`)
  return answer.status >= 200 && answer.status < 300
}

/** Shards that are in service now. Waits while the admin API is away. */
export async function runningShards(weir: Weir): Promise<readonly number[]> {
  let running: readonly number[] = []
  await until(async () => {
    const shards = await shardsOf(weir).catch(() => undefined)
    if (shards === undefined) return false
    running = shards.filter(({ state }) => state === 'running').map(({ id }) => id)
    return true
  }, 'the admin API answers')
  return running
}

export async function restartsOf(weir: Weir, shard: number): Promise<number> {
  const shards = await shardsOf(weir).catch(() => [])
  return shards.find(({ id }) => id === shard)?.restarts ?? -1
}

/** Until every shard is in service. */
export async function healed(weir: Weir, shards: number): Promise<void> {
  await until(async () => (await runningShards(weir)).length === shards, 'all shards are in service')
}
