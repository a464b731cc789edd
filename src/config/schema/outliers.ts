/** The schema of passive detection: who is ejected for what its exchanges show. */
import type { Meta } from './types.ts'

const weight = {
  kind: 'ratio',
  min: 0.01,
  max: 1,
  default: '100%',
  why: 'What one rule has seen suffices by itself; lower it for a rule that should only add to others.',
  doc: 'How far this rule alone goes toward ejection, which takes 100% of all rules together.',
} as const

const decay = {
  kind: 'duration',
  default: '30s',
  why: 'What an endpoint did half a minute ago says little about now.',
  doc: 'After which what the rule has seen counts about a third (1/e).',
} as const

/** A rule has keys of its own and these two. */
type Rule<F> = Meta & {
  readonly kind: 'object'
  readonly toggle: true
  readonly fields: F & { readonly weight: typeof weight; readonly decay: typeof decay }
}

const connectFields = {
  consecutive: {
    kind: 'integer',
    min: 1,
    max: 1000,
    default: 3,
    why: 'Operating experience of large fleets: one is a lost packet, three in a row are not.',
    doc: 'Failures in a row, over all shards, without a success between them.',
    haproxy: 'error-limit',
  },
} as const

const connect: Rule<typeof connectFields> = {
  kind: 'object',
  toggle: true,
  default: 'on',
  why: 'An endpoint nobody can connect to serves nobody: there is nothing to be wrong about.',
  doc: 'Connection failures: refused, timed out, closed before the first byte.',
  haproxy: 'observe layer4',
  fields: { ...connectFields, weight, decay },
}

const httpFields = {
  consecutive: {
    kind: 'integer',
    min: 1,
    max: 1000,
    default: 5,
    why: 'As Envoy has it.',
    doc: 'Errors in a row, over all shards, without an answer below 500 between them.',
    haproxy: 'error-limit',
  },
  ratio: {
    kind: 'ratio',
    min: 0.01,
    max: 1,
    default: '50%',
    why: 'Who fails every other request fails users, however many answers pass between.',
    doc: 'Share of errors in the window.',
  },
  minRequests: {
    kind: 'integer',
    min: 1,
    max: 1_000_000,
    default: 50,
    why: 'Below, a share is an anecdote.',
    doc: 'Requests in the window below which the share says nothing.',
  },
  window: {
    kind: 'duration',
    min: '1s',
    max: '1h',
    default: '30s',
    why: 'Long enough for fifty requests of a modest server, short enough to act upon.',
    doc: 'Over which the share is taken.',
  },
} as const

const http: Rule<typeof httpFields> = {
  kind: 'object',
  toggle: true,
  default: 'off',
  why: 'A 500 may be the request’s fault: only the application’s owner knows whether errors mean a bad server.',
  doc: 'Answers of 500 and above.',
  haproxy: 'observe layer7',
  fields: { ...httpFields, weight, decay },
}

const latencyFields = {
  window: {
    kind: 'duration',
    min: '10s',
    max: '1h',
    default: '5m',
    why: 'Operating experience of large fleets: spikes within five minutes tell of a sick machine, shorter ones of a pause.',
    doc: 'Over which latency is looked at.',
  },
  factor: {
    kind: 'number',
    min: 1.1,
    max: 1000,
    default: 3,
    why: 'Machines of one kind seldom differ by a factor of two.',
    doc: "The endpoint's mean over the median of the cluster's means.",
  },
  floor: {
    kind: 'duration',
    default: '100ms',
    why: 'Three times one millisecond hurts nobody.',
    doc: 'And slower by that much, at least.',
  },
  minRequests: {
    kind: 'integer',
    min: 1,
    max: 1_000_000,
    default: 50,
    why: 'Below, a mean is an anecdote.',
    doc: 'Requests in the window below which an endpoint’s latency says nothing.',
  },
} as const

const latency: Rule<typeof latencyFields> = {
  kind: 'object',
  toggle: true,
  default: 'off',
  why: 'Servers of one cluster may differ by design, and the policies that heed latency send less there already.',
  doc: 'Latency far above the cluster’s, the age of what is under way included.',
  fields: { ...latencyFields, weight, decay },
}

const budget = {
  maxEjected: {
    kind: 'ratio',
    min: 0,
    max: 1,
    default: '50%',
    why: 'If more than half look bad, the network between us is the likelier culprit, and the rest could not carry the load.',
    doc: 'Share of the cluster that may be ejected at a time; one always may be, and one always stays.',
  },
  ejection: {
    kind: 'duration',
    default: '30s',
    why: 'As Envoy has it: a restart is over by then.',
    doc: 'How long the first time; each further time longer by as much.',
  },
  maxEjection: {
    kind: 'duration',
    default: '5m',
    why: 'A machine that was repaired should not wait for an operator.',
    doc: 'How long at most.',
  },
  jitter: {
    kind: 'ratio',
    min: 0,
    max: 1,
    default: '20%',
    why: 'Those ejected together should not come back together.',
    doc: 'Share of the time by which it is lengthened at random.',
  },
  recoverAfter: {
    kind: 'integer',
    min: 1,
    max: 100,
    default: 2,
    why: 'As `health.rise`.',
    doc: 'Checks in a row that must pass before it comes back.',
  },
  recoverInterval: {
    kind: 'duration',
    min: '100ms',
    max: '1h',
    default: '5s',
    why: 'It is out for half a minute anyway.',
    doc: 'Between two of these checks. They are those of `health`, or connections where there are none.',
  },
} as const

type Outliers = {
  readonly kind: 'object'
  readonly toggle: true
  readonly fields: typeof budget & {
    readonly connect: typeof connect
    readonly http: typeof http
    readonly latency: typeof latency
  }
}

export const outliers: Outliers & Meta = {
  kind: 'object',
  toggle: true,
  default: 'on',
  why: 'With the rule for connections alone: nobody should wait for a server that nobody reaches.',
  doc: 'Ejects endpoints whose exchanges fail: no request goes there until checks beside the traffic pass again.',
  haproxy: 'observe, on-error',
  fields: { connect, http, latency, ...budget },
}
