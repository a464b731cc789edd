import { seededRng } from '../../../src/base/random.ts'
import type { Rng } from '../../../src/base/random.ts'
import { startWeir } from '../weir.ts'
import type { Weir } from '../weir.ts'
import type { Scope } from '../wire.ts'
import { startStormBackends } from './backend.ts'
import type { StormBackend } from './backend.ts'
import { Storm } from './storm.ts'
import type { Crowd } from './storm.ts'

/** Where a storm takes place: the whole program, with faults allowed, and its backends. */
export type Stage = {
  readonly weir: Weir
  readonly backend: StormBackend
  readonly addresses: readonly string[]
  readonly rng: Rng
  readonly storm: (crowd: Crowd) => Storm
}

export type Setting = {
  readonly shards: number
  readonly listeners?: string
  readonly supervision?: string
  readonly drain?: string
}

/** Small heaps die soon, and nobody waits long for a successor. */
const SUPERVISION =
  '{ killAfter: 500ms, heap: 64MiB, maxRestarts: 10000, backoff: { first: 10ms, max: 50ms } }'

export function stormText(addresses: readonly string[], setting: Setting): string {
  return `shards: ${setting.shards}
admin: { bind: 127.0.0.1:0, faults: true }
listeners: { web: { bind: 127.0.0.1:0, timeouts: { keepAlive: 1h, tunnel: 1h } }${setting.listeners ?? ''} }
routes: [{ cluster: web }]
clusters: { web: { endpoints: ${JSON.stringify(addresses)} } }
drain: ${setting.drain ?? '{ window: 50ms, hard: 5s }'}
supervision: ${setting.supervision ?? SUPERVISION}
overload: off
`
}

export async function setStage(t: Scope, setting: Setting, seed: number): Promise<Stage> {
  const { addresses, backend } = await startStormBackends(t)
  const weir = await startWeir(t, stormText(addresses, setting))
  const rng = seededRng(seed)
  const storm = (crowd: Crowd): Storm => new Storm(weir.addresses().get('web') ?? '', crowd, rng)
  return { weir, backend, addresses, rng, storm }
}
