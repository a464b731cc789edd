import type { ContenderName, Running, Variant } from './contenders.ts'
import { measureIdle } from './idle.ts'
import { measureLoad } from './measure.ts'
import type { SectionName } from './results.ts'
import type { Rig } from './rig.ts'
import { bodySizes } from './verify.ts'
import type { Load } from './wrk.ts'

/**
 * Rounds are the outermost loop and contenders the innermost: A B C A B C. What changes on the machine over minutes
 * hits all of them alike.
 */

type Case = { readonly name: string; readonly load: Load }

const smallGet = (connections: number): Case => ({
  name: `${connections} connection${connections === 1 ? '' : 's'}`,
  load: { path: '/small', method: 'GET', bodyBytes: 128, connections },
})

/** Few connections for large bodies, so that those cut off by the end of a measurement weigh little. */
const bodyCases = (): Case[] =>
  Object.entries(bodySizes).flatMap(([name, bodyBytes]) => {
    const connections = bodyBytes > 1 << 20 ? 8 : 32
    const title = name === '10m' ? '10 MiB' : '64 KiB'
    return [
      { name: `${title} down`, load: { path: `/${name}`, method: 'GET', bodyBytes, connections } },
      { name: `${title} up`, load: { path: '/upload', method: 'PUT', bodyBytes, connections } },
    ]
  })

const alternate = async (
  rig: Rig,
  section: SectionName,
  cases: readonly Case[],
  running: readonly Running[],
) => {
  for (let round = 0; round < rig.options.rounds; round++)
    for (const { name, load } of cases)
      for (const contender of running) {
        const metrics = await measureLoad(rig, contender, load)
        rig.record(section, { case: name, contender: contender.name, round }, metrics)
      }
  for (const contender of running) await contender.child.stop()
}

const launchAll = async (
  rig: Rig,
  names: readonly ContenderName[],
  variant: Partial<Variant>,
): Promise<Running[]> => {
  const running: Running[] = []
  for (const name of names) running.push(await rig.launch(name, variant))
  return running
}

/** The floor has no access log, no pool and no shards. */
const proxies = (rig: Rig): ContenderName[] => rig.contenders.filter((name) => name !== 'floor')

const small = async (rig: Rig): Promise<void> => {
  const running = await launchAll(rig, rig.contenders, {})
  await alternate(rig, 'small', rig.options.connections.map(smallGet), running)
}

const logs = async (rig: Rig): Promise<void> => {
  const running = await launchAll(rig, proxies(rig), { log: true })
  await alternate(rig, 'logs', rig.options.connections.map(smallGet), running)
}

const bodies = async (rig: Rig): Promise<void> => {
  const running = await launchAll(rig, rig.contenders, {})
  await alternate(rig, 'bodies', bodyCases(), running)
}

/** A fresh process each time: memory that an earlier round left behind would hide what a connection takes. */
const idle = async (rig: Rig): Promise<void> => {
  for (let round = 0; round < rig.options.rounds; round++)
    for (const name of proxies(rig)) await measureIdle(rig, name, round)
}

/** Not pinned: two shards on one core would measure the scheduler. */
const shards = async (rig: Rig): Promise<void> => {
  if (!rig.contenders.includes('weir')) {
    rig.warn('the shards section needs weir: skipped')
    return
  }
  const running: Running[] = []
  for (const count of [1, 2]) {
    const weir = await rig.launch('weir', { shards: count, pinned: false })
    running.push({ ...weir, name: `weir, ${count} shard${count === 1 ? '' : 's'}` })
  }
  await alternate(rig, 'shards', [smallGet(256)], running)
}

const BACKENDS = 4
/** Everything that watches the fleet: checks, all outlier rules, slow start, retries. */
const GUARDED = `policy: p2c
    health: { http: { path: /small }, interval: 2s }
    outliers: on
    slowStart: 30s`

/** weir alone: what choosing by the fleet's truth costs above taking turns, with nothing else on. */
const balance = async (rig: Rig): Promise<void> => {
  if (!rig.contenders.includes('weir')) {
    rig.warn('the balance section needs weir: skipped')
    return
  }
  const morePorts: number[] = []
  while (morePorts.length < BACKENDS - 1) morePorts.push(await rig.anotherBackend())
  const bare = 'policy: round-robin\n    outliers: off\n    retry: { attempts: 0 }'
  const cases = { 'round-robin': bare, p2c: 'policy: p2c', 'p2c, guarded': GUARDED }
  const running: Running[] = []
  for (const [name, clusterKeys] of Object.entries(cases))
    running.push({ ...(await rig.launch('weir', { morePorts, clusterKeys })), name })
  await alternate(rig, 'balance', [smallGet(64)], running)
}

export const sections: Readonly<Record<SectionName, (rig: Rig) => Promise<void>>> = {
  small,
  logs,
  bodies,
  idle,
  shards,
  balance,
}
