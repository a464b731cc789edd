/** The schema of slow start and of what servers say of themselves. */
export const slowStart = {
  kind: 'object',
  short: 'window',
  toggle: true,
  default: 'off',
  why: 'Servers that need no warming up should carry their share at once.',
  doc: 'An endpoint that is new, recovered or got a greater weight gets its share step by step. Never at the start of the proxy.',
  haproxy: 'slowstart',
  fields: {
    window: {
      kind: 'duration',
      min: '100ms',
      max: '1h',
      default: '30s',
      why: 'Compilers and caches are warm by then.',
      doc: 'Until it gets all of its weight.',
    },
    aggression: {
      kind: 'number',
      min: 0.1,
      max: 10,
      default: 1,
      why: 'As HAProxy has it: linear.',
      doc: '1 is linear; above, the beginning is steeper: share = max(min, (t/window)^(1/aggression)).',
    },
    min: {
      kind: 'ratio',
      min: 0.01,
      max: 1,
      default: '10%',
      why: 'Envoy’s: enough to warm up by.',
      doc: 'The share it begins with.',
    },
    by: {
      kind: 'enum',
      values: ['time', 'feedback'],
      default: 'time',
      why: 'What can be foreseen is easier to trust.',
      doc: '`time`; or `feedback`: doubled as long as it does no worse than the cluster, halved where it does.',
    },
  },
} as const

export const feedback = {
  kind: 'object',
  doc: 'What servers say of their load beside their answers.',
  fields: {
    orca: {
      kind: 'switch',
      word: 'auto',
      default: 'auto',
      why: 'Only a policy that needs it should make us look.',
      doc: 'Heed `endpoint-load-metrics` in headers and trailers, and keep it from clients. `auto`: if the policy or its shadow is `orca` or `prequal`.',
    },
    retryAfter: {
      kind: 'duration',
      max: '5m',
      off: true,
      default: 'off',
      why: 'A 429 may be meant for one client and not for all of them.',
      doc: 'Take the `Retry-After` of a 429 or 503 for a sign of load, at most this long.',
    },
  },
} as const
