import assert from 'node:assert/strict'
import type { Stage } from './stage.ts'
import type { Crowd, Storm } from './storm.ts'

/** A storm that is over, and who was out in it. */
export type Aftermath = { readonly stage: Stage; readonly storm: Storm; readonly crowd: Crowd }

/** For a failed assertion: the book, what went wrong first, and what the program said. */
function tell({ stage: { weir }, storm: { ledger } }: Aftermath): string {
  return `\n${ledger.toString()}\n${ledger.story()}\n${weir.lines.slice(-LINES).join('\n')}`
}
const LINES = 30

/** Of any storm whatever died: no bytes that are not the answer, nothing done twice, nobody waits for ever, nobody turned away, all accounted for. */
export function insistOnTruth(aftermath: Aftermath): void {
  const { ledger } = aftermath.storm
  const { backend } = aftermath.stage
  const told = tell(aftermath)
  assert.equal(ledger.total('wrong'), 0, `wrong bytes${told}`)
  assert.equal(ledger.total('late'), 0, `somebody waited for ever${told}`)
  assert.equal(ledger.dialled('refused') + ledger.dialled('overdue'), 0, `a connection was refused${told}`)
  assert.equal(ledger.lost, 0, `unaccounted for${told}`)
  assert.equal(backend.repeated, 0, `done twice${told}`)
  assert.deepEqual(backend.garbled, [], `the backend got what nobody sent${told}`)
  assert.ok(ledger.total('answered') > 0, `nothing was answered${told}`)
}

/** Of a storm in which shards died one after the other: only what was in mid-response is broken off, only what may not be sent again gets a 502. */
export function insistOnAdoption(aftermath: Aftermath): void {
  insistOnTruth(aftermath)
  const { storm, crowd } = aftermath
  const { ledger } = storm
  const told = tell(aftermath)
  assert.equal(ledger.total('truncated'), 0, `a broken answer ended with FIN${told}`)
  const idle = ledger.account('idle')
  assert.equal(idle.endings.lost + idle.endings.announced, 0, `an idle connection was lost${told}`)
  assert.equal(idle.dials.connected, crowd.idle, `an idle client had to come again${told}`)
  assert.equal(ledger.ended('lost'), 0, `a connection was lost between two requests${told}`)
  assert.equal(ledger.total('dropped'), 0, `no byte of a response had come, yet it was broken off${told}`)
  for (const name of ['idle', 'busy', 'new']) {
    const { outcomes } = ledger.account(name)
    const refused = outcomes['502'] + outcomes['503'] + outcomes['504']
    assert.equal(refused, 0, `${name}: what could be sent again was not${told}`)
  }
  const posts = ledger.account('busy POST').outcomes
  assert.equal(posts['503'] + posts['504'], 0, told)
  const tunnels = ledger.account('tunnel')
  assert.equal(tunnels.sent - tunnels.outcomes.answered, 0, `a tunnel broke${told}`)
}

/** Of a storm in which nothing died that has connections, or what had them gave them away in good order: nobody notices. */
export function insistOnCalm(aftermath: Aftermath): void {
  insistOnAdoption(aftermath)
  const { ledger } = aftermath.storm
  const failed = ledger.sent - ledger.total('answered')
  assert.equal(failed, 0, `${failed} requests failed${tell(aftermath)}`)
}
