/** The schema of trying again, and of trying twice at once. */
export const retry = {
  kind: 'object',
  short: 'attempts',
  doc: 'Requests that failed are tried again at another endpoint, if nothing can have been done twice and no byte of a response was passed on.',
  haproxy: 'option redispatch',
  fields: {
    attempts: {
      kind: 'integer',
      min: 0,
      max: 10,
      default: 1,
      why: 'One more endpoint hides a dead one; what fails twice is likelier the fault of all.',
      doc: 'Tries beyond the first.',
      haproxy: 'retries',
    },
    on: {
      kind: 'list',
      of: {
        kind: 'enum',
        values: ['connect', 'reset', 'timeout', '502', '503', '504', '429'],
        digits: true,
        doc: 'A failure.',
      },
      max: 7,
      default: ['connect', 'reset'],
      why: 'What came to nobody, or broke before a byte of an answer: other failures may have done something.',
      doc: '`connect`: no connection. `reset`: it broke before an answer. `timeout`: `perTry` or `server` ran out. A status: that answer. All but `connect` only for idempotent requests.',
      haproxy: 'retry-on',
    },
    budget: {
      kind: 'object',
      doc: 'Retries and hedges of all shards together, over 10 s.',
      fields: {
        ratio: {
          kind: 'ratio',
          min: 0,
          max: 10,
          default: '20%',
          why: 'Finagle’s: a cluster in trouble gets a fifth more, not twice the load.',
          doc: 'At most this share of the requests.',
        },
        perSecond: {
          kind: 'number',
          min: 0,
          max: 1_000_000,
          default: 10,
          why: 'Finagle’s: with few requests a share of them is nothing.',
          doc: 'And so many more.',
        },
      },
    },
  },
} as const

export const hedge = {
  kind: 'object',
  short: 'delay',
  toggle: true,
  default: 'off',
  why: 'It is load that somebody must have to spare.',
  doc: 'An idempotent request without an answer after a while is sent to another endpoint too; the first answer counts. Within the budget of `retry`.',
  fields: {
    delay: {
      kind: 'duration',
      min: '1ms',
      max: '5m',
      default: '500ms',
      why: 'Set it near the 95th percentile of your latency: one request in twenty is then sent twice.',
      doc: 'How long to wait for an answer.',
    },
    attempts: {
      kind: 'integer',
      min: 1,
      max: 4,
      default: 1,
      why: 'The second one brings nearly all there is to gain.',
      doc: 'Copies beyond the first, each after another delay.',
    },
  },
} as const
