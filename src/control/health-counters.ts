import type { Snapshot } from '../config/snapshot.ts'
import { ENDPOINT_STATES, HEALTH_REASONS } from '../health/states.ts'
import type { Fleet } from '../shm/fleet.ts'
import { Verdict } from '../shm/tables.ts'
import type { Labels, MetricFamily } from '../telemetry/exposition.ts'

/** Columns of `fleet.healthCounters`. Writer: the health actor. They outlive it. */
const COLUMN = {
  passed: 0,
  failed: 1,
  cancelled: 2,
  capped: 3,
  refusedByBudget: 4,
  prequalAnswered: 5,
  prequalFailed: 6,
  recordsLost: 7,
  /** One per `HEALTH_REASONS` from here on. */
  ejections: 16,
} as const

export type HealthCount = Exclude<keyof typeof COLUMN, 'ejections'>

/** The health actor's own counters. */
export class HealthCounters {
  readonly #row: Float64Array

  constructor(fleet: Fleet) {
    this.#row = fleet.healthCounters
  }

  add(what: HealthCount, count = 1): void {
    this.#row[COLUMN[what]]! += count
  }

  ejected(reason: number): void {
    this.#row[COLUMN.ejections + reason]!++
  }
}

/** What the health actor does, and what became of the endpoints by it. */
export function healthFamilies(fleet: Fleet, snapshot: Snapshot): readonly MetricFamily[] {
  const row = fleet.healthCounters
  const sample = (column: number, labels: Labels): MetricFamily['samples'][number] => ({
    labels,
    value: row[column] ?? 0,
  })
  const counter = (name: string, help: string, samples: MetricFamily['samples']): MetricFamily => ({
    name,
    help,
    type: 'counter',
    samples,
  })
  return [
    counter('weir_health_probes_total', 'Health checks and recovery probes by result.', [
      sample(COLUMN.passed, { result: 'passed' }),
      sample(COLUMN.failed, { result: 'failed' }),
      sample(COLUMN.cancelled, { result: 'cancelled' }),
    ]),
    counter(
      'weir_health_ejections_total',
      'Endpoints put into quarantine, by the rule that tripped.',
      RULES.map((rule) => sample(COLUMN.ejections + HEALTH_REASONS.indexOf(rule), { rule })),
    ),
    counter('weir_health_ejections_refused_total', 'Ejections the budget did not allow.', [
      sample(COLUMN.refusedByBudget, {}),
    ]),
    counter(
      'weir_health_probes_capped_total',
      'Times a probe had to wait for the cap on probes per second.',
      [sample(COLUMN.capped, {})],
    ),
    counter('weir_health_prequal_probes_total', 'Prequal probes by result.', [
      sample(COLUMN.prequalAnswered, { result: 'answered' }),
      sample(COLUMN.prequalFailed, { result: 'failed' }),
    ]),
    counter('weir_health_facts_lost_total', 'Records of shards that the health actor never saw.', [
      sample(COLUMN.recordsLost, {}),
    ]),
    endpointStates(fleet, snapshot),
  ]
}

const RULES = [
  'consecutive connection failures',
  'consecutive HTTP errors',
  'ratio of HTTP errors',
  'latency above the cluster',
] as const

function endpointStates(fleet: Fleet, { clusters }: Snapshot): MetricFamily {
  const verdict = new Verdict()
  const samples = clusters.flatMap(({ name, endpoints }) => {
    const counts = ENDPOINT_STATES.map(() => 0)
    for (const { id, generation } of endpoints) {
      const isKnown = fleet.verdicts.read(id, verdict) && verdict.generation === generation
      counts[isKnown ? verdict.state : 0]!++
    }
    return ENDPOINT_STATES.map((state, index) => ({
      labels: { cluster: name, state },
      value: counts[index] ?? 0,
    }))
  })
  return { name: 'weir_health_endpoints', help: 'Endpoints by state.', type: 'gauge', samples }
}
