import { ENGINE_STATS, type EngineOptions } from '../../src/io/engine.ts'
import { allocateEngineMemory } from '../../src/io/engine-memory.ts'
import type { BackendEnd, ClientEnd, Family, Harness, MakeHarness } from './engine-harness.ts'
import type { SimProfile } from './sim/profile.ts'
import { SIM_ENGINE_OPTIONS, SimWorld } from './sim/world.ts'

const PEERS: Record<Family, string> = { ipv4: '192.0.2.7', ipv6: '2001:db8::7', unix: 'unix:' }

/** The contract's surroundings in virtual time: one world per harness, seeds counted up from `seed`. */
export function simHarnesses(seed: number, profile: SimProfile): MakeHarness {
  let next = seed
  return (options) => makeHarness(new SimWorld(next++, profile), options)
}

function makeHarness(world: SimWorld, given: Partial<EngineOptions> = {}): Harness {
  const optionsOf = (shard: number): EngineOptions => ({
    ...SIM_ENGINE_OPTIONS,
    ...given,
    shard,
    stats: new Float64Array(ENGINE_STATS.length),
  })
  const first = (): EngineOptions => {
    const options = optionsOf(0)
    return { ...options, memory: allocateEngineMemory(options) }
  }
  const options = first()
  const engine = world.engine(options)
  const families = new Map<number, Family>()
  let ports = 9000
  const [leastBuffer, mostBuffer] = world.profile.bufferBytes
  const floodBytes = 8 * mostBuffer
  return {
    engine,
    options,
    connections: world.process,
    floodBytes,
    parcelBytes: leastBuffer === mostBuffer ? floodBytes : 4 * leastBuffer,
    sibling: () => {
      const other = optionsOf(1)
      return { engine: world.engine(other), options: other }
    },
    twin: () => {
      const same = first()
      return { engine: world.engine(same), options: same }
    },
    listen: (token, family = 'ipv4') => {
      const { fd } = world.listener()
      families.set(token, family)
      engine.listen(fd, token)
      return fd
    },
    client: (token) => {
      const ip = PEERS[families.get(token) ?? 'ipv4']
      const port = ip === 'unix:' ? 0 : 40_000 + ports++
      const peer = world.client(token, ip, port)
      return Promise.resolve(Object.assign(peer, { ip, port }) satisfies ClientEnd)
    },
    backend: (family = 'ipv4') => {
      const host = { ipv4: '192.0.2.9', ipv6: '[2001:db8::9]', unix: 'unix:/backend' }[family]
      const backend = world.backend(`${host}${family === 'unix' ? '' : ':'}${ports++}`)
      return Promise.resolve({ address: backend.address, accepted: backend.peers } satisfies BackendEnd)
    },
    refusing: () => Promise.resolve('192.0.2.99:1'),
    until: (condition, what) => {
      world.run({ until: condition, untilMs: world.nowMs + 60_000 })
      return condition() ? Promise.resolve() : Promise.reject(neverHappened(world, what))
    },
    pass: (ms) => {
      world.run({ untilMs: world.nowMs + ms })
      return Promise.resolve()
    },
    hear: () => engine.hear(),
    close: () => Promise.resolve(),
  }
}

function neverHappened(world: SimWorld, what: string): Error {
  return new Error(`seed ${world.seed}: never happened: ${what}\n${world.trace.slice(-60).join('\n')}`)
}
