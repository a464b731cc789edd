import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SlotTable } from '../../../src/config/slots.ts'
import type { Snapshot } from '../../../src/config/snapshot.ts'
import { restoreVerdicts, verdictsOf } from '../../../src/control/heritage.ts'
import { Overlay } from '../../../src/control/overlay.ts'
import { ENDPOINT_STATES } from '../../../src/health/states.ts'
import { AdminWord, Verdict } from '../../../src/shm/tables.ts'
import { clusterSpec, endpointSpec } from '../../support/specs.ts'
import { makeFleet } from '../telemetry/support.ts'

const quiet = { admin: (): void => {} }

/** One cluster, its endpoints in the slots they get in this order. */
function snapshotOf(addresses: readonly string[]): Snapshot {
  const slots = new SlotTable()
  const endpoints = addresses.map((address) => {
    const id = slots.endpoint('web', address)
    return endpointSpec(id, address, { generation: slots.generation(id) })
  })
  return {
    clusters: [clusterSpec({ id: slots.cluster('web'), name: 'web', endpoints })],
    listeners: [],
  } as unknown as Snapshot
}

test('verdicts go to the endpoints of the same name, whatever slots they have now; who is new has none, who is gone leaves none', () => {
  const [before, after] = [makeFleet(1), makeFleet(1)]
  const old = snapshotOf(['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'])
  const verdict = new Verdict()
  for (const [n, { id, generation }] of old.clusters[0]!.endpoints.entries()) {
    const state = ENDPOINT_STATES.indexOf('quarantined')
    Object.assign(verdict, {
      generation,
      state,
      reason: n,
      sinceMs: 10.5 + n,
      ejections: n,
      ejectedUntilMs: 99.25,
      share: 0.5,
    })
    before.verdicts.write(id, verdict)
  }
  const plain = JSON.parse(JSON.stringify(verdictsOf(before, old))) as ReturnType<typeof verdictsOf>
  const now = snapshotOf(['10.0.0.9:80', '10.0.0.3:80', '10.0.0.1:80'])
  restoreVerdicts(after, now, plain)
  const found = now.clusters[0]!.endpoints.map(({ id, generation }) => {
    const row = new Verdict()
    return after.verdicts.read(id, row) && row.generation === generation ? row : undefined
  })
  assert.equal(found[0], undefined)
  assert.deepEqual([found[1]?.reason, found[1]?.sinceMs, found[1]?.ejections], [2, 12.5, 2])
  assert.deepEqual([found[2]?.reason, found[2]?.ejectedUntilMs, found[2]?.share], [0, 99.25, 0.5])
  assert.deepEqual(
    verdictsOf(after, now).map(({ address }) => address),
    ['10.0.0.3:80', '10.0.0.1:80'],
  )
})

test('wishes of operators pass on, of absent endpoints too, and say what they said', () => {
  const [before, after] = [makeFleet(1), makeFleet(1)]
  const snapshot = snapshotOf(['10.0.0.1:80', '10.0.0.2:80'])
  const old = new Overlay(before.admin, quiet)
  old.patch(snapshot, { cluster: 'web', address: '10.0.0.1:80' }, { admin: 'drain' })
  old.patch(snapshot, { cluster: 'web', address: '10.0.0.2:80' }, { weight: 7 })
  const next = new Overlay(after.admin, { admin: (slot, word) => after.admin.write(slot, word) })
  next.restore(JSON.parse(JSON.stringify(old.wishes)) as typeof old.wishes)
  const later = snapshotOf(['10.0.0.3:80', '10.0.0.2:80'])
  next.apply(later)
  const row = new AdminWord()
  assert.equal(
    after.admin.read(later.clusters[0]!.endpoints[0]!.id, row),
    false,
    'of a new one nothing is wished',
  )
  assert.ok(after.admin.read(later.clusters[0]!.endpoints[1]!.id, row))
  assert.equal(row.weight, 7)
  assert.deepEqual(next.wishes, old.wishes)
})
