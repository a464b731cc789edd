/**
 * Which route takes a request: the most specific one, first by host, then by path within that host.
 *
 *     host   exact name  >  longest `*.` suffix  >  any
 *     path   exact path  >  longest prefix on segment borders  >  any
 *
 * The host is chosen first and for good: a request whose host is named by some route, but whose path fits none of the
 * routes of that host, is not found (404). It never falls through to `*.` or to the routes for any host. So a host that
 * publishes two paths publishes exactly these, whatever else the table holds (nginx's `server` and Envoy's virtual
 * hosts do the same; who wants a catch-all for that host writes `{ host, cluster }`).
 *
 * A match walks the host once from the right and the path once from the left, hashing as it goes and looking up at dots
 * and slashes only, and no further than the longest configured key: a long hostile path costs no more than a short one.
 */
import type { RouteSpec } from '../config/snapshot.ts'
import { ByteMap, hashAnyCase, hashByte, hashSeed, Probe } from './byte-map.ts'
import type { ByteEntry } from './byte-map.ts'
import { hostPattern, pathPattern } from './spec.ts'
import type { HostPattern, PathPattern } from './spec.ts'

const DOT = 0x2e
const SLASH = 0x2f
const NONE = -1

/** No route names this host, and none takes any host: 421. */
export const NO_HOST = -1
/** The host is ours, the path is nobody's: 404. */
export const NO_PATH = -2

/** Spans of the request. Host without port (empty = no host sent), path normalised and without query. */
export type RouteSpans = {
  readonly hostStart: number
  readonly hostEnd: number
  readonly pathStart: number
  readonly pathEnd: number
}

type Tables = {
  readonly hosts: ByteMap
  readonly suffixes: ByteMap
  readonly prefixes: ByteMap
  readonly exacts: ByteMap
  /** Bytes from the right end of a host that can matter. */
  readonly hostReach: number
  /** The group of the routes without a host, or -1. */
  readonly anyHost: number
  /** Per group: the route without a path or -1; bytes of its longest prefix and exact path. */
  readonly anyPath: Int32Array
  readonly prefixReach: Int32Array
  readonly exactReach: Int32Array
}

export class RouteTable {
  private readonly hosts: ByteMap
  private readonly suffixes: ByteMap
  private readonly prefixes: ByteMap
  private readonly exacts: ByteMap
  private readonly hostReach: number
  private readonly anyHost: number
  private readonly anyPath: Int32Array
  private readonly prefixReach: Int32Array
  private readonly exactReach: Int32Array
  private readonly probe = new Probe()

  /** Made by `compileRoutes`. */
  constructor(tables: Tables) {
    this.hosts = tables.hosts
    this.suffixes = tables.suffixes
    this.prefixes = tables.prefixes
    this.exacts = tables.exacts
    this.hostReach = tables.hostReach
    this.anyHost = tables.anyHost
    this.anyPath = tables.anyPath
    this.prefixReach = tables.prefixReach
    this.exactReach = tables.exactReach
    Object.freeze(this)
  }

  /** Index of the route in the list given to `compileRoutes`, or `NO_HOST`, or `NO_PATH`. Allocates nothing. */
  match(bytes: Uint8Array, where: RouteSpans): number {
    return this.matchApart(bytes, bytes, where)
  }

  /** The same where the path stands in another buffer than the host, as a normalised one does. */
  matchApart(hostBytes: Uint8Array, pathBytes: Uint8Array, where: RouteSpans): number {
    const group = this.groupOf(hostBytes, where.hostStart, where.hostEnd)
    if (group === NONE) return NO_HOST
    const route = this.routeIn(group, pathBytes, where.pathStart, where.pathEnd)
    return route === NONE ? NO_PATH : route
  }

  private groupOf(bytes: Uint8Array, start: number, hostEnd: number): number {
    let group = this.anyHost
    if (this.hostReach === 0) return group
    const { suffixes, probe } = this
    const end = hostEnd > start && bytes[hostEnd - 1] === DOT ? hostEnd - 1 : hostEnd
    const floor = Math.max(start, end - this.hostReach)
    const someSuffix = suffixes.size > 0
    let hash = hashSeed(0)
    probe.group = 0
    probe.end = end
    for (let at = end - 1; at >= floor; at--) {
      const byte = bytes[at]!
      if (byte === DOT && someSuffix && at > start) {
        probe.hash = hash
        probe.start = at + 1
        const below = suffixes.findAnyCase(bytes, probe)
        if (below !== NONE) group = below
      }
      hash = hashAnyCase(hash, byte)
    }
    if (floor > start) return group
    probe.hash = hash
    probe.start = start
    const exact = this.hosts.findAnyCase(bytes, probe)
    return exact === NONE ? group : exact
  }

