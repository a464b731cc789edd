import { ENGINE_STATS } from '../../../src/io/engine.ts'
import type { EngineStat } from '../../../src/io/engine.ts'
import { OUTCOMES } from '../../../src/telemetry/outcome.ts'
import type { Law } from '../http-model/ledger.ts'
import { outcomesOf } from './outcomes.ts'
import { weather } from './storm.ts'
import type { Wreck } from './storm.ts'

const GAUGES: ReadonlySet<EngineStat> = new Set(['open', 'queuedBytes'])

/** What a series of storms came to. */
export type Season = {
  storms: number
  requests: number
  /** The first wreck of each law that was broken, and how many there were. */
  readonly wrecks: Map<Law, Wreck>
  broken: number
  /** How often what was reached: outcomes of exchanges as the shard counts them, and what peers saw. */
  readonly reached: Map<string, number>
}

export const newSeason = (): Season => ({
  storms: 0,
  requests: 0,
  wrecks: new Map(),
  broken: 0,
  reached: new Map([
    ...OUTCOMES.map(({ name }) => [name, 0] as const),
    ...['adopted', 'rescued', 'answered', 'reset'].map((fate) => [`estate ${fate}`, 0] as const),
    ...ENGINE_STATS.filter((name) => !GAUGES.has(name)).map((name) => [name, 0] as const),
  ]),
})

/** Run the storm of one seed and note what it came to. */
export const passStorm = async (season: Season, seed: number): Promise<void> => {
  const { storm, wreck } = await weather(seed)
  season.storms++
  season.requests += storm.ledger.entries.size
  if (wreck !== undefined) {
    season.broken++
    if (!season.wrecks.has(wreck.law)) season.wrecks.set(wreck.law, wreck)
  }
  const add = (what: string, count: number): void => {
    season.reached.set(what, (season.reached.get(what) ?? 0) + count)
  }
  for (const [what, count] of storm.ledger.seen) add(what, count)
  for (const { engine, fleet, shard } of storm.shards) {
    for (const name of ENGINE_STATS) if (!GAUGES.has(name)) add(name, engine.stat(name))
    for (const [name, count] of outcomesOf(fleet, shard.index)) add(name, count)
  }
}
