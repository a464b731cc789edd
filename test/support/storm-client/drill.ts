import type { FaultKind } from '../../../src/proxy/control.ts'
import type { Rng } from '../../../src/base/random.ts'
import { until } from '../weir.ts'
import type { Weir } from '../weir.ts'
import { faultActor, faultShard, runningShards } from './faults.ts'
import { childOf, planePid } from './remains.ts'
import type { Stage } from './stage.ts'

export type Kill = { readonly atMs: number; readonly actor: string; readonly kind: FaultKind }

/** Kill one shard after the other, so. Resolves when as many died, and came back, as there are kinds. */
export async function killShards(
  { weir, rng }: Pick<Stage, 'weir' | 'rng'>,
  kinds: readonly FaultKind[],
  everyMs: number,
): Promise<readonly Kill[]> {
  const kills: Kill[] = []
  for (const kind of kinds) {
    const nextMs = performance.now() + everyMs
    await until(async () => {
      const running = await runningShards(weir)
      if (running.length === 0) return false
      const shard = pick(rng, running)
      const atMs = performance.now()
      if (!(await faultShard(weir, shard, kind))) return false
      kills.push({ atMs, actor: `shard ${shard}`, kind })
      return true
    }, `a shard can be made to ${kind}`)
    await untilMs(nextMs)
  }
  return kills
}

/** The same of an actor that is no shard; each comes back before the next kill. */
export async function killActor(
  { weir }: Pick<Stage, 'weir'>,
  actor: string,
  kinds: readonly FaultKind[],
): Promise<readonly Kill[]> {
  const kills: Kill[] = []
  for (const kind of kinds) {
    const from = weir.lines.length
    await until(() => faultActor(weir, actor, kind), `${actor} can be made to ${kind}`)
    kills.push({ atMs: performance.now(), actor, kind })
    await weir.line(new RegExp(`^weir: ${actor} restarts`), from)
  }
  return kills
}

/** SIGKILL the process of the data plane; ms until another one has taken its place and `answered` grows again. Resolves when it has grown by some. */
export async function killPlane(weir: Weir, answered: () => number): Promise<number> {
  const pid = planePid(weir)
  if (pid === weir.process.pid) throw new Error('the data plane is no process of its own')
  const atMs = performance.now()
  process.kill(pid, 'SIGKILL')
  await until(() => (childOf(weir) ?? pid) !== pid, 'another data plane is started')
  const before = answered()
  await until(() => answered() > before, 'it serves')
  const ms = performance.now() - atMs
  await until(() => answered() > before + 100, 'it serves on')
  return ms
}

export function pick<T>(rng: Rng, from: readonly T[]): T {
  const chosen = from[rng.below(from.length)]
  if (chosen === undefined) throw new RangeError('nothing to pick from')
  return chosen
}

async function untilMs(atMs: number): Promise<void> {
  const leftMs = atMs - performance.now()
  if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs))
}
