import { hashKey, sticky } from './affinity.ts'
import { feedback, slowStart } from './feedback.ts'
import { health } from './health.ts'
import { limits } from './limits.ts'
import { locality, panic, subset } from './locality.ts'
import { outliers } from './outliers.ts'
import { policy, shadow } from './policy.ts'
import { hedge, retry } from './retry.ts'

import type { Meta } from './types.ts'

const own = {
  endpoints: {
    kind: 'list',
    max: 16_384,
    doc: 'The servers. A `host:port` stands for all addresses it resolves to. An empty list answers 503.',
    of: {
      kind: 'object',
      short: 'address',
      fields: {
        address: { kind: 'text', format: 'endpointAddress', doc: 'Where to connect.' },
        weight: {
          kind: 'integer',
          min: 0,
          max: 1_000_000,
          default: 1,
          why: 'Servers are alike until somebody says otherwise.',
          doc: 'Share of the requests relative to the others of the cluster; 0 gets none.',
          haproxy: 'weight',
        },
        priority: {
          kind: 'integer',
          min: 0,
          max: 127,
          default: 0,
          why: 'Everybody is the first choice until somebody says otherwise.',
          doc: '0 is the first choice; those of higher numbers step in as far as the ones before them fail. Gaps are fine.',
          haproxy: 'backup',
        },
        zone: { kind: 'text', format: 'name', optional: true, doc: 'Where it stands, for `locality`.' },
        labels: {
          kind: 'map',
          of: { kind: 'text', format: 'name', digits: true, doc: 'A value.' },
          entry: 'text',
          max: 32,
          doc: 'What else there is to say of it, for `locality: nearest` and for people.',
        },
      },
    },
  },
  timeouts: {
    kind: 'object',
    doc: 'How long servers may take.',
    fields: {
      connect: {
        kind: 'duration',
        default: '4s',
        why: 'The kernel sends a lost SYN again after 1 s and 3 s: time for two losses and an answer.',
        doc: 'To establish a connection. Ends with 504.',
        haproxy: 'timeout connect',
      },
      queue: {
        kind: 'duration',
        default: '5s',
        why: 'Who waits longer for a mere connection has left, or will send the request again and double the load.',
        doc: "A request's wait for a connection when all are busy. Ends with 503.",
        haproxy: 'timeout queue',
      },
      server: {
        kind: 'duration',
        default: '60s',
        why: 'The slowest page somebody waits for. Raise it for long polls and reports.',
        doc: 'Longest pause of a server: until the head of its response, and between parts of the body. Ends with 504, or a reset once the response has begun.',
        haproxy: 'timeout server',
      },
      serverFin: {
        kind: 'duration',
        default: '10s',
        why: 'Only acknowledgements are missing: a server that takes longer has gone.',
        doc: 'How long a half-closed connection to a server may linger.',
        haproxy: 'timeout server-fin',
      },
      perTry: {
        kind: 'duration',
        optional: true,
        doc: 'One try, from the choice of the endpoint to the head of its response; then the next, if `retry` says so. Absent: as long as the others allow.',
      },
      total: {
        kind: 'duration',
        optional: true,
        doc: 'All tries together, to the head of the response. Ends with 504. Absent: as long as the others allow.',
      },
    },
  },
  pool: {
    kind: 'object',
    doc: 'Connections to the servers. The limits hold over all shards together.',
    fields: {
      maxPerHost: {
        kind: 'integer',
        min: 0,
        max: 65_535,
        default: 512,
        why: 'At 10 ms a request, 512 connections carry 50,000 requests per second to one server: more are a queue inside of it.',
        doc: 'Connections to one endpoint; 0 is no limit.',
        haproxy: 'maxconn (server)',
      },
      maxTotal: {
        kind: 'integer',
        min: 0,
        max: 1_048_576,
        default: 4096,
        why: 'Eight servers at their limit; keeps one cluster from taking all file descriptors of a busy edge.',
        doc: 'Connections to all endpoints of the cluster; 0 is no limit.',
        haproxy: 'fullconn',
      },
      idleTimeout: {
        kind: 'duration',
        default: '60s',
        why: 'Below the 75 s of nginx and many others, so that we close first and seldom reuse a connection that is being closed.',
        doc: 'After which an idle connection is closed.',
        haproxy: 'pool-purge-delay',
      },
      queue: {
        kind: 'integer',
        min: 0,
        max: 65_535,
        default: 1024,
        why: 'Twice `maxPerHost`: each waits for about two requests of others, and the memory is bounded.',
        doc: 'Requests of one shard that may wait for a connection to one endpoint, first in, first out. The excess gets 503 at once.',
        haproxy: 'maxqueue',
      },
    },
  },
} as const

type Cluster = {
  readonly kind: 'object'
  readonly fields: typeof own & {
    readonly policy: typeof policy
    readonly shadow: typeof shadow
    readonly hashKey: typeof hashKey
    readonly sticky: typeof sticky
    readonly locality: typeof locality
    readonly subset: typeof subset
    readonly panic: typeof panic
    readonly health: typeof health
    readonly outliers: typeof outliers
    readonly slowStart: typeof slowStart
    readonly feedback: typeof feedback
    readonly retry: typeof retry
    readonly hedge: typeof hedge
    readonly limits: typeof limits
  }
}

/** The schema of one cluster: the fleet's side. */
export const cluster: Cluster & Meta = {
  kind: 'object',
  fields: {
    policy,
    shadow,
    hashKey,
    sticky,
    ...own,
    limits,
    retry,
    hedge,
    health,
    outliers,
    panic,
    slowStart,
    feedback,
    locality,
    subset,
  },
}
