import { Sfc32 } from '../base/random.ts'
import type { ExplainReplay, ExplainTry } from '../telemetry/explain-record.ts'
import { FIXED_COLUMNS, MOVING_COLUMNS } from './columns.ts'
import type { Policy } from './policy.ts'
import { ClusterView } from './view.ts'

/** What of an explained try its pick follows from. */
export type Replayable = Pick<ExplainTry, 'epoch' | 'size' | 'key' | 'rng'> & {
  readonly replay: ExplainReplay
}

/**
 * Pick again: the view and the policy as they were, from the record alone. Law: the index that was picked. `policy`: a fresh one, by the
 * record's name and options.
 *
 * Columns are of all endpoints, or where `indexes` is not null of those, in that order; but `hashes` and the weights are always of all,
 * one number standing for all that are alike.
 */
export const replayPick = ({ epoch, size, key, rng, replay }: Replayable, policy: Policy): number => {
  const view = new ClusterView(size)
  view.epoch = epoch
  view.nowMs = replay.nowMs
  for (const name of FIXED_COLUMNS) {
    const values = replay.columns[name] ?? []
    if (values.length === 1) view[name].fill(values[0]!)
    else view[name].set(values)
  }
  for (const name of MOVING_COLUMNS) {
    const values = replay.columns[name]
    if (values === undefined) continue
    if (replay.indexes === null) view[name].set(values)
    else replay.indexes.forEach((index, i) => (view[name][index] = values[i]!))
  }
  const chance = new Sfc32(1, 2, 3)
  policy.rebuild(view, chance)
  policy.restore?.(Float64Array.from(replay.state), replay.state.length)
  chance.restore(rng)
  return policy.pick(view, key, chance)
}
