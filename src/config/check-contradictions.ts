/**
 * Times and limits that contradict each other: nothing is wrong with either, but one makes the other useless or harmful. Warnings, each with both
 * places and what to change. Nobody is warned of defaults: somebody must have
 * written one of the two values, for most warnings both.
 */
import type { Findings } from './findings.ts'
import type { Path } from './plain.ts'
import { cluster as clusterSchema } from './schema/cluster.ts'
import { drain as drainSchema } from './schema/lifecycle.ts'
import { listener as listenerSchema } from './schema/listener.ts'
import type { ClusterConfig, Config, ListenerConfig } from './schema/root.ts'
import type { Draft } from './schema/types.ts'
import { formatDuration, parseDuration } from './values/duration.ts'

type ConfigDraft = Draft<Config>
type ClusterDraft = Draft<ClusterConfig>
type ListenerDraft = Draft<ListenerConfig>

/** A value with its place; undefined where it was wrong or is absent. */
type Placed = { readonly value: number | undefined; readonly path: Path; readonly byDefault?: string }

const byDefault = {
  hard: drainSchema.fields.hard.default,
  tunnel: listenerSchema.fields.timeouts.fields.tunnel.default,
  server: clusterSchema.fields.timeouts.fields.server.default,
} as const

/** Who must have written a value for the two to be a contradiction. */
type Written = 'both' | 'either'

/** The warning stands at the first of the two. */
type Clash = {
  readonly at: Placed
  readonly other: Placed
  readonly by: Written
  /** What is wrong with it, and what to do, around the place of the other. */
  readonly says: (at: number, other: number, where: string) => string
}

export function checkContradictions(config: ConfigDraft, found: Findings): void {
  checkProgram(config, found)
  for (const [name, listener] of config.listeners ?? []) {
    if (listener === undefined) continue
    checkListener(['listeners', name], listener, config, found)
    checkIdle(['listeners', name], listener, config, found)
  }
  for (const [name, cluster] of config.clusters ?? []) {
    if (cluster === undefined) continue
    checkTimeouts(['clusters', name], cluster, found)
    checkTries(['clusters', name], cluster, found)
    checkCounts(['clusters', name], cluster, found)
    checkBetween(['clusters', name], cluster, config, found)
  }
}

function checkProgram({ supervision }: ConfigDraft, found: Findings): void {
  const path = ['supervision']
  const { stuckAfter, killAfter, backoff } = supervision ?? {}
  whenAtLeast(found, {
    at: { value: stuckAfter, path: [...path, 'stuckAfter'] },
    other: { value: killAfter, path: [...path, 'killAfter'] },
    by: 'either',
    says: (stuck, kill, where) =>
      `a shard is ended after ${formatDuration(kill)} (killAfter, at ${where}), before it counts as stuck after ${formatDuration(stuck)}: nobody stands in for it meanwhile; raise killAfter or lower this`,
  })
  whenAbove(found, {
    at: { value: backoff?.first, path: [...path, 'backoff', 'first'] },
    other: { value: backoff?.max, path: [...path, 'backoff', 'max'] },
    by: 'either',
    says: (_first, max, where) =>
      `is above the bound of all pauses, ${formatDuration(max)} (max, at ${where}): raise max or lower this`,
  })
}

