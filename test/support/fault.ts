import assert from 'node:assert/strict'
import { ask } from './backend.ts'
import { shardsOf } from './mortal.ts'
import { until } from './weir.ts'
import type { Weir } from './weir.ts'

export type Fault = 'throw' | 'exit' | 'spin' | 'oom'

/** For configurations that allow faults: what hangs is noticed sooner than by default, and nobody waits long for a successor. `heap`: small, or it takes long to fill. */
export const FAULTS = `supervision: { killAfter: 1s, heap: 64MiB, backoff: { first: 10ms, max: 50ms } }`

/** The configuration with faults allowed, and a stop that waits for nobody. */
export const faulty = (text: string): string =>
  text.replace('admin: {', 'admin: { faults: true,').replace('hard: 5s', 'hard: 300ms')

/** Have a shard (by index) or another actor (by name) fail. */
export async function fault(weir: Weir, who: number | string, kind: Fault): Promise<void> {
  const path = typeof who === 'number' ? `shards/${who}` : `actors/${who}`
  const answer = await ask(`${weir.adminUrl()}/api/v1/${path}/fault`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind }),
  })
  assert.ok(answer.status < 300, `${answer.status} ${answer.body}`)
}

/** It was restarted so often, and serves. */
export async function isBack(weir: Weir, shard: number, restarts = 1): Promise<void> {
  await until(async () => {
    const facts = (await shardsOf(weir))[shard]
    return facts?.restarts === restarts && facts.state === 'running'
  }, `shard ${shard} is back`)
}
