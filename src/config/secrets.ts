import type { Snapshot } from './snapshot.ts'

/** A snapshot for those who show it or need no secret: the keys of sticky sessions are zeroes. */
export function withoutSecrets(snapshot: Snapshot): Snapshot {
  const clusters = snapshot.clusters.map((cluster) =>
    cluster.sticky === undefined
      ? cluster
      : { ...cluster, sticky: { ...cluster.sticky, key: [0, 0, 0, 0] as const } },
  )
  return { ...snapshot, clusters }
}
