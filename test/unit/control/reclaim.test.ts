import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reclaimer } from '../../../src/control/reclaim.ts'
import { BELIEF_WIDTH } from '../../../src/shm/beliefs.ts'
import { openFleet } from '../../../src/shm/fleet.ts'
import type { Fleet } from '../../../src/shm/fleet.ts'
import { GAUGE_WORDS, RETRY_WORDS, allocateFleet } from '../../../src/shm/layout.ts'
import { AdminWord, ClusterLimit, Verdict } from '../../../src/shm/tables.ts'

const width = 8
const shape = {
  shards: 2,
  endpoints: 4,
  clusters: 4,
  listeners: 4,
  widths: {
    engine: width,
    shard: width,
    listener: width,
    cluster: width,
    histograms: width,
    endpoint: width,
  },
  clientBuckets: 16,
  logBytes: 0,
  explainBytes: 0,
  fds: 64,
  ringRecords: 64,
}
const REST_MS = 1000
const none = { listener: [], cluster: [], endpoint: [] }

function setup(): { readonly fleet: Fleet; readonly reclaimer: Reclaimer } {
  const fleet = openFleet(allocateFleet(shape))
  for (const stripe of fleet.stripes)
    for (const table of [stripe.listeners, stripe.clusters, stripe.histograms, stripe.endpoints])
      table.fill(7)
  return { fleet, reclaimer: new Reclaimer(fleet, REST_MS) }
}

test('a slot named by nobody is free only after its rest, and then its rows are zero and its neighbours untouched', () => {
  const { fleet, reclaimer } = setup()
  const unused = { listener: [1], cluster: [2], endpoint: [3] }
  assert.deepEqual(reclaimer.reclaim(unused, 0), none)
  assert.deepEqual(reclaimer.reclaim(unused, REST_MS - 1), none)
  assert.deepEqual(reclaimer.reclaim(unused, REST_MS), unused)
  for (const stripe of fleet.stripes) {
    for (const [table, id] of [
      [stripe.listeners, 1],
      [stripe.clusters, 2],
      [stripe.histograms, 2],
      [stripe.endpoints, 3],
    ] as const) {
      const expected = Array.from({ length: table.length }, (_, at) =>
        Math.floor(at / width) === id ? 0 : 7,
      )
      assert.deepEqual([...table], expected)
    }
  }
})

test('a slot that somebody still counts on rests on, whichever shard and gauge it is', () => {
  for (let gauge = 0; gauge < GAUGE_WORDS; gauge++) {
    const { fleet, reclaimer } = setup()
    const unused = { ...none, endpoint: [2] }
    fleet.stripe(1).endpointGauges[2 * GAUGE_WORDS + gauge] = 1
    reclaimer.reclaim(unused, 0)
    assert.deepEqual(reclaimer.reclaim(unused, 10 * REST_MS), none)
    fleet.stripe(1).endpointGauges[2 * GAUGE_WORDS + gauge] = 0
    assert.deepEqual(reclaimer.reclaim(unused, 11 * REST_MS), unused)
  }
})

test('a slot that is named again meanwhile begins its rest anew', () => {
  const { reclaimer } = setup()
  const unused = { ...none, cluster: [0] }
  reclaimer.reclaim(unused, 0)
  reclaimer.reclaim(none, REST_MS / 2)
  reclaimer.reclaim(unused, REST_MS)
  assert.deepEqual(reclaimer.reclaim(unused, 2 * REST_MS - 1), none)
  assert.deepEqual(reclaimer.reclaim(unused, 2 * REST_MS), unused)
})

test('what was believed, decreed and decided of a slot goes with its tenant, whoever said it', () => {
  const { fleet, reclaimer } = setup()
  const [verdict, word, limit] = [new Verdict(), new AdminWord(), new ClusterLimit()]
  for (const id of [1, 2]) {
    fleet.verdicts.write(id, verdict)
    fleet.admin.write(id, word)
    fleet.limits.write(id, limit)
  }
  for (const stripe of fleet.stripes) {
    stripe.beliefs.fill(7)
    stripe.retries.fill(7)
  }
  fleet.healthBeliefs.fill(7)
  const unused = { listener: [], cluster: [1], endpoint: [2] }
  reclaimer.reclaim(unused, 0)
  reclaimer.reclaim(unused, REST_MS)
  assert.deepEqual(
    [1, 2].map((id) => fleet.verdicts.read(id, verdict)),
    [true, false],
  )
  assert.deepEqual(
    [1, 2].map((id) => fleet.admin.read(id, word)),
    [true, false],
  )
  assert.deepEqual(
    [1, 2].map((id) => fleet.limits.read(id, limit)),
    [false, true],
  )
  const tables = fleet.stripes.flatMap(({ beliefs, retries }) => [
    { table: beliefs, width: BELIEF_WIDTH, gone: 2 },
    { table: retries, width: RETRY_WORDS, gone: 1 },
  ])
  for (const { table, width: row, gone } of [
    ...tables,
    { table: fleet.healthBeliefs, width: BELIEF_WIDTH, gone: 2 },
  ])
    for (const [at, value] of table.entries()) assert.equal(value, Math.floor(at / row) === gone ? 0 : 7)
})
