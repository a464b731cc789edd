import { REPORT_SOURCE } from '../shm/observation.ts'
import { BELIEF, BELIEF_WIDTH } from '../shm/beliefs.ts'
import type { Fleet } from '../shm/fleet.ts'
import { AdminWord, Verdict } from '../shm/tables.ts'

/** Whom a row must be about. */
type Tenant = { readonly id: number; readonly generation: number }

export type Reported = {
  readonly utilisation: number
  readonly qps: number
  readonly eps: number
  readonly source: string
  readonly atMs: number
}
export type Probed = { readonly rif: number; readonly latencyMs: number; readonly atMs: number }
export type Cost = { readonly cost: number; readonly atMs: number }

const SOURCES = Object.keys(REPORT_SOURCE)

/**
 * What the columns of the fleet memory say of one endpoint now: the same words that shards fold from the rings, read where every producer keeps
 * its last one. Nobody is asked and nothing is kept: for people and metrics, not for picks.
 */
export class EndpointColumns {
  readonly #fleet: Fleet
  readonly #beliefs: readonly Float64Array[]

  constructor(fleet: Fleet) {
    this.#fleet = fleet
    this.#beliefs = [...fleet.stripes.map((stripe) => stripe.beliefs), fleet.healthBeliefs]
  }

  /** The health actor's word; where it has none, that of an endpoint against which nothing speaks. */
  verdict({ id, generation }: Tenant): Verdict {
    const row = new Verdict()
    return this.#fleet.verdicts.read(id, row) && row.generation === generation ? row : new Verdict()
  }

  admin({ id, generation }: Tenant): AdminWord {
    const row = new AdminWord()
    return this.#fleet.admin.read(id, row) && row.generation === generation ? row : new AdminWord()
  }

  /** The largest over all producers at equal time, as costs decay by `decayMs`. */
  cost(tenant: Tenant, decayMs: number): Cost | undefined {
    let best: Cost | undefined
    for (const [beliefs, row] of this.#rows(tenant)) {
      const found = { cost: beliefs[row + BELIEF.cost]!, atMs: beliefs[row + BELIEF.costAt]! }
      if (found.atMs > 0 && (best === undefined || outweighs(found, best, decayMs))) best = found
    }
    return best
  }

  /** The newest over all producers. */
  reported(tenant: Tenant): Reported | undefined {
    const found = this.#newest(tenant, BELIEF.reportedAt)
    if (found === undefined) return undefined
    const [beliefs, row] = found
    return {
      utilisation: beliefs[row + BELIEF.utilisation]!,
      qps: beliefs[row + BELIEF.qps]!,
      eps: beliefs[row + BELIEF.eps]!,
      source: SOURCES[beliefs[row + BELIEF.source]!] ?? 'unknown',
      atMs: beliefs[row + BELIEF.reportedAt]!,
    }
  }

  probed(tenant: Tenant): Probed | undefined {
    const found = this.#newest(tenant, BELIEF.probedAt)
    if (found === undefined) return undefined
    const [beliefs, row] = found
    return {
      rif: beliefs[row + BELIEF.rif]!,
      latencyMs: beliefs[row + BELIEF.probeLatency]!,
      atMs: beliefs[row + BELIEF.probedAt]!,
    }
  }

  #newest(tenant: Tenant, timeColumn: number): readonly [Float64Array, number] | undefined {
    let best: readonly [Float64Array, number] | undefined
    let newestMs = 0
    for (const found of this.#rows(tenant)) {
      const atMs = found[0][found[1] + timeColumn]!
      if (atMs > newestMs) [best, newestMs] = [found, atMs]
    }
    return best
  }

  /** Rows of those producers who ever spoke of this tenant. */
  #rows({ id, generation }: Tenant): (readonly [Float64Array, number])[] {
    const row = id * BELIEF_WIDTH
    return this.#beliefs
      .filter((beliefs) => beliefs[row + BELIEF.generation] === generation)
      .map((beliefs) => [beliefs, row] as const)
  }
}

/** In logarithms: what is long past must not round to nothing. */
function outweighs(a: Cost, b: Cost, decayMs: number): boolean {
  return Math.log(a.cost) + a.atMs / decayMs > Math.log(b.cost) + b.atMs / decayMs
}
