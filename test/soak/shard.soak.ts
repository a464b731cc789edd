/** Storms over a whole shard, as in `properties/shard-simulation.test.ts`, for as long as the runner says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newSeason, passStorm } from '../support/storm/season.ts'

const SEED = Number(process.env['WEIR_SEED'] ?? 1)
const SECONDS = Number(process.env['WEIR_SECONDS'] ?? 60)

test(`storms for ${SECONDS} s break no law`, async (t) => {
  const season = newSeason()
  const endMs = performance.now() + SECONDS * 1000
  while (performance.now() < endMs) {
    await passStorm(season, SEED + season.storms)
    const [wreck] = season.wrecks.values()
    assert.ok(
      wreck === undefined,
      `${wreck?.message}\nagain: WEIR_STORMS=1 WEIR_SEED=${wreck?.seed} npm test -- shard-simulation`,
    )
  }
  t.diagnostic(`${season.storms} storms from seed ${SEED} on, ${season.requests} requests`)
})
