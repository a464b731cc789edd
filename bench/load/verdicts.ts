import type { Sample, SectionName, Summary, Verdict } from './results.ts'
import { median, pairedRatio } from './stats.ts'

/** What weir has to reach, and what it wants to. */
type Target = {
  readonly sections: readonly SectionName[]
  readonly metric: string
  readonly against: 'peer' | 'floor' | 'one shard' | 'turns' | 'absolute'
  readonly limit: number
  readonly goal: number
}

const targets: readonly Target[] = [
  { sections: ['small', 'logs'], metric: 'cpuUsPerRequest', against: 'peer', limit: 0.95, goal: 0.9 },
  { sections: ['small'], metric: 'cpuUsPerRequest', against: 'floor', limit: 1.25, goal: 1.15 },
  { sections: ['bodies'], metric: 'cpuSecondsPerGiB', against: 'peer', limit: 1, goal: 1 },
  { sections: ['idle'], metric: 'residentBytesPerConnection', against: 'absolute', limit: 2048, goal: 1024 },
  { sections: ['shards'], metric: 'cpuUsPerRequest', against: 'one shard', limit: 1.05, goal: 1 },
  { sections: ['balance'], metric: 'cpuUsPerRequest', against: 'turns', limit: 1.03, goal: 1.03 },
]

const peers: readonly string[] = ['nginx', 'haproxy']

/** The figure that is the cost in a section: the one contenders are compared by. */
export const costOf = (section: SectionName): string =>
  targets.find((target) => target.sections.includes(section))?.metric ?? 'cpuUsPerRequest'

/** Of the peers that were measured, the one with the lower median. */
export const cheaperPeer = (summaries: readonly Summary[], metric: string): string | undefined =>
  summaries
    .filter((summary) => peers.includes(summary.contender))
    .toSorted((a, b) => (a.medians[metric] ?? Number.NaN) - (b.medians[metric] ?? Number.NaN))[0]?.contender

/** `samples` and `summaries` are of one case. */
const valueOf = (target: Target, samples: readonly Sample[], summaries: readonly Summary[]): number => {
  const of = (contender: string | undefined): Sample[] => samples.filter((s) => s.contender === contender)
  const { metric } = target
  if (target.against === 'absolute') return median(of('weir').map((s) => s.metrics[metric] ?? Number.NaN))
  if (target.against === 'one shard') return pairedRatio(of('weir, 2 shards'), of('weir, 1 shard'), metric)
  if (target.against === 'turns') return pairedRatio(of('p2c, guarded'), of('round-robin'), metric)
  const other = target.against === 'floor' ? 'floor' : cheaperPeer(summaries, metric)
  return pairedRatio(of('weir'), of(other), metric)
}

const titleOf = (target: Target, summaries: readonly Summary[]): string => {
  if (target.against === 'absolute') return 'bytes resident per connection'
  if (target.against === 'one shard') return '2 shards × 1 shard'
  if (target.against === 'turns') return 'p2c, guarded × round-robin'
  return target.against === 'floor' ? '× floor' : `× ${cheaperPeer(summaries, target.metric) ?? 'peer'}`
}

/** Targets whose figures were not measured are left out. */
export const verdictsOf = (samples: readonly Sample[], summaries: readonly Summary[]): Verdict[] => {
  const verdicts: Verdict[] = []
  for (const [, group] of Map.groupBy(summaries, (s) => `${s.section}\0${s.case}`)) {
    const { section, case: name } = group[0] as Summary
    const measured = samples.filter((s) => s.section === section && s.case === name)
    for (const target of targets) {
      if (!target.sections.includes(section)) continue
      const value = valueOf(target, measured, group)
      if (Number.isNaN(value)) continue
      const reached = value <= target.goal ? 'goal' : value <= target.limit ? 'target' : 'missed'
      const { limit, goal } = target
      verdicts.push({ section, case: name, target: titleOf(target, group), value, limit, goal, reached })
    }
  }
  return verdicts
}
