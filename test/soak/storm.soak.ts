/** The whole program in a storm, for as long as the runner says: `npm run soak -- --seconds 60 storm`. Prints the ledger. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FAULT_KINDS } from '../../src/proxy/control.ts'
import { killActor, killPlane, killShards, pick } from '../support/storm-client/drill.ts'
import type { Kill } from '../support/storm-client/drill.ts'
import { OTHER_ACTORS, healed } from '../support/storm-client/faults.ts'
import { insistOnAdoption, insistOnCalm, insistOnTruth } from '../support/storm-client/laws.ts'
import { holdings, settled } from '../support/storm-client/remains.ts'
import type { Holdings } from '../support/storm-client/remains.ts'
import { setStage } from '../support/storm-client/stage.ts'
import type { Stage } from '../support/storm-client/stage.ts'
import type { Crowd, Storm } from '../support/storm-client/storm.ts'

const SEED = Number(process.env['WEIR_SEED'] ?? 1)
const SECONDS = Number(process.env['WEIR_SECONDS'] ?? 60)
/** Of the admin API's own connections, which come and go. */
const A_FEW = 8
/** 200 restarts cost 4–10 MB, mostly the first 50; what is more is a leak. */
const GROWTH = 64 * 1024 * 1024

const CROWD: Crowd = {
  busy: 64,
  idle: 1000,
  idleEveryMs: 5000,
  newPerSecond: 50,
  postShare: 0.05,
  tunnels: 4,
}

function tell(what: string, kills: readonly Kill[], storm: Storm): void {
  const byKind = Map.groupBy(kills, ({ kind }) => kind)
  const counts = [...byKind].map(([kind, some]) => `${kind} ${some.length}`).join(', ')
  const { endings } = storm.ledger.account('idle')
  console.log(
    `\n${what}: ${kills.length} kills (${counts}), seed ${SEED}\n${storm.ledger.toString()}\nlost: ${storm.ledger.lost} requests, ${endings.lost} idle connections`,
  )
}

/** A first storm of a few kills of each kind, so that what grows once has grown. */
async function warmUp(stage: Stage, shards: number): Promise<Holdings> {
  const storm = stage.storm(CROWD)
  await storm.begin()
  await killShards(stage, [...FAULT_KINDS, ...FAULT_KINDS, ...FAULT_KINDS], 500)
  await healed(stage.weir, shards)
  await storm.end()
  await settled(stage.weir)
  return holdings(stage.weir)
}

function insistOnFlat(before: Holdings, after: Holdings): void {
  console.log(
    `fds ${before.fds} → ${after.fds}, threads ${before.threads} → ${after.threads}, ` +
      `resident ${mib(before.residentBytes)} → ${mib(after.residentBytes)} MiB`,
  )
  assert.ok(after.fds <= before.fds + A_FEW, 'descriptors grow')
  assert.ok(after.threads <= before.threads, 'threads grow')
  assert.ok(after.residentBytes <= before.residentBytes + GROWTH, 'memory grows')
}

const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1)

test(`a random shard is killed every second for ${SECONDS} s, by throw, exit, spin and oom: no idle connection is lost, only what is in mid-response fails, nothing leaks`, async (t) => {
  const shards = 3
  const stage = await setStage(t, { shards }, SEED)
  const before = await warmUp(stage, shards)
  const storm = stage.storm(CROWD)
  await storm.begin()
  const kinds = Array.from({ length: SECONDS }, () => pick(stage.rng, FAULT_KINDS))
  const kills = await killShards(stage, kinds, 1000)
  await healed(stage.weir, shards)
  await storm.end()
  tell('shards', kills, storm)
  insistOnAdoption({ stage, storm, crowd: CROWD })
  await settled(stage.weir)
  insistOnFlat(before, await holdings(stage.weir))
})

test('acceptor, telemetry, health and discovery are killed: no request fails at all', async (t) => {
  const stage = await setStage(t, { shards: 2 }, SEED)
  const storm = stage.storm(CROWD)
  await storm.begin()
  const kills: Kill[] = []
  const endMs = performance.now() + (SECONDS * 1000) / 4
  while (performance.now() < endMs) {
    kills.push(...(await killActor(stage, pick(stage.rng, OTHER_ACTORS), [pick(stage.rng, FAULT_KINDS)])))
  }
  await storm.end()
  tell('other actors', kills, storm)
  insistOnCalm({ stage, storm, crowd: CROWD })
  await settled(stage.weir)
})

test('the process of the data plane is killed (SIGKILL) again and again: nobody who comes is refused', async (t) => {
  const stage = await setStage(t, { shards: 2 }, SEED)
  const crowd = { ...CROWD, tunnels: 0 }
  const storm = stage.storm(crowd)
  await storm.begin()
  const backMs: number[] = []
  for (let round = 0; round < Math.max(2, SECONDS / 10); round++) {
    backMs.push(await killPlane(stage.weir, () => storm.ledger.total('answered')))
  }
  await storm.end()
  console.log(`\nthe data plane: back after ${backMs.map((ms) => `${ms.toFixed(0)} ms`).join(', ')}`)
  tell('data plane', [], storm)
  insistOnTruth({ stage, storm, crowd })
  await settled(stage.weir)
})
