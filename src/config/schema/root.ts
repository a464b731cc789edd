/** The schema of a whole configuration: the one description of every key. */
import { cluster } from './cluster.ts'
import { cores, drain, overload, supervision } from './lifecycle.ts'
import { listener } from './listener.ts'
import type { Infer, Schema } from './types.ts'

const MAX_LISTENERS = 64
const MAX_CLUSTERS = 1024
const MAX_ROUTES = 16_384

/** Endpoints of all clusters together: the slots of the fleet memory. */
export const MAX_ENDPOINTS = 16_384

export const shards = {
  kind: 'integer',
  word: 'auto',
  min: 1,
  max: 128,
  default: 'auto',
  why: 'One per core available to the process: a shard keeps one core busy and no more.',
  doc: 'Threads that proxy: `auto` or a number.',
  haproxy: 'nbthread',
} as const

export const admin = {
  kind: 'object',
  optional: true,
  doc: 'The admin listener: metrics, health and state. Absent: none.',
  fields: {
    bind: {
      kind: 'text',
      format: 'listenAddress',
      doc: 'Where it listens. It asks nobody who they are: bind it to loopback or a unix socket.',
      haproxy: 'stats socket',
    },
    faults: {
      kind: 'switch',
      default: 'off',
      why: 'It kills actors: for laboratories and drills.',
      doc: 'Allow `POST /api/v1/shards/{id}/fault` and `POST /api/v1/actors/{name}/fault`.',
    },
  },
} as const

export const accessLog = {
  kind: 'object',
  short: 'path',
  default: 'off',
  why: 'A log nobody reads costs CPU and disk; metrics tell the same for less.',
  doc: 'One line per request. `off`, `stderr`, a file, or an object.',
  fields: {
    path: { kind: 'text', format: 'logTarget', doc: '`off`, `stderr` or a file, appended to.' },
    sample: {
      kind: 'number',
      min: 0,
      max: 1,
      default: 1,
      why: 'A log with holes surprises.',
      doc: 'Share of the requests that are logged, 0 to 1.',
    },
    format: {
      kind: 'enum',
      values: ['text', 'json'],
      default: 'text',
      why: 'For people with grep; `json` is for machines.',
      doc: '`text` is the combined format with durations and names after it; `json` is one object a line.',
    },
  },
} as const

export const route = {
  kind: 'object',
  fields: {
    host: {
      kind: 'text',
      format: 'host',
      optional: true,
      doc: 'The host of the request, without port: a name, or `*.example.com` for every name below it. Absent: any.',
    },
    path: {
      kind: 'text',
      format: 'path',
      optional: true,
      doc: 'A prefix on segment borders (`/v1` and `/v1/` alike match `/v1` and `/v1/…`, never `/v1x`), or `=/x` for exactly that path. Absent: any.',
    },
    cluster: { kind: 'text', format: 'name', doc: 'Where its requests go.' },
  },
} as const

export const zone = {
  kind: 'text',
  format: 'name',
  optional: true,
  doc: 'Where this proxy stands, for `locality` of the clusters.',
} as const

export const probes = {
  kind: 'object',
  doc: 'Checks of all clusters together.',
  fields: {
    maxPerSecond: {
      kind: 'integer',
      min: 1,
      max: 100_000,
      default: 1000,
      why: 'Some percent of a core; a thousand endpoints are still checked every second.',
      doc: 'More are put off, not left out.',
    },
  },
} as const

export const explain = {
  kind: 'object',
  doc: 'Which decisions are kept, to say why a request went where it went.',
  fields: {
    sample: {
      kind: 'ratio',
      min: 0,
      max: 1,
      default: '1%',
      why: 'Those of failed requests are kept anyway.',
      doc: 'Share of the requests whose decision is kept.',
    },
    keep: {
      kind: 'integer',
      min: 0,
      max: 1_048_576,
      default: 4096,
      why: 'A few MiB.',
      doc: 'The last so many of the sampled ones, and as many of those that failed.',
    },
  },
} as const

type RootSchema = {
  readonly kind: 'object'
  readonly fields: {
    readonly shards: typeof shards
    readonly admin: typeof admin
    readonly accessLog: typeof accessLog
    readonly listeners: {
      readonly kind: 'map'
      readonly of: typeof listener
      readonly entry: string
      readonly min: number
      readonly max: number
      readonly doc: string
    }
    readonly routes: {
      readonly kind: 'list'
      readonly of: typeof route
      readonly max: number
      readonly default: readonly []
      readonly doc: string
    }
    readonly clusters: {
      readonly kind: 'map'
      readonly of: typeof cluster
      readonly entry: string
      readonly max: number
      readonly doc: string
    }
    readonly drain: typeof drain
    readonly zone: typeof zone
    readonly probes: typeof probes
    readonly explain: typeof explain
    readonly supervision: typeof supervision
    readonly cores: typeof cores
    readonly overload: typeof overload
  }
}

export const ROOT: RootSchema & Schema = {
  kind: 'object',
  fields: {
    shards,
    admin,
    accessLog,
    listeners: {
      kind: 'map',
      of: listener,
      entry: 'listener',
      min: 1,
      max: MAX_LISTENERS,
      doc: 'Where clients come in, by a name of your choice.',
    },
    routes: {
      kind: 'list',
      of: route,
      max: MAX_ROUTES,
      default: [],
      doc:
        'Which cluster takes a request: the most specific host wins, then the most specific path within it, whatever the order. ' +
        'A host that is named keeps its requests: if none of its paths fits, the answer is 404, without a look at less specific hosts. A host nobody names gets 421.',
    },
    clusters: {
      kind: 'map',
      of: cluster,
      entry: 'cluster',
      max: MAX_CLUSTERS,
      doc: 'Groups of servers that answer alike, by a name of your choice.',
    },
    drain,
    zone,
    probes,
    explain,
    supervision,
    cores,
    overload,
  },
}

/** A configuration that was read without an error, every default filled in, every duration in ms, every size in bytes. */
export type Config = Infer<RootSchema>
export type ListenerConfig = Infer<typeof listener>
export type ClusterConfig = Infer<typeof cluster>
export type RouteConfig = Infer<typeof route>
