import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { FleetView } from '../src/shm/fleet-view.ts'
import type { FleetModel } from '../test/support/fleet-model.ts'
import { DECAY_MS, FleetWorld, SLOTS, steps, VIEWERS } from '../test/support/fleet-world.ts'
import type { Viewer } from '../test/support/fleet-world.ts'

/** What a view shows of a slot, in the terms of the model. */
const shown = (view: FleetView, slot: number): unknown => ({
  inFlight: view.inFlight[slot],
  startSum: view.startSum[slot],
  report:
    view.reportedAtMs[slot] === -1
      ? undefined
      : {
          at: view.reportedAtMs[slot],
          source: view.reportSource[slot],
          utilisation: view.utilisation[slot],
          qps: view.reportedQps[slot],
          eps: view.reportedEps[slot],
        },
  probe:
    view.probedAtMs[slot] === -1
      ? undefined
      : { at: view.probedAtMs[slot], rif: view.probedRif[slot], latencyMs: view.probedLatencyMs[slot] },
  probes: view.probeSeq[slot],
  verdict: {
    state: view.state[slot],
    reason: view.reason[slot],
    sinceMs: view.sinceMs[slot],
    share: view.share[slot],
    ejections: view.ejections[slot],
    ejectedUntilMs: view.ejectedUntilMs[slot],
  },
  admin: { state: view.admin[slot], weight: view.adminWeight[slot] },
})

const UNJUDGED = { state: 0, reason: 0, sinceMs: 0, share: 1, ejections: 0, ejectedUntilMs: 0 }

const expected = (model: FleetModel, viewer: Viewer, slot: number): unknown => {
  const others = model.others(slot, typeof viewer === 'number' ? viewer : -1)
  const probe = model.probe(slot)
  return {
    inFlight: others.length,
    startSum: others.reduce((sum, { startMs }) => sum + startMs, 0),
    report: model.report(slot),
    probe: probe === undefined ? undefined : { at: probe.at, rif: probe.rif, latencyMs: probe.latencyMs },
    probes: model.probeCount(slot),
    verdict: model.verdicts.get(slot) ?? UNJUDGED,
    admin: model.admin.get(slot) ?? { state: 0, weight: Number.NaN },
  }
}

const check = (world: FleetWorld, viewer: Viewer): void => {
  const view = world.views.get(viewer)!
  for (let slot = 0; slot < SLOTS; slot++) {
    assert.deepEqual(shown(view, slot), expected(world.model, viewer, slot), `${viewer}, slot ${slot}`)
    const cost = world.model.costNow(slot, world.nowMs, DECAY_MS)
    if (cost === undefined) assert.equal(view.costAtMs[slot], -1)
    else {
      const now = view.cost[slot]! * Math.exp((view.costAtMs[slot]! - world.nowMs) / DECAY_MS)
      assert.ok(Math.abs(now - cost) <= cost * 1e-9, `cost ${now}, not ${cost}`)
    }
  }
  for (const [cluster, max] of world.model.limits) assert.equal(view.limit[cluster], max)
}

test('the fold shows every actor the same picture, that of plain maps, for any interleaving of words and folds, laps, late readers and dead shards', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const world = new FleetWorld()
      for (const step of script) world.run(step)
      world.settle()
      for (const viewer of VIEWERS) check(world, viewer)
      const all = [...world.views.values()]
      for (const view of all) {
        assert.deepEqual(view.cost, all[0]!.cost)
        assert.deepEqual(view.costAtMs, all[0]!.costAtMs)
      }
    }),
    { numRuns: 400 },
  )
})

test('folding again, or adopting again, changes nothing', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const world = new FleetWorld()
      for (const step of script) world.run(step)
      world.settle()
      for (const viewer of VIEWERS) {
        const view = world.views.get(viewer)!
        view.clearDirty()
        assert.equal(view.fold(world.nowMs), 0)
        assert.equal(view.dirtyCount + view.dirtyClusterCount, 0)
        for (const [slot, generation] of world.generations.entries()) view.adopt(slot, generation, DECAY_MS)
        check(world, viewer)
      }
    }),
    { numRuns: 100 },
  )
})

test('a slot is marked as changed whenever what is shown of it changed, and once', () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(...VIEWERS), (script, viewer) => {
      const world = new FleetWorld()
      for (const step of script) {
        const view = world.views.get(viewer)!
        const before = Array.from({ length: SLOTS }, (_, slot) => shown(view, slot))
        const limits = [...view.limit]
        view.clearDirty()
        world.run(step)
        if (world.views.get(viewer) !== view) continue
        const dirty = [...view.dirty.subarray(0, view.dirtyCount)]
        assert.equal(new Set(dirty).size, dirty.length)
        for (let slot = 0; slot < SLOTS; slot++)
          if (!dirty.includes(slot)) assert.deepEqual(shown(view, slot), before[slot])
        const clusters = [...view.dirtyClusters.subarray(0, view.dirtyClusterCount)]
        for (const [cluster, limit] of limits.entries())
          if (!clusters.includes(cluster)) assert.equal(view.limit[cluster], limit)
      }
    }),
    { numRuns: 100 },
  )
})
