import type { SlotIds } from './slots.ts'
import type { ClusterSpec, Leaving, ListenerSpec, Snapshot } from './snapshot.ts'

/** What is named no more, but lives on as long as somebody is connected through it: a tunnel outlives reloads. */
export const NOBODY_LEAVES: Leaving = { listeners: [], clusters: [] }

/** Who left from `before` to `now`, and who was `leaving` already and did not come back. An id that is named is not leaving: it stays, or is another's by now. */
export function leavingOf(before: Snapshot, leaving: Leaving, now: Snapshot): Leaving {
  const named = {
    listener: now.listeners.map(({ id }) => id),
    cluster: [],
    endpoint: now.clusters.flatMap(({ endpoints }) => endpoints.map(({ id }) => id)),
  }
  const all: Leaving = {
    listeners: uniqueById([...before.listeners, ...leaving.listeners]),
    clusters: merged([...before.clusters, ...leaving.clusters]),
  }
  return withoutIds(all, named)
}

/** These ids may be given to others from now on. */
export function withoutIds({ listeners, clusters }: Leaving, ids: SlotIds): Leaving {
  const [listener, cluster, endpoint] = [ids.listener, ids.cluster, ids.endpoint].map((of) => new Set(of))
  return {
    listeners: listeners.filter(({ id }) => !listener!.has(id)),
    clusters: clusters
      .filter(({ id }) => !cluster!.has(id))
      .map((spec) => ({ ...spec, endpoints: spec.endpoints.filter(({ id }) => !endpoint!.has(id)) }))
      .filter(({ endpoints }) => endpoints.length > 0),
  }
}

/** One of each, with the endpoints of all. Nobody is balanced there any more, and nobody needs a secret or an operator's policy for it. */
function merged(clusters: readonly ClusterSpec[]): readonly ClusterSpec[] {
  return uniqueById(clusters).map((spec) => ({
    ...spec,
    policy: { name: 'random', module: undefined, options: {} },
    shadow: undefined,
    sticky: undefined,
    endpoints: uniqueById(clusters.filter(({ id }) => id === spec.id).flatMap(({ endpoints }) => endpoints)),
  }))
}

function uniqueById<T extends Pick<ListenerSpec, 'id'>>(specs: readonly T[]): readonly T[] {
  const byId = new Map<number, T>()
  for (const spec of specs) if (!byId.has(spec.id)) byId.set(spec.id, spec)
  return [...byId.values()]
}