  private routeIn(group: number, bytes: Uint8Array, start: number, end: number): number {
    const { prefixes, probe } = this
    const prefixEnd = Math.min(end, start + this.prefixReach[group]!)
    const mayBeExact = end - start <= this.exactReach[group]!
    const reach = mayBeExact ? end : prefixEnd
    let best = this.anyPath[group]!
    let hash = hashSeed(group)
    probe.group = group
    probe.start = start
    for (let at = start; at < reach; at++) {
      const byte = bytes[at]!
      if (byte === SLASH && at > start && at <= prefixEnd) {
        probe.hash = hash
        probe.end = at
        const prefix = prefixes.find(bytes, probe)
        if (prefix !== NONE) best = prefix
      }
      hash = hashByte(hash, byte)
    }
    probe.hash = hash
    probe.end = reach
    if (mayBeExact) {
      const exact = this.exacts.find(bytes, probe)
      if (exact !== NONE) return exact
    }
    if (reach > prefixEnd || reach === start || (reach < end && bytes[reach] !== SLASH)) return best
    const prefix = prefixes.find(bytes, probe)
    return prefix === NONE ? best : prefix
  }
}

type Group = { readonly id: number; readonly host: HostPattern; readonly paths: Map<string, number> }

/** Build, then freeze. Throws on two routes with the same host and path: the configuration has refused them before. */
export function compileRoutes(routes: readonly RouteSpec[]): RouteTable {
  const groups = new Map<string, Group>()
  const prefixes: ByteEntry[] = []
  const exacts: ByteEntry[] = []
  const anyPath = new Int32Array(routes.length).fill(NONE)
  const prefixReach = new Int32Array(routes.length)
  const exactReach = new Int32Array(routes.length)
  for (const [index, route] of routes.entries()) {
    const { id, paths } = groupFor(groups, hostPattern(route.host))
    const path = pathPattern(route.path)
    claim(paths, path, index)
    if (path.kind === 'any') {
      anyPath[id] = index
      continue
    }
    const entry = pathEntry(id, path.text, index)
    const reach = path.kind === 'exact' ? exactReach : prefixReach
    reach[id] = Math.max(reach[id]!, entry.key.length)
    ;(path.kind === 'exact' ? exacts : prefixes).push(entry)
  }
  const hostGroups = [...groups.values()]
  return new RouteTable({
    ...hostTables(hostGroups),
    prefixes: new ByteMap(prefixes),
    exacts: new ByteMap(exacts),
    anyPath,
    prefixReach,
    exactReach,
  })
}

function groupFor(groups: Map<string, Group>, host: HostPattern): Group {
  const key = `${host.kind} ${host.text}`
  const known = groups.get(key)
  if (known !== undefined) return known
  const group: Group = { id: groups.size, host, paths: new Map() }
  groups.set(key, group)
  return group
}

function claim(paths: Map<string, number>, path: PathPattern, index: number): void {
  const key = `${path.kind} ${path.text}`
  const first = paths.get(key)
  if (first !== undefined) throw new Error(`routes ${first} and ${index} match the same requests`)
  paths.set(key, index)
}

function hostTables(groups: readonly Group[]): Pick<Tables, 'hosts' | 'suffixes' | 'hostReach' | 'anyHost'> {
  const exact = groups.filter((group) => group.host.kind === 'exact').map(hostEntry)
  const below = groups.filter((group) => group.host.kind === 'below').map(hostEntry)
  return {
    hosts: new ByteMap(exact),
    suffixes: new ByteMap(below),
    hostReach: Math.max(longest(exact), longest(below) + (below.length > 0 ? 1 : 0)),
    anyHost: groups.find((group) => group.host.kind === 'any')?.id ?? NONE,
  }
}

function longest(entries: readonly ByteEntry[]): number {
  return entries.reduce((reach, entry) => Math.max(reach, entry.key.length), 0)
}

/** Hosts are hashed from the right, so that the hash of every suffix is met on the way. */
function hostEntry(group: Group): ByteEntry {
  const key = new TextEncoder().encode(group.host.text)
  return { hash: key.reduceRight(hashAnyCase, hashSeed(0)), group: 0, key, value: group.id }
}

function pathEntry(group: number, text: string, value: number): ByteEntry {
  const key = new TextEncoder().encode(text)
  return { hash: key.reduce(hashByte, hashSeed(group)), group, key, value }
}