function checkListener(path: Path, listener: ListenerDraft, config: ConfigDraft, found: Findings): void {
  const { timeouts, limits, drain } = listener
  const hard: Placed = { value: config.drain?.hard, path: ['drain', 'hard'], byDefault: byDefault.hard }
  whenAbove(found, {
    at: { value: timeouts?.tunnel, path: [...path, 'timeouts', 'tunnel'], byDefault: byDefault.tunnel },
    other: drain?.hard === undefined ? hard : { value: drain.hard, path: [...path, 'drain', 'hard'] },
    by: 'both',
    says: (tunnel, limit, where) =>
      `a tunnel may be silent for ${formatDuration(tunnel)}, but a drain resets what is left after ${formatDuration(limit)} (hard, at ${where}): raise that for tunnels to survive a stop, or lower this`,
  })
  const age = timeouts?.connectionAge
  whenAbove(found, {
    at: { value: timeouts?.keepAlive, path: [...path, 'timeouts', 'keepAlive'] },
    other: { value: age === 0 ? undefined : age, path: [...path, 'timeouts', 'connectionAge'] },
    by: 'both',
    says: (_idle, limit, where) =>
      `is never reached: a connection is closed when it is ${formatDuration(limit)} old (connectionAge, at ${where}); raise that or lower this`,
  })
  whenAbove(found, {
    at: { value: limits?.connectionsPerClient, path: [...path, 'limits', 'connectionsPerClient'] },
    other: { value: positive(limits?.connections), path: [...path, 'limits', 'connections'] },
    by: 'both',
    says: (_client, all, where) =>
      `is never reached: all clients together may have ${all} (connections, at ${where}); raise that or lower this`,
  })
  whenAbove(found, {
    at: { value: drain?.window, path: [...path, 'drain', 'window'] },
    other: { value: drain?.hard, path: [...path, 'drain', 'hard'] },
    by: 'both',
    says: (_window, limit, where) =>
      `is longer than ${formatDuration(limit)} (hard, at ${where}), which is raised to it: raise hard or lower this`,
  })
}

/** Who raises one end's idle time and leaves the other as it is forgot it, or so it seems; said once for a listener. */
function checkIdle(path: Path, { timeouts }: ListenerDraft, config: ConfigDraft, found: Findings): void {
  const at: Placed = { value: timeouts?.keepAlive, path: [...path, 'timeouts', 'keepAlive'] }
  for (const [name, cluster] of config.clusters ?? []) {
    const idle = cluster?.pool?.idleTimeout
    const other: Placed = { value: idle, path: ['clusters', name, 'pool', 'idleTimeout'] }
    if (at.value === undefined || idle === undefined || at.value <= idle || found.written(other.path))
      continue
    whenAbove(found, {
      at,
      other,
      by: 'either',
      says: (keepAlive, limit, where) =>
        `clients come back after up to ${formatDuration(keepAlive)}, when connections to the servers that were idle for ${formatDuration(limit)} are closed (pool.idleTimeout of the cluster at ${where}): raise that as far as the servers keep theirs open, or lower this`,
    })
    return
  }
}

/** Within one cluster: a time that another one makes useless. */
function checkTimeouts(path: Path, { timeouts, health }: ClusterDraft, found: Findings): void {
  const { connect, queue, server, perTry, total } = timeouts ?? {}
  const placed = (name: string, value: number | undefined): Placed => ({
    value,
    path: [...path, 'timeouts', name],
  })
  const useless =
    (name: string) =>
    (_at: number, limit: number, where: string): string =>
      `is never reached: ${name} ends it after ${formatDuration(limit)} already, at ${where}; raise that or lower this`
  const inTime: Placed = placed('total', total)
  const inTry: Placed = placed('perTry', perTry)
  whenAbove(found, { at: placed('queue', queue), other: inTime, by: 'both', says: useless('total') })
  for (const at of [placed('connect', connect), placed('server', server)]) {
    whenAbove(found, { at, other: inTime, by: 'both', says: useless('total') })
    whenAbove(found, { at, other: inTry, by: 'both', says: useless('perTry') })
  }
  if (health === undefined || health === 'off' || health.http === undefined) return
  whenAbove(found, {
    at: { value: health.timeout, path: [...path, 'health', 'timeout'] },
    other: placed('server', server),
    by: 'either',
    says: (_check, limit, where) =>
      `a server so slow passes its checks, and fails requests after ${formatDuration(limit)} (timeouts.server, at ${where}): raise that or lower this`,
  })
}

/** Tries and copies that never come to be. */
function checkTries(path: Path, { timeouts, hedge, retry }: ClusterDraft, found: Findings): void {
  const { server, perTry, total } = timeouts ?? {}
  const serverAt: Placed = { value: server, path: [...path, 'timeouts', 'server'] }
  if (hedge !== undefined && hedge !== 'off' && perTry === undefined && total === undefined)
    whenAtLeast(found, {
      at: { value: hedge.delay, path: [...path, 'hedge', 'delay'] },
      other: serverAt,
      by: 'either',
      says: (_delay, limit, where) =>
        `never happens: the wait ends after ${formatDuration(limit)} already (timeouts.server, at ${where}); raise that or lower this`,
    })
  if (retry?.on?.includes('timeout') !== true || (retry.attempts ?? 1) === 0 || perTry !== undefined) return
  whenAtLeast(found, {
    at: serverAt,
    other: { value: total, path: [...path, 'timeouts', 'total'] },
    by: 'either',
    says: (_limit, all, where) =>
      `a try that times out is never followed by another, though retry.on says so: all tries have ${formatDuration(all)} (total, at ${where}); set perTry below that`,
  })
}

