import { test } from 'node:test'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { SharedCount } from '../../../src/shm/claim.ts'
import { openFleet, zeroStripe } from '../../../src/shm/fleet.ts'
import { allocateFleet, GAUGE } from '../../../src/shm/layout.ts'
import type { FleetHandle } from '../../../src/shm/layout.ts'
import type { ClaimerData } from './claimer.ts'

const makeFleet = (shards: number): FleetHandle =>
  allocateFleet({
    shards,
    endpoints: 1,
    clusters: 1,
    listeners: 1,
    widths: { engine: 0, shard: 0, listener: 0, cluster: 0, histograms: 0, endpoint: 0 },
    clientBuckets: 1,
    logBytes: 0,
    explainBytes: 0,
    fds: 64,
    ringRecords: 64,
  })

test('threads at once: never more held than allowed, the limit is reached, nothing is left behind', async () => {
  const threads = 3
  for (const max of [1, 5]) {
    const handle = makeFleet(threads)
    const witness = new Int32Array(new SharedArrayBuffer(16))
    const workers = Array.from({ length: threads }, (_, shard) => {
      const workerData: ClaimerData = { handle, shard, max, grants: 20_000, witness, threads }
      return new Worker(new URL('./claimer.ts', import.meta.url), { workerData })
    })
    await Promise.all(workers.map((worker) => once(worker, 'message')))
    await Promise.all(workers.map((worker) => worker.terminate()))
    assert.equal(witness[1], max)
    assert.equal(witness[0], 0)
    assert.equal(new SharedCount(openFleet(handle), 'listenerGauges', 0).count(0), 0)
  }
})

test('a shard killed while it holds and claims: zeroing its stripe frees all of it', async () => {
  const max = 4
  const handle = makeFleet(2)
  const witness = new Int32Array(new SharedArrayBuffer(16))
  const workerData: ClaimerData = { handle, shard: 1, max, grants: Infinity, witness, threads: 1 }
  const worker = new Worker(new URL('./claimer.ts', import.meta.url), { workerData })
  while (Atomics.load(witness, 1) < max) Atomics.wait(witness, 1, Atomics.load(witness, 1), 1) // until it held all
  await worker.terminate()
  const fleet = openFleet(handle)
  zeroStripe(fleet, 1)
  const survivor = new SharedCount(fleet, 'listenerGauges', 0)
  for (let i = 0; i < max; i++) assert.ok(survivor.claim(0, max), `claim ${i}`)
  assert.ok(!survivor.claim(0, max))
})

test('claims of different kinds on one row are counted apart, and a dead shard’s are free again', () => {
  const fleet = openFleet(makeFleet(2))
  const open = [0, 1].map((shard) => new SharedCount(fleet, 'clusterGauges', shard))
  const admitted = [0, 1].map((shard) => new SharedCount(fleet, 'clusterGauges', shard, GAUGE.admitted))
  for (const count of admitted) assert.ok(count.claim(0, 2))
  assert.ok(!admitted[0]!.claim(0, 2))
  assert.ok(open[1]!.claim(0, 1))
  assert.deepEqual([open[0]!.count(0), admitted[0]!.count(0)], [1, 2])
  zeroStripe(fleet, 1)
  assert.deepEqual([open[0]!.count(0), admitted[0]!.count(0)], [0, 1])
})
