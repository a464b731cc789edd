/** What a run leaves behind: the shape of the JSON file. Figures carry their unit in their name. */

export type SectionName = 'small' | 'logs' | 'bodies' | 'idle' | 'shards' | 'balance'

export const sectionNames: readonly SectionName[] = ['small', 'logs', 'bodies', 'idle', 'shards', 'balance']

export type Metrics = Readonly<Record<string, number>>

/** One measurement of one contender. */
export type Sample = {
  readonly section: SectionName
  readonly case: string
  readonly contender: string
  readonly round: number
  readonly metrics: Metrics
}

/** One contender's samples of one case, condensed. */
export type Summary = {
  readonly section: SectionName
  readonly case: string
  readonly contender: string
  readonly medians: Metrics
  readonly min: Metrics
  readonly max: Metrics
}

export type Verdict = {
  readonly section: SectionName
  readonly case: string
  readonly target: string
  readonly value: number
  readonly limit: number
  readonly goal: number
  readonly reached: 'goal' | 'target' | 'missed'
}

export type ResultFile = {
  readonly schema: 1
  readonly startedAt: string
  readonly machine: Readonly<Record<string, string | number>>
  readonly versions: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, unknown>>
  readonly warnings: readonly string[]
  readonly samples: readonly Sample[]
  readonly summaries: readonly Summary[]
  readonly verdicts: readonly Verdict[]
}