function checkCounts(path: Path, { pool, limits, endpoints }: ClusterDraft, found: Findings): void {
  const perHost: Placed = { value: pool?.maxPerHost, path: [...path, 'pool', 'maxPerHost'] }
  const inAll: Placed = { value: positive(pool?.maxTotal), path: [...path, 'pool', 'maxTotal'] }
  const useless =
    (name: string) =>
    (_at: number, limit: number, where: string): string =>
      `is never reached: ${name} allows ${limit} in all, at ${where}; raise that or lower this`
  whenAbove(found, { at: perHost, other: inAll, by: 'both', says: useless('maxTotal') })
  const inFlight: Placed = { value: positive(limits?.inFlight), path: [...path, 'limits', 'inFlight'] }
  whenAbove(found, {
    at: { value: limits?.inFlightPerEndpoint, path: [...path, 'limits', 'inFlightPerEndpoint'] },
    other: inFlight,
    by: 'both',
    says: useless('inFlight'),
  })
  const adaptive = limits?.adaptive
  if (adaptive !== undefined && adaptive !== 'off')
    whenAbove(found, {
      at: { value: adaptive.minLimit, path: [...path, 'limits', 'adaptive', 'minLimit'] },
      other: inFlight,
      by: 'either',
      says: useless('inFlight'),
    })
  const count = endpoints?.length
  if (count !== undefined && inAll.value !== undefined && inAll.value < count && found.written(inAll.path))
    found.warning(
      inAll.path,
      `${count} endpoints (at ${found.where([...path, 'endpoints'])}) share ${inAll.value} connections: requests to some wait until others go idle; raise this`,
    )
}

/** Between a cluster and the listeners its requests come from, which may be all. */
function checkBetween(path: Path, { timeouts }: ClusterDraft, config: ConfigDraft, found: Findings): void {
  for (const [name, listener] of config.listeners ?? [])
    whenAbove(found, {
      at: { value: timeouts?.queue, path: [...path, 'timeouts', 'queue'] },
      other: { value: listener?.timeouts?.client, path: ['listeners', name, 'timeouts', 'client'] },
      by: 'both',
      says: (_queue, patience, where) =>
        `requests wait longer for a connection than their clients may pause, ${formatDuration(patience)} (client, at ${where}): lower this or raise that`,
    })
  whenAbove(found, {
    at: { value: timeouts?.server, path: [...path, 'timeouts', 'server'], byDefault: byDefault.server },
    other: { value: config.drain?.hard, path: ['drain', 'hard'], byDefault: byDefault.hard },
    by: 'both',
    says: (server, limit, where) =>
      `an answer may take ${formatDuration(server)}, but a drain resets what is left after ${formatDuration(limit)} (hard, at ${where}): raise that or lower this`,
  })
}

function positive(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value
}

function whenAbove(found: Findings, clash: Clash): void {
  const { value } = clash.at
  if (value !== undefined && clash.other.value !== undefined && value > clash.other.value) tell(found, clash)
}

function whenAtLeast(found: Findings, clash: Clash): void {
  const { value } = clash.at
  if (value !== undefined && clash.other.value !== undefined && value >= clash.other.value) tell(found, clash)
}

function tell(found: Findings, { at, other, by, says }: Clash): void {
  const first = found.written(at.path)
  const second = found.written(other.path)
  if (isUsual(at) && isUsual(other)) return
  const told = by === 'both' ? first && second : first || second
  if (told) found.warning(at.path, says(at.value ?? 0, other.value ?? 0, found.where(other.path)))
}

/** What long answers and tunnels are by nature is no mistake of who spells the defaults out. */
function isUsual({ value, byDefault: text }: Placed): boolean {
  if (text === undefined) return false
  const usual = parseDuration(text)
  return usual.ok && usual.value === value
}
