import { fileURLToPath } from 'node:url'
import { ask } from './backend.ts'
import { configFile, launchEntry } from './weir.ts'
import type { Weir } from './weir.ts'
import type { Scope } from './wire.ts'

const main = fileURLToPath(new URL('./mortal/main.ts', import.meta.url))

/** The program, in which `actor` dies so at each `kill`. */
export async function startMortal(
  t: Scope,
  text: string,
  actor: string,
  kind: string,
): Promise<Weir & { kill: () => void }> {
  const path = await configFile(t, text)
  const weir = launchEntry(t, [main, path, actor, kind], path)
  await weir.line(/^weir: ready/)
  return { ...weir, kill: () => void weir.process.kill('SIGPWR') }
}

export type ShardFacts = {
  readonly id: number
  readonly state: string
  readonly restarts: number
  readonly connections: number
  readonly inFlight: number
}

export async function shardsOf(weir: Weir): Promise<readonly ShardFacts[]> {
  const { body } = await ask(`${weir.adminUrl()}/api/v1/shards`)
  return (JSON.parse(body) as { shards: ShardFacts[] }).shards
}
