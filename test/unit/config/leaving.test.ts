import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leavingOf, NOBODY_LEAVES, withoutIds } from '../../../src/config/leaving.ts'
import type { Snapshot } from '../../../src/config/snapshot.ts'
import { LISTENER, snapshotOf } from '../../support/sim-shard.ts'
import { clusterSpec, endpointSpec } from '../../support/specs.ts'

const STICKY = { cookie: 'at', ttlMs: 0, key: [1, 2, 3, 4] } as const
const listeners = (...ids: number[]): Snapshot['listeners'] =>
  ids.map((id) => ({ ...LISTENER, id, name: `l${id}` }))

/** Clusters by id, with the ids of their endpoints. */
const config = (listening: number[], clusters: Record<number, number[]>): Snapshot => ({
  ...snapshotOf({}),
  listeners: listeners(...listening),
  clusters: Object.entries(clusters).map(([id, endpoints]) =>
    clusterSpec({
      id: Number(id),
      sticky: STICKY,
      policy: { name: 'own', module: 'file:///own.ts', options: {} },
      endpoints: endpoints.map((endpoint) => endpointSpec(endpoint, `10.0.0.${endpoint}:80`)),
    }),
  ),
})

const told = (leaving: typeof NOBODY_LEAVES): [number[], [number, number[]][]] => [
  leaving.listeners.map(({ id }) => id),
  leaving.clusters.map(({ id, endpoints }) => [id, endpoints.map((endpoint) => endpoint.id)]),
]

test('who is named no more leaves: a listener, an endpoint of a cluster that stays, a whole cluster', () => {
  const leaving = leavingOf(config([0, 1], { 0: [0, 1], 1: [2] }), NOBODY_LEAVES, config([1], { 0: [1] }))
  assert.deepEqual(told(leaving), [
    [0],
    [
      [0, [0]],
      [1, [2]],
    ],
  ])
})

test('who left earlier still leaves, until it comes back or its ids are free', () => {
  const first = leavingOf(config([0, 1], { 0: [0, 1, 2] }), NOBODY_LEAVES, config([1], { 0: [2] }))
  const second = leavingOf(config([1], { 0: [2] }), first, config([0], { 0: [1] }))
  assert.deepEqual(told(second), [[1], [[0, [2, 0]]]])
  assert.deepEqual(told(withoutIds(second, { listener: [1], cluster: [], endpoint: [2] })), [[], [[0, [0]]]])
  assert.deepEqual(told(withoutIds(second, { listener: [], cluster: [0], endpoint: [] })), [[1], []])
})

test('neither a secret nor a module of the operator’s goes with it', () => {
  const [cluster] = leavingOf(config([0], { 0: [0] }), NOBODY_LEAVES, config([0], {})).clusters
  assert.equal(cluster?.sticky, undefined)
  assert.equal(cluster?.policy.module, undefined)
})
