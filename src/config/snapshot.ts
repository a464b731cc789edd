/**
 * The frozen snapshot: what a configuration compiles to and the only thing shards know of it. Plain data (it crosses
 * threads by structured clone), every name resolved to an index, every default filled in, every duration in ms, every size in bytes.
 *
 * Ids are slots of the fleet memory, handed out by `config/slots` and stable over reloads for what stays the same
 * (a listener by name, a cluster by name, an endpoint by cluster and address), so statistics survive a reload.
 */

export type ListenerTimeouts = {
  readonly requestHeadMs: number
  readonly keepAliveMs: number
  readonly clientMs: number
  readonly clientFinMs: number
  readonly tunnelMs: number
}

export type ListenerLimits = {
  readonly target: number
  readonly head: number
  readonly fields: number
  /** Bytes of a request body; Infinity means no limit. */
  readonly body: number
  /** Bytes of chunk extensions over a whole body. */
  readonly chunkExtensions: number
  /** Bytes of the trailer section. */
  readonly trailers: number
  /** Requests waiting behind the one in progress on a connection. */
  readonly pipeline: number
  /** Client connections open on this listener over all shards; 0 = only the process-wide limit. */
  readonly connections: number
  /** … and per client IP; 0 = unlimited. */
  readonly connectionsPerClient: number
}

export type ListenerSpec = {
  readonly id: number
  readonly name: string
  /** `ip:port`, `[v6]:port` or `unix:/path`. */
  readonly bind: readonly string[]
  readonly backlog: number
  readonly timeouts: ListenerTimeouts
  readonly limits: ListenerLimits
  /** CIDRs whose forwarding fields are believed. */
  readonly trustedProxies: readonly string[]
}

export type EndpointSpec = {
  readonly id: number
  /** Where to connect: `ip:port`, `[v6]:port` or `unix:/path`, resolved. */
  readonly address: string
  /** As configured, where that was a name: `backend.internal:8080`. */
  readonly configured: string
  readonly weight: number
}

export type ClusterTimeouts = {
  readonly connectMs: number
  readonly queueMs: number
  readonly serverMs: number
  readonly serverFinMs: number
}

export type PoolSpec = {
  /** Connections to one endpoint, over all shards. 0 = unlimited. */
  readonly maxPerHost: number
  /** Connections to all endpoints of the cluster, over all shards. 0 = unlimited. */
  readonly maxTotal: number
  readonly idleTimeoutMs: number
  /** Requests of one shard that may wait for a connection to one endpoint. */
  readonly queue: number
}

export type ClusterSpec = {
  readonly id: number
  readonly name: string
  readonly policy: { readonly name: string; readonly options: Readonly<Record<string, unknown>> }
  readonly endpoints: readonly EndpointSpec[]
  readonly timeouts: ClusterTimeouts
  readonly pool: PoolSpec
}

export type RouteSpec = {
  /** Lower case; undefined = any; `*.example.com` = any name below it. */
  readonly host?: string
  /** `/prefix` on segment borders; `=/exact`; undefined = any. */
  readonly path?: string
  /** Index into `clusters`. */
  readonly cluster: number
}

export type AccessLogSpec = {
  /** undefined = off, else `stderr` or a file path. */
  readonly to: string | undefined
  /** Share of requests logged, 0…1. */
  readonly sample: number
  readonly format: 'text' | 'json'
}

export type Snapshot = {
  /** Counts up with every published snapshot. */
  readonly version: number
  readonly shards: number
  readonly listeners: readonly ListenerSpec[]
  readonly routes: readonly RouteSpec[]
  readonly clusters: readonly ClusterSpec[]
  readonly accessLog: AccessLogSpec
  readonly admin: { readonly bind: string | undefined }
  readonly drain: { readonly windowMs: number; readonly hardMs: number }
}
