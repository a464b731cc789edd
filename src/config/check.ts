/**
 * What no single key can know: names that must exist, things that must be named once, sums that must fit. Looks at a draft, with
 * holes where single keys were wrong, so that these diagnostics come together with theirs; a hole is never blamed twice.
 */
import { routeKey } from '../route/spec.ts'
import { checkBalance } from './check-balance.ts'
import { checkContradictions } from './check-contradictions.ts'
import type { Findings } from './findings.ts'
import type { Path } from './plain.ts'
import { MAX_ENDPOINTS } from './schema/root.ts'
import type { ClusterConfig, Config, ListenerConfig, RouteConfig } from './schema/root.ts'
import type { Draft } from './schema/types.ts'
import { suggestion } from './suggest.ts'
import { isExposed } from './values/address.ts'
import { formatDuration } from './values/duration.ts'
import { formatSize } from './values/size.ts'

const MANY = 100

type ConfigDraft = Draft<Config>

export function check(config: ConfigDraft, found: Findings): void {
  checkListeners(config, found)
  for (const [name, listener] of config.listeners ?? [])
    checkLimits(['listeners', name, 'limits'], listener, found)
  checkRoutes(config, found)
  checkClusters(config, found)
  checkBalance(config, found)
  checkContradictions(config, found)
  checkAdmin(config, found)
  const { window, hard } = config.drain ?? {}
  if (window !== undefined && hard !== undefined && hard < window) {
    found.error(['drain', 'hard'], `is shorter than the window of ${formatDuration(window)}`)
  }
}

/** The admin API asks nobody who they are. */
function checkAdmin({ admin }: ConfigDraft, found: Findings): void {
  const { bind, faults } = admin ?? {}
  if (faults !== true || bind === undefined || !isExposed(bind)) return
  const message = `whoever reaches ${bind} (at ${found.where(['admin', 'bind'])}) may kill threads of this program: bind it to loopback or a unix socket, or leave faults off`
  found.warning(['admin', 'faults'], message)
}

/** Every address is bound once, the admin listener's included; nobody is their own server. */
function checkListeners(config: ConfigDraft, found: Findings): void {
  const bound = new Map<string, Path>()
  const bind = (address: string | undefined, path: Path): void => {
    if (address === undefined || address.endsWith(':0')) return
    const first = bound.get(address)
    if (first === undefined) bound.set(address, path)
    else found.error(path, `${address} is bound already, at ${found.where(first)}`)
  }
  for (const [name, listener] of config.listeners ?? []) {
    for (const [at, address] of (listener?.bind ?? []).entries())
      bind(address, ['listeners', name, 'bind', at])
  }
  checkLoops(config, bound, found)
  bind(config.admin?.bind, ['admin', 'bind'])
}

/** Routes hold for all listeners, so a request sent to one of ours takes the same way again. */
function checkLoops(config: ConfigDraft, bound: ReadonlyMap<string, Path>, found: Findings): void {
  for (const [name, cluster] of config.clusters ?? []) {
    for (const [at, endpoint] of (cluster?.endpoints ?? []).entries()) {
      const own = endpoint?.address === undefined ? undefined : bound.get(endpoint.address)
      if (own === undefined) continue
      const message = `is our own listener, at ${found.where(own)}: requests would go round in circles`
      found.warning(['clusters', name, 'endpoints', at], message)
    }
  }
}

function checkLimits(path: Path, listener: Draft<ListenerConfig> | undefined, found: Findings): void {
  const { target, head } = listener?.limits ?? {}
  if (target === undefined || head === undefined || target <= head) return
  found.error([...path, 'target'], `is larger than the limit of the whole head, ${formatSize(head)}`)
}

function checkRoutes(config: ConfigDraft, found: Findings): void {
  const { routes, clusters } = config
  for (const [at, route] of (routes ?? []).entries()) {
    const { cluster } = route ?? {}
    if (cluster === undefined || clusters === undefined || clusters.has(cluster)) continue
    // So many mistakes are of another kind than a slip of the pen, and looking for that is slow.
    const guess = found.count() > MANY ? '' : suggestion(cluster, clusters.keys())
    found.error(['routes', at, 'cluster'], `there is no cluster "${cluster}"${guess}`)
  }
  checkSameRoutes(routes ?? [], found)
  if (routes?.length === 0) found.warning(['routes'], 'no routes: every request is answered 421', 'key')
}

/** Said at both places, since either may be the one to change. */
function checkSameRoutes(routes: NonNullable<ConfigDraft['routes']>, found: Findings): void {
  const firsts = new Map<string, { readonly at: number; told: boolean }>()
  const tell = (at: number, other: number): void =>
    found.error(['routes', at], `matches the same requests as the route at ${found.where(['routes', other])}`)
  for (const [at, route] of routes.entries()) {
    // A route whose host or path was wrong says nothing about what it would match.
    if (route === undefined || ('host' in route && !route.host) || ('path' in route && !route.path)) continue
    const key = routeKey(route as Pick<RouteConfig, 'host' | 'path'>)
    const first = firsts.get(key)
    if (first === undefined) {
      firsts.set(key, { at, told: false })
      continue
    }
    tell(at, first.at)
    if (!first.told) tell(first.at, at)
    first.told = true
  }
}

function checkClusters(config: ConfigDraft, found: Findings): void {
  let total = 0
  for (const [name, cluster] of config.clusters ?? []) {
    checkEndpoints(name, cluster, found)
    total += cluster?.endpoints?.length ?? 0
  }
  if (total > MAX_ENDPOINTS)
    found.error(['clusters'], `at most ${MAX_ENDPOINTS} endpoints are allowed in all; got ${total}`, 'key')
}

function checkEndpoints(name: string, cluster: Draft<ClusterConfig> | undefined, found: Findings): void {
  const endpoints = cluster?.endpoints
  if (endpoints === undefined) return
  const path = ['clusters', name, 'endpoints']
  if (endpoints.length === 0) {
    found.warning(path, 'no endpoints: every request is answered 503', 'key')
    return
  }
  const seen = new Map<string, number>()
  for (const [at, endpoint] of endpoints.entries()) {
    if (endpoint?.address === undefined) continue
    const first = seen.get(endpoint.address)
    if (first === undefined) seen.set(endpoint.address, at)
    else
      found.error(
        [...path, at],
        `${endpoint.address} is in this cluster already, at ${found.where([...path, first])}`,
      )
  }
  if (endpoints.every((endpoint) => endpoint?.weight === 0))
    found.warning(path, 'all weights are 0: every request is answered 503', 'key')
}
