import type { ExplainReplay, ExplainTry } from '../telemetry/explain-record.ts'
import { FIXED_COLUMNS, MOVING_COLUMNS, VIEW_COLUMNS } from './columns.ts'
import type { ColumnName, MovingColumn } from './columns.ts'
import { COLUMNS, KEPT } from './decision.ts'
import type { Decision } from './decision.ts'
import { ALL_FULL, BY, PICKED_BY } from './pick-request.ts'
import { WHOLE_VIEW } from './pick-set.ts'
import { DEFAULT_POLICY } from './policy-source.ts'
import { ClusterView } from './view.ts'

/** Endpoints listed with the reason why they could not be picked. */
const MAX_LISTED = 64

/** What the balancer knows of a try. */
export type ExplainedPick = Omit<ExplainTry, 'kind' | 'result' | 'startedMs' | 'tookMs'>

/** A decision in words and numbers. `tried`: addresses of the endpoints that the request had tried before. */
export const explainDecision = (decision: Decision, tried: readonly string[]): ExplainedPick => {
  const { info, index, size, key, propensity, rng } = decision
  const { policy, shadow } = info
  return {
    endpoint: index >= 0 ? info.addresses[index]! : '',
    by: PICKED_BY[decision.by]!,
    policy: decision.by === BY.guard ? DEFAULT_POLICY.name : policy.name,
    set: info.name,
    panic: info.panic,
    epoch: info.epoch,
    size,
    stalenessMs: decision.stalenessMs,
    key,
    rng: [rng[0]!, rng[1]!, rng[2]!, rng[3]!],
    propensity: Number.isNaN(propensity) ? null : propensity,
    candidates: candidatesOf(decision),
    looked: decision.looked,
    excluded: excludedOf(decision, tried),
    shadow:
      shadow === undefined || decision.shadow < 0
        ? null
        : { policy: shadow.name, endpoint: info.addresses[decision.shadow]! },
    replay: decision.kept === KEPT.none || decision.stateLength < 0 ? null : replayOf(decision),
  }
}

const COLUMN = Object.fromEntries(VIEW_COLUMNS.map((name, at) => [name, at])) as Record<ColumnName, number>

const candidatesOf = ({ info, count, indexes, scores, rows }: Decision): ExplainTry['candidates'] =>
  Array.from({ length: count }, (_, i) => {
    const of = (name: ColumnName): number => rows[i * COLUMNS + COLUMN[name]]!
    return {
      endpoint: info.addresses[indexes[i]!]!,
      score: scores[i]!,
      weight: of('baseWeights'),
      warmth: of('warmth'),
      inFlight: of('inFlight'),
      costMs: of('cost'),
    }
  })

const excludedOf = ({ info, slot }: Decision, tried: readonly string[]): ExplainTry['excluded'] => {
  const before = tried.map((endpoint) => ({ endpoint, why: 'tried before' }))
  const full =
    slot === ALL_FULL ? [{ endpoint: '', why: 'all are at their limit of exchanges under way' }] : []
  const open = info.panic ? new Set(info.addresses) : undefined
  const barred = info.members
    .filter(({ why, address }) => why !== '' && open?.has(address) !== true)
    .slice(0, MAX_LISTED)
    .map(({ address, why }) => ({ endpoint: address, why }))
  return [...before, ...full, ...barred]
}

/** Only columns in which something stands that is not in an empty view. */
const replayOf = (decision: Decision): ExplainReplay => {
  const { info, by, nowMs, state, stateLength, kept, index, indexes, count } = decision
  const { name, options } = by === BY.guard ? DEFAULT_POLICY : info.policy
  const noted = kept === KEPT.noted ? [...new Set(indexes.subarray(0, count))] : null
  const columns: Record<string, readonly number[]> = {}
  for (const column of FIXED_COLUMNS) columns[column] = decision.fixed![column]
  const blank = new ClusterView(1)
  for (const column of MOVING_COLUMNS) {
    const values = noted === null ? wholeColumn(decision, column) : notedColumn(decision, noted, column)
    if (values.some((value) => value !== blank[column][0])) columns[column] = values
  }
  return {
    policy: name,
    options,
    nowMs,
    state: [...state.subarray(0, stateLength)],
    indexes: noted,
    columns,
    picked: index,
  }
}

const wholeColumn = ({ whole, size }: Decision, column: MovingColumn): readonly number[] => {
  const at = MOVING_COLUMNS.indexOf(column) * WHOLE_VIEW
  return [...whole!.subarray(at, at + size)]
}

const notedColumn = (
  { rows, indexes, count }: Decision,
  noted: readonly number[],
  column: MovingColumn,
): readonly number[] =>
  noted.map((index) => rows[indexes.subarray(0, count).indexOf(index) * COLUMNS + COLUMN[column]]!)
