/** The schema of how actors live, die, stop and share the work. */

export const drain = {
  kind: 'object',
  doc: 'How the program, a listener that leaves and a shard that restarts let go of their clients.',
  fields: {
    window: {
      kind: 'duration',
      default: '30s',
      why: 'Clients that are sent away come back, here or to a neighbour: over half a minute nobody feels it.',
      doc: 'Time over which connections are closed, evenly at random, once nothing new is accepted: idle ones when their time has come, those in use with `connection: close` on a response. Until then each is served. `0s`: all at once.',
      haproxy: 'close-spread-time',
    },
    hard: {
      kind: 'duration',
      default: '40s',
      why: 'Ten seconds more for requests under way. Whoever stops us must wait longer: terminationGracePeriodSeconds, TimeoutStopSec.',
      doc: 'After which everything still open is reset, counted from the beginning. At least `window`.',
      haproxy: 'hard-stop-after',
    },
  },
} as const

export const supervision = {
  kind: 'object',
  doc: 'When an actor (a thread) counts as stuck or dead, and how it comes back.',
  fields: {
    stuckAfter: {
      kind: 'duration',
      min: '20ms',
      max: '10s',
      default: '50ms',
      why: 'A shard that waits needs no heartbeat, and a collection of garbage takes a tenth of it.',
      doc: 'Without a heartbeat for so long, a shard gets no new connections and another serves its listening sockets, until it beats again.',
    },
    killAfter: {
      kind: 'duration',
      min: '100ms',
      max: '10m',
      default: '2s',
      why: 'No honest work of a shard takes a tenth of it.',
      doc: 'Without a heartbeat for so long, an actor is ended; its connections go on elsewhere, and a successor takes its place.',
    },
    maxRestarts: {
      kind: 'integer',
      min: 0,
      max: 10_000,
      default: 100,
      why: 'More than any drill; a program whose actors die faster than that does not know its own state.',
      doc: 'Restarts of actors, all together, within `within`. One more ends the data plane, and the master starts a new one.',
    },
    within: {
      kind: 'duration',
      min: '1s',
      max: '1h',
      default: '60s',
      why: 'A minute of dying is no accident.',
      doc: 'See `maxRestarts`.',
    },
    backoff: {
      kind: 'object',
      doc: 'Pause before a restart: evenly at random between nothing and a bound that doubles with every restart in a row (full jitter).',
      fields: {
        first: {
          kind: 'duration',
          default: '50ms',
          why: 'A first death is an accident: be back before anybody notices.',
          doc: 'The bound before the first restart.',
        },
        max: {
          kind: 'duration',
          default: '10s',
          why: 'An operator who repairs the cause should not wait longer.',
          doc: 'The bound grows no further.',
        },
      },
    },
    heap: {
      kind: 'size',
      min: '64MiB',
      max: '64GiB',
      default: '1GiB',
      why: 'Ten times what a busy shard was seen to need.',
      doc: 'JavaScript objects of one shard. From 80 % on it is replaced in good order; at the limit it is ended before the process would be.',
    },
  },
} as const

export const cores = {
  kind: 'object',
  doc: 'How the work is spread over the shards.',
  fields: {
    steer: {
      kind: 'switch',
      default: 'on',
      why: 'The kernel deals connections by a hash, not by who has time.',
      doc: 'New connections go to shards by the time they have: the busier a shard, the fewer it gets.',
    },
    handOver: {
      kind: 'switch',
      default: 'on',
      why: 'Long-lived connections stay where chance put them; nobody else would even them out.',
      doc: 'A shard that is busier than another hands it connections, between two requests, and the client notices nothing.',
    },
    pin: {
      kind: 'switch',
      default: 'off',
      why: 'It pays where nothing else runs on the machine, and harms where something does.',
      doc: 'Each shard stays on a core of its own, by turns over the memory nodes where there are several, and its memory is on that node. Holds for shards that start from then on.',
      haproxy: 'cpu-map',
    },
  },
} as const

export const overload = {
  kind: 'object',
  toggle: true,
  default: 'on',
  why: 'A proxy that takes on more than it can do serves nobody in time.',
  doc: 'Requests refused with 503 and `retry-after` while a shard cannot keep up.',
  fields: {
    delay: {
      kind: 'duration',
      min: '5ms',
      max: '10s',
      default: '50ms',
      why: 'People notice a tenth of a second, which is what they see then; a shard in balance is a hundred times faster.',
      doc: 'How late a shard may be with what came in, lastingly (CoDel), before it refuses what is more than it can do. Clients see twice that: a response waits like its request.',
    },
    window: {
      kind: 'duration',
      min: '10ms',
      max: '10s',
      default: '500ms',
      why: 'A burst, or a hiccup of the machine, is no overload.',
      doc: 'For so long the delay must have been above.',
    },
  },
} as const
