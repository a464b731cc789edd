import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { FleetWorld, SHARDS, SLOTS, steps } from '../test/support/fleet-world.ts'

test('exchanges in flight are never lost nor left behind: stripes, and every shard’s picture with its own, hold those that live, also when shards die midway (pingora #269, PR #821)', () => {
  fc.assert(
    fc.property(steps, fc.array(fc.nat(119), { maxLength: 4 }), (script, pauses) => {
      const world = new FleetWorld()
      for (const [at, step] of script.entries()) {
        world.run(step)
        world.checkGauges()
        if (!pauses.includes(at)) continue
        world.settle()
        for (let shard = 0; shard < SHARDS; shard++) {
          const [view, voice] = [world.views.get(shard)!, world.voices[shard]!]
          for (let slot = 0; slot < SLOTS; slot++) {
            const all = world.model.others(slot, -1)
            assert.equal(view.inFlight[slot]! + voice.inFlight(slot), all.length)
            const startSum = all.reduce((sum, { startMs }) => sum + startMs, 0)
            assert.equal(view.startSum[slot]! + voice.startSum(slot), startSum)
          }
        }
      }
    }),
    { numRuns: 300 },
  )
})
