/** Policies that choose by latency, by failures and by what servers say of themselves. */
import { choices } from './description.ts'
import type { PolicyDescriptions } from './description.ts'

const decay = {
  kind: 'duration',
  min: '10ms',
  max: '1h',
  why: 'Finagle’s: an incident of some seconds is seen and forgotten in time.',
  doc: 'Time constant of the cost.',
} as const

export const BY_LATENCY: PolicyDescriptions<
  'peak-ewma' | 'failure-biased-ewma' | 'least-time' | 'orca' | 'd2' | 'prequal'
> = {
  'peak-ewma': {
    doc: 'The lower of latency times requests in flight, out of two; latency rises at once and falls slowly. For servers of different speeds.',
    options: { decay, choices },
  },
  'failure-biased-ewma': {
    doc: 'As `peak-ewma`; a failure counts as a slow answer, so that who fails fast does not look attractive.',
    options: {
      decay,
      penalty: {
        kind: 'duration',
        max: '5m',
        why: 'Linkerd’s: worse than any answer somebody would wait for.',
        doc: 'What a failure counts for at least.',
      },
      choices,
    },
  },
  'least-time': {
    doc: 'The lowest mean latency times requests in flight, by weight, looking at all.',
    options: {
      decay,
      explore: {
        kind: 'ratio',
        min: 0,
        max: 1,
        why: 'Who once was slow is asked again now and then, or would starve.',
        doc: 'Share of the picks that are drawn by weight whatever the times.',
      },
    },
  },
  orca: {
    doc: 'By what the servers report of themselves (`endpoint-load-metrics`): requests per second over utilisation. Turns `feedback.orca` on.',
    options: {
      penalty: {
        kind: 'number',
        min: 0,
        max: 1000,
        why: 'gRPC’s: an error costs as much as a request brings.',
        doc: 'How much errors lower a weight; 0 not at all.',
      },
      blackout: {
        kind: 'duration',
        max: '1h',
        why: 'gRPC’s: what a server says while it warms up is not what it can.',
        doc: 'After an endpoint came (back), for so long its reports are not heeded.',
      },
      expiry: {
        kind: 'duration',
        max: '24h',
        why: 'gRPC’s: three minutes of silence are no report.',
        doc: 'After which a report is forgotten.',
      },
      update: {
        kind: 'duration',
        min: '100ms',
        max: '1h',
        why: 'gRPC’s: often enough to follow, seldom enough to be steady.',
        doc: 'Between two recalculations of the weights.',
      },
    },
  },
  d2: {
    doc: 'Weighted random; who is slower than the cluster or fails loses share step by step, and wins it back (LinkedIn’s D2).',
    options: {
      interval: {
        kind: 'duration',
        min: '100ms',
        max: '1h',
        why: 'LinkedIn’s.',
        doc: 'Between two judgements.',
      },
      high: {
        kind: 'number',
        min: 1,
        max: 100,
        why: 'LinkedIn’s.',
        doc: 'Multiple of the cluster’s latency from which an endpoint loses share.',
      },
      low: {
        kind: 'number',
        min: 1,
        max: 100,
        why: 'LinkedIn’s: between the two nothing changes, so nothing oscillates.',
        doc: 'Multiple of the cluster’s latency up to which it wins share back.',
      },
      down: { kind: 'ratio', min: 0, max: 1, why: 'LinkedIn’s.', doc: 'Share lost at a judgement.' },
      up: {
        kind: 'ratio',
        min: 0,
        max: 1,
        why: 'LinkedIn’s: trust returns slower than it goes.',
        doc: 'Share won back at a judgement.',
      },
      initial: {
        kind: 'ratio',
        min: 0.0001,
        max: 1,
        why: 'LinkedIn’s: a trickle, enough to be measured again.',
        doc: 'The least share, from which recovery doubles.',
      },
      errorRatio: {
        kind: 'ratio',
        min: 0,
        max: 1,
        why: 'One in ten is nobody’s normal.',
        doc: 'Share of errors from which an endpoint loses share.',
      },
      minRequests: {
        kind: 'integer',
        min: 1,
        max: 1_000_000,
        why: 'Below, there is nothing to judge.',
        doc: 'Requests between two judgements below which there is none.',
      },
    },
  },
  prequal: {
    doc: 'By probes of requests in flight and latency, asked of the servers beside the traffic (Google’s Prequal): of those not hot the fastest. Turns `feedback.orca` on.',
    options: {
      path: {
        kind: 'text',
        format: 'requestPath',
        why: 'Name the path your servers answer with `endpoint-load-metrics`.',
        doc: 'What probes ask for.',
      },
      pool: {
        kind: 'integer',
        min: 2,
        max: 256,
        why: 'The paper’s.',
        doc: 'Probe results kept by a shard.',
      },
      probesPerRequest: {
        kind: 'number',
        min: 0,
        max: 100,
        why: 'The paper’s.',
        doc: 'Probes wanted for each request.',
      },
      maxProbesPerSecond: {
        kind: 'integer',
        min: 1,
        max: 100_000,
        why: 'At a high rate of requests a few hundred results a second are as fresh as thousands.',
        doc: 'Most probes a second of the cluster.',
      },
      remove: {
        kind: 'number',
        min: 0,
        max: 100,
        why: 'The paper’s.',
        doc: 'Probe results removed for each request, the oldest and the worst in turn.',
      },
      age: { kind: 'duration', max: '1m', why: 'The paper’s.', doc: 'After which a result is not used.' },
      quantile: {
        kind: 'ratio',
        min: 0,
        max: 1,
        why: 'The paper’s 2^−¼.',
        doc: 'Of the requests in flight seen: who is above is hot.',
      },
      timeout: {
        kind: 'duration',
        max: '1m',
        why: 'A probe that takes longer tells nothing that is still true.',
        doc: 'Of a probe.',
      },
    },
  },
}
