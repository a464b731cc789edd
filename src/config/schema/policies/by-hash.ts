/** Policies that send the same key to the same endpoint. */
import type { PolicyDescriptions } from './description.ts'

const boundedLoad = {
  kind: 'ratio',
  min: 1,
  max: 100,
  off: true,
  why: 'Without a bound a key always finds its endpoint: say how much unevenness you trade that for, 1.25 for example.',
  doc: 'An endpoint takes at most this multiple of the mean of requests in flight; what is above goes on to the next of the key.',
  haproxy: 'hash-balance-factor',
} as const

export const BY_HASH: PolicyDescriptions<'ring-hash' | 'maglev' | 'rendezvous' | 'ip-hash'> = {
  'ring-hash': {
    doc: 'The same key to the same endpoint, by points on a ring (ketama).',
    haproxy: 'hash-type consistent',
    options: {
      minSize: {
        kind: 'integer',
        min: 1,
        max: 1_048_576,
        why: 'Envoy’s: shares within some percent.',
        doc: 'Least number of points on the ring.',
      },
      maxSize: {
        kind: 'integer',
        min: 1,
        max: 1_048_576,
        why: 'Every shard has a ring: more are not worth their memory.',
        doc: 'Greatest number of points on the ring.',
      },
      boundedLoad,
    },
  },
  maglev: {
    doc: 'The same key to the same endpoint, by a table: the fastest and most even, moves a few more keys than a ring when endpoints change.',
    options: {
      tableSize: {
        kind: 'integer',
        min: 11,
        max: 5_000_011,
        why: 'The paper’s small table: shares within one percent up to some hundred endpoints.',
        doc: 'Entries of the table; a prime.',
      },
      boundedLoad,
    },
  },
  rendezvous: {
    doc: 'The same key to the same endpoint, by the highest of all hashes: exact weights, the fewest keys move, time grows with the number of endpoints.',
    options: { boundedLoad },
  },
  'ip-hash': {
    doc: 'The same client address to the same endpoint.',
    haproxy: 'source',
    options: { boundedLoad },
  },
}
