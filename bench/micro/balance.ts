/** What a pick and a rebuild cost per policy, at 2 to 10,000 endpoints: `node bench/micro.ts balance`. */
import { POLICY_DEFAULTS } from '../../src/balance/options.ts'
import type { Policy } from '../../src/balance/policy.ts'
import { makePolicy } from '../../src/balance/registry.ts'
import { ClusterView } from '../../src/balance/view.ts'
import { mix32, seededRng } from '../../src/base/random.ts'
import type { PolicyOptions } from '../../src/config/snapshot.ts'
import type { Row } from './support/loop.ts'

const SIZES = [2, 10, 100, 1000, 10_000]
/** Picks that see the same `nowMs`: a turn of a busy shard. */
const PICKS_PER_TURN = 16

/** The same as what it is compared with, but for the choice. */
class NullPolicy implements Policy {
  readonly heedsWeights = true
  rebuild(): void {}

  pick(view: ClusterView): number {
    view.considered.note(0, 0)
    return 0
  }
}

/** A fleet at work: everyone has a few exchanges under way, costs, reports and probes of different ages. */
function fleetOf(size: number, weighted: boolean): ClusterView {
  const rng = seededRng(size)
  const view = new ClusterView(size)
  view.nowMs = 1_000_000
  for (let i = 0; i < size; i++) {
    view.hashes[i] = mix32(i + 1)
    if (weighted) view.baseWeights[i] = view.weights[i] = 1 + (i % 7)
    view.inFlight[i] = rng.below(8)
    view.cost[i] = 1 + rng.next() * 50
    view.costAtMs[i] = view.nowMs - rng.next() * 1000
    view.succeeded[i] = rng.below(10_000)
    view.latencySumMs[i] = view.succeeded[i]! * 20
    view.readySinceMs[i] = 0
    view.utilisation[i] = 0.2 + rng.next() / 2
    view.reportedQps[i] = 100 + rng.below(100)
    view.reportedAtMs[i] = view.nowMs - 500
    view.probedRif[i] = rng.below(8)
    view.probedLatencyMs[i] = 1 + rng.next() * 50
    view.probedAtMs[i] = view.nowMs
    view.probeSeq[i] = 1
  }
  return view
}

/** In-flight follows the picks, with as many under way as at the beginning: the last one picked replaces one picked before. */
function picking(policy: Policy, view: ClusterView): (at: number) => number {
  const rng = seededRng(7)
  policy.rebuild(view, rng)
  const under = new Int32Array(256).fill(-1)
  return (at) => {
    if (at % PICKS_PER_TURN === 0) {
      view.nowMs += 0.5
      const probed = at % view.size
      view.probeSeq[probed]!++
      view.probedAtMs[probed] = view.nowMs
    }
    view.considered.clear()
    const index = policy.pick(view, at, rng)
    const ended = under[at & 255]!
    if (ended >= 0) view.inFlight[ended]!--
    under[at & 255] = index
    view.inFlight[index]!++
    return index
  }
}

function rebuilding(policy: Policy, view: ClusterView): () => number {
  const rng = seededRng(8)
  return () => {
    policy.rebuild(view, rng)
    return view.size
  }
}

type Contender = readonly [name: string, make: () => Policy, weighted: boolean]

const builtIn = (name: string, options: PolicyOptions = {}): (() => Policy) => {
  return () => makePolicy({ name, options })
}

const names = Object.keys(POLICY_DEFAULTS)
const HEEDING = ['round-robin', 'weighted-random', 'p2c', 'one-plus-beta', 'peak-ewma']

const contenders: readonly Contender[] = [
  ['no policy', () => new NullPolicy(), false],
  ...names.map((name): Contender => [name, builtIn(name), false]),
  ['least-request, scan', builtIn('least-request', { mode: 'scan' }), false],
  ['least-request, edf', builtIn('least-request', { mode: 'edf' }), false],
  ...HEEDING.map((name): Contender => [`${name}, weighted`, builtIn(name), true]),
]

const rowsOf = ([name, make, weighted]: Contender): Row[] => [
  ...SIZES.map((size): Row => [`${name}: pick of ${size}`, picking(make(), fleetOf(size, weighted))]),
  ...[100, 10_000].map((size): Row => [
    `${name}: rebuild of ${size}`,
    rebuilding(make(), fleetOf(size, weighted)),
  ]),
]

export const rows: readonly Row[] = contenders.flatMap(rowsOf)
