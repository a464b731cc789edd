import { latencyBoundMs, lowerMedian } from './latency.ts'
import type { LatencyRule, Outstanding } from './latency.ts'
import type { Member } from './member.ts'
import type { HealthWorld } from './world.ts'

/** An endpoint whose latency is above its cluster's, with the figures for people. */
export type SlowOne = { readonly member: Member; readonly detail: string }

/**
 * The latency rule: members in service whose mean in the window, or whose silence, is above what the median of the means
 * bears. A cluster of whom nobody has enough answers has no median, and nobody is slow.
 */
export const slowOnes = (
  members: Iterable<Member>,
  rule: LatencyRule,
  world: Pick<HealthWorld, 'inFlight' | 'startSumMs'>,
  { nowMs, longestMs }: { readonly nowMs: number; readonly longestMs: number },
): readonly SlowOne[] => {
  const judged = [...members].filter((member) => member.life.inService && member.counts)
  const [last, lastButOne] = lastAnswers(judged)
  const facts = judged.map((member) => {
    const { id } = member.spec
    const { latency } = member.evidence
    const outstanding: Outstanding = {
      inFlight: world.inFlight(id),
      startSumMs: world.startSumMs(id),
      othersAnsweredAt: latency?.answeredAt === last ? lastButOne : last,
      longestMs,
    }
    return { member, latency, outstanding, meanMs: latency?.mean(rule, outstanding, nowMs) ?? NaN }
  })
  const medianMs = lowerMedian(facts.map(({ meanMs }) => meanMs))
  if (Number.isNaN(medianMs)) return []
  const boundMs = latencyBoundMs(medianMs, rule)
  return facts.flatMap(({ member, latency, outstanding, meanMs }) => {
    const stuckMs = latency?.stuckMs(rule, outstanding, boundMs, nowMs) ?? 0
    const worstMs = Math.max(Number.isNaN(meanMs) ? 0 : meanMs, stuckMs)
    if (worstMs <= boundMs) return []
    return [{ member, detail: `${Math.round(worstMs)} ms, median ${Math.round(medianMs)} ms` }]
  })
}

/** The two latest moments at which somebody answered. */
const lastAnswers = (members: readonly Member[]): readonly [number, number] => {
  let last = -Infinity
  let lastButOne = -Infinity
  for (const { evidence } of members) {
    const at = evidence.latency?.answeredAt ?? -Infinity
    if (at >= last) {
      lastButOne = last
      last = at
    } else if (at > lastButOne) lastButOne = at
  }
  return [last, lastButOne]
}
