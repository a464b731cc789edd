/** Policies that choose by weight and by requests in flight. */
import { choices } from './description.ts'
import type { PolicyDescriptions } from './description.ts'

export const BY_COUNT: PolicyDescriptions<
  'round-robin' | 'random' | 'weighted-random' | 'p2c' | 'least-request' | 'one-plus-beta'
> = {
  'round-robin': {
    doc: 'In turn, by weight, without bursts. Fair by count: for servers that are alike and requests that are alike.',
    haproxy: 'roundrobin',
    options: {},
  },
  random: {
    doc: 'Evenly at random, whatever the weights: what others are measured against.',
    haproxy: 'random(1)',
    options: {},
  },
  'weighted-random': { doc: 'At random by weight.', options: {} },
  p2c: {
    doc: 'The less loaded of two drawn at random, by requests in flight and weight. Needs no tuning, follows unequal servers and requests.',
    haproxy: 'random(2)',
    options: { choices },
  },
  'least-request': {
    doc: 'The fewest requests in flight, by weight.',
    haproxy: 'leastconn',
    options: {
      mode: {
        kind: 'enum',
        values: ['choices', 'scan', 'edf'],
        why: 'As good as looking at all, and no herd runs to the one that looks idle.',
        doc: '`choices` compares some, drawn at random; `scan` looks at all; `edf` takes turns by weight over load.',
      },
      choices,
      bias: {
        kind: 'number',
        min: 0,
        max: 10,
        why: 'Envoy’s: twice the load, half the share.',
        doc: 'For `edf`: the exponent of the load; 0 heeds weights only.',
      },
    },
  },
  'one-plus-beta': {
    doc: 'Sometimes the better of two, else at random: steadier than p2c where the load is seen late or by many balancers.',
    options: {
      beta: {
        kind: 'ratio',
        min: 0,
        max: 1,
        why: 'Half of the gain of two choices at half of the herding.',
        doc: 'Share of the picks that compare two.',
      },
    },
  },
}
