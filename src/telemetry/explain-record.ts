/**
 * Why a request went where it went: what the admin API serves under `/api/v1/explain/{request-id}` and what a shard writes, as JSON text, to its
 * explain ring. The shapes are part of the contract with scripts. Addresses are for operators: none of this ever reaches a client.
 */
export type ExplainRecord = {
  /** The request id, as in `x-request-id`. */
  readonly id: string
  /** Unix ms of the request's first byte. */
  readonly at: number
  readonly shard: number
  readonly cluster: string
  /** Name of an outcome (`outcome.ts`), and the status the client got; 0: none. */
  readonly outcome: string
  readonly status: number
  readonly durationMs: number
  /** Kept because it failed, or because it was drawn. */
  readonly kept: 'failed' | 'sampled'
  readonly tries: readonly ExplainTry[]
}

/** One attempt: who was chosen, among whom, why, and what came of it. */
export type ExplainTry = {
  /** '' if nobody could be picked. */
  readonly endpoint: string
  readonly kind: 'first' | 'retry' | 'hedge' | 'stale-reuse'
  /** How the endpoint was found. `guard`: the operator's policy failed, the default one picked. `excluded`: all the policy drew had been tried, so the rest was drawn from by weight. */
  readonly by: 'policy' | 'sticky' | 'guard' | 'excluded' | 'warming-declined'
  readonly policy: string
  /** The set it was picked from, e.g. `priority 0, zone eu-1`, and whether health was disregarded. */
  readonly set: string
  readonly panic: boolean
  /** Of the view: its membership's number, its size, and the age in ms of the oldest fact of another shard folded into it that turn. */
  readonly epoch: number
  readonly size: number
  readonly stalenessMs: number
  readonly key: number
  /** State of the random generator before the pick: with it the pick replays. */
  readonly rng: readonly [number, number, number, number]
  /** Probability of this pick; null where the policy cannot tell. */
  readonly propensity: number | null
  readonly candidates: readonly ExplainCandidate[]
  /** Endpoints looked at in all, if more than are listed. */
  readonly looked: number
  readonly excluded: readonly { readonly endpoint: string; readonly why: string }[]
  readonly shadow: { readonly policy: string; readonly endpoint: string } | null
  /** What is needed to pick again (`balance/decision.ts`); null where the policy's state did not fit. */
  readonly replay: ExplainReplay | null
  /** `answered 200`, `connect-refused`, `cancelled`, … */
  readonly result: string
  readonly startedMs: number
  readonly tookMs: number
}

export type ExplainCandidate = {
  readonly endpoint: string
  /** As the policy scored it: lower is better. */
  readonly score: number
  readonly weight: number
  readonly warmth: number
  readonly inFlight: number
  readonly costMs: number
}

export type ExplainReplay = {
  readonly policy: string
  readonly options: Readonly<Record<string, number | string | boolean>>
  readonly nowMs: number
  readonly state: readonly number[]
  /** Columns of the view by name, for every endpoint of it, or (where `indexes` is not null) only for those the pick looked at. */
  readonly indexes: readonly number[] | null
  readonly columns: Readonly<Record<string, readonly number[]>>
  readonly picked: number
}
