import type { EndpointSpec, Snapshot } from '../config/snapshot.ts'
import type { Fleet } from '../shm/fleet.ts'
import { Verdict } from '../shm/tables.ts'
import type { Totals } from '../telemetry/history.ts'
import type { NamedWish } from './overlay.ts'

/**
 * What one process of the program leaves to the next, as plain data: by the names of the configuration, since slots are each
 * process's own. Times are of the machine's monotonic clock, which both read.
 */
export type Heritage = {
  readonly secrets: Secrets
  readonly wishes: readonly NamedWish[]
  readonly verdicts: readonly NamedVerdict[]
  readonly totals: Totals
}

/** Drawn once, and then the program's: sticky cookies and hashes of clients mean the same after a replacement. */
export type Secrets = {
  /** Stands in for keys nobody configured. Hexadecimal. */
  readonly drawn: string
  readonly hashKey: readonly [number, number]
}

type VerdictFields = Omit<Verdict, 'generation'>

export type NamedVerdict = VerdictFields & { readonly cluster: string; readonly address: string }

type Named = { readonly cluster: string; readonly endpoint: EndpointSpec }

const everyEndpoint = ({ clusters }: Snapshot): readonly Named[] =>
  clusters.flatMap(({ name, endpoints }) => endpoints.map((endpoint) => ({ cluster: name, endpoint })))

/** What the health actor decided of the endpoints that there are. */
export function verdictsOf(fleet: Fleet, snapshot: Snapshot): readonly NamedVerdict[] {
  const row = new Verdict()
  return everyEndpoint(snapshot).flatMap(({ cluster, endpoint }) => {
    const known = fleet.verdicts.read(endpoint.id, row) && row.generation === endpoint.generation
    if (!known) return []
    const { generation: _, ...verdict } = row
    return [{ ...verdict, cluster, address: endpoint.address }]
  })
}

/** Write them into the rows of the same endpoints here. Before anybody who reads or writes them lives. */
export function restoreVerdicts(fleet: Fleet, snapshot: Snapshot, verdicts: readonly NamedVerdict[]): void {
  const byName = new Map(verdicts.map((verdict) => [`${verdict.cluster} ${verdict.address}`, verdict]))
  const row = new Verdict()
  for (const { cluster, endpoint } of everyEndpoint(snapshot)) {
    const verdict = byName.get(`${cluster} ${endpoint.address}`)
    if (verdict === undefined) continue
    const { state, reason, sinceMs, ejections, ejectedUntilMs, share } = verdict
    const { id, generation } = endpoint
    fleet.verdicts.write(
      id,
      Object.assign(row, { generation, state, reason, sinceMs, ejections, ejectedUntilMs, share }),
    )
  }
}
