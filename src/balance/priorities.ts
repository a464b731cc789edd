/** A level keeps all of its load as long as its healthy endpoints times this are what it has: down to 72 % healthy (Envoy). */
export const OVERPROVISIONING = 1.4

/** What a level of priority has. Weights are summed. */
export type Level = {
  /** Of all endpoints that an operator has not taken out; > 0. */
  readonly weight: number
  readonly count: number
  /** Of those that may be picked, as far as slow start allows. */
  readonly healthyWeight: number
  readonly healthyCount: number
}

export type LevelLoad = {
  /** Of all requests, 0…1. */
  readonly share: number
  /** Health is not heeded in this level. */
  readonly panic: boolean
}

/**
 * What each level gets, the preferred first: as much as its healthy endpoints can take, and what is left goes to the next (Envoy's
 * priority levels). If all together cannot take it, each gets its part of what they can.
 *
 * A level in which less than a share of `panic` of the endpoints is healthy panics, unless the levels together can take everything; if all
 * do, they get by weight. Without panic (0), levels without a healthy endpoint get nothing.
 */
export const levelLoads = (levels: readonly Level[], panic: number): readonly LevelLoad[] => {
  const health = levels.map(({ weight, healthyWeight }) =>
    Math.min(1, (OVERPROVISIONING * healthyWeight) / weight),
  )
  const total = health.reduce((sum, one) => sum + one, 0)
  const suffice = total >= 1 && levels.length > 1
  const panics = levels.map(({ count, healthyCount }) => !suffice && healthyCount / count < panic)
  if (panics.every((one) => one)) {
    const all = levels.reduce((sum, { weight }) => sum + weight, 0)
    return levels.map(({ weight }) => ({ share: weight / all, panic: true }))
  }
  let left = 1
  return levels.map((_, at) => {
    const share = total === 0 ? 0 : Math.min(left, health[at]! / Math.min(1, total))
    left -= share
    return { share, panic: panics[at]! }
  })
}
