import { isIPv4, isIPv6 } from 'node:net'
import { ENGINE_STATS, type EngineOptions } from '../../../src/io/engine.ts'
import { SimEngine } from '../sim-engine.ts'
import { Chance, type Range } from './chance.ts'
import { Clockwork } from './clockwork.ts'
import { SimPeer } from './peer.ts'
import { SimProcess } from './process.ts'
import { CALM, type SimProfile } from './profile.ts'
import type { SimListener } from './listener.ts'
import { ERRNO, SimSocket } from './socket.ts'

/** What a backend's address does with a connect; absent parts are drawn from the profile. */
export type BackendBehaviour = {
  /** errno of a refusal. */
  readonly refuse?: number
  /** Never answer: the connect hangs until the kernel gives up (ETIMEDOUT after 127 s). */
  readonly silent?: boolean
  readonly connectMs?: Range
  /** Kernel buffers of each direction. */
  readonly bufferBytes?: number
  readonly accept?: (peer: SimPeer) => void
}

export type SimBackend = {
  readonly address: string
  /** May be changed while the world runs; holds for later connects. */
  behaviour: BackendBehaviour
  /** All that were accepted, in order. */
  readonly peers: SimPeer[]
}

export type RunLimits = {
  /** Stop when this holds; looked at after every step. */
  readonly until?: () => boolean
  /** Stop when nothing is due but what recurs by itself (`tickEvery`). */
  readonly untilIdle?: boolean
  /** Run what is due up to this moment, then let time stand there. */
  readonly untilMs?: number
  /** More steps than this are a failure: the world does not come to rest. */
  readonly maxSteps?: number
}

/** A law was broken, or the world never came to rest: carries the seed and the last events. */
export class SimFailure extends Error {
  override readonly name: string = 'SimFailure'
}

const SYN_TIMEOUT_MS = 127_000
const CONNECT_ERRNOS = [ERRNO.ECONNREFUSED, ERRNO.EHOSTUNREACH, ERRNO.ENETUNREACH, ERRNO.ETIMEDOUT] as const

/** Defaults for tests: the smallest arena the port allows, so that it runs full often. */
export const SIM_ENGINE_OPTIONS: Omit<EngineOptions, 'stats'> = {
  shard: 0,
  arenaBytes: 65_536,
  ownBytes: 262_144,
  readBytes: 16_384,
  queueCap: 262_144,
  maxConnections: 10_000,
  eventRows: 256,
  opRows: 256,
}

/**
 * A process of simulated engines, the network around it, and everybody on that network, in virtual time under one seed.
 * Nothing happens but inside `run`.
 */
export class SimWorld {
  readonly seed: number
  readonly profile: SimProfile
  /** The process the engines live in; also its `Connections`. */
  readonly process: SimProcess
  readonly backends: Map<string, SimBackend> = new Map()
  /** For the test's own choices: same seed, a stream of its own. */
  readonly chance: Chance
  readonly #clock: Clockwork
  #names = 0

  constructor(seed: number, profile: SimProfile = CALM) {
    this.seed = seed
    this.profile = profile
    this.#clock = new Clockwork(seed, profile)
    this.chance = new Chance(seed + 0.5 * 2 ** 52)
    this.process = new SimProcess(this.#clock.chance)
  }

  get nowMs(): number {
    return this.#clock.nowMs
  }

  get idle(): boolean {
    return this.#clock.idle
  }

  /** The last events, oldest first, one line each. */
  get trace(): string[] {
    return this.#clock.trace
  }

  /** Hash of the whole course of events: equal seeds, equal fingerprints. */
  get fingerprint(): number {
    return this.#clock.fingerprint
  }

  engine(options: Partial<EngineOptions> = {}): SimEngine {
    const stats = new Float64Array(ENGINE_STATS.length)
    return new SimEngine(this.#clock, this.process, (address) => this.#dial(address), {
      ...SIM_ENGINE_OPTIONS,
      stats,
      ...options,
    })
  }

  /** A listening socket nobody accepts from yet; its `fd` is for `Engine.listen`. */
  listener(): SimListener {
    return this.process.listener()
  }

  /** A client connects to a listener that some engine accepts from under `token`; refused if there is none. */
  client(token: number, ip: string = '192.0.2.1', port: number = 40_000 + (this.#names % 20_000)): SimPeer {
    const near = this.#socket(`client${this.#names++}`)
    const peer = new SimPeer(this.#clock, near)
    const { chance, profile } = this.#clock
    this.#clock.after(chance.between(profile.connectMs), () => {
      if (peer.over) return
      const listener = this.#listenerOf(token)
      if (listener === null) return near.fail(ERRNO.ECONNREFUSED)
      const far = this.#socket(`${near.name}'`)
      this.#join(near, far)
      listener.arrive({ socket: far, ip, port })
      near.user.writable()
    })
    return peer
  }

  /** Somebody listens at an address engines `connect` to. */
  backend(address: string, behaviour: BackendBehaviour | ((peer: SimPeer) => void) = {}): SimBackend {
    const whole = typeof behaviour === 'function' ? { accept: behaviour } : behaviour
    const backend: SimBackend = { address, behaviour: whole, peers: [] }
    this.backends.set(address, backend)
    return backend
  }

  /** Run `action` after some virtual time. */
  after(delayMs: number, action: () => void): void {
    this.#clock.after(delayMs, action)
  }

  /** Let the world run; returns the number of steps. Throws a `SimFailure` around whatever went wrong. */
  run(limits: RunLimits): number {
    const { untilMs = Infinity, maxSteps = 1_000_000 } = limits
    let steps = 0
    try {
      while (!this.#satisfied(limits) && this.#clock.nextMs <= untilMs) {
        if (steps === maxSteps) throw new Error(`no rest after ${maxSteps} steps`)
        if (!this.#clock.step()) break
        steps += 1
      }
      if (untilMs !== Infinity && !this.#satisfied(limits)) this.#clock.advanceTo(untilMs)
    } catch (error) {
      throw this.#failure(error)
    }
    return steps
  }

  #satisfied({ until, untilIdle }: RunLimits): boolean {
    return (until !== undefined && until()) || (untilIdle === true && this.#clock.idle)
  }

  #failure(error: unknown): SimFailure {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const last = this.trace.slice(-60).join('\n')
    return new SimFailure(
      `seed ${this.seed} at ${this.nowMs.toFixed(3)} ms: ${what}\nlast events:\n${last}`,
      {
        cause: error,
      },
    )
  }

  #socket(name: string, bufferBytes?: number): SimSocket {
    const { chance, profile } = this.#clock
    return new SimSocket(this.#clock, name, bufferBytes ?? chance.size(profile.bufferBytes))
  }

  #join(near: SimSocket, far: SimSocket): void {
    near.join(far)
    const { chance, profile } = this.#clock
    if (!chance.happens(profile.reset)) return
    this.#clock.after(chance.between(profile.resetAfterMs), () => near.cut())
  }

  #listenerOf(token: number): SimListener | null {
    const candidates = [...this.process.listeners.values()].filter((listener) => listener.tokens.has(token))
    return candidates.length === 0 ? null : (candidates[this.#clock.chance.below(candidates.length)] ?? null)
  }

  #dial(address: string): SimSocket | number {
    const { chance, profile } = this.#clock
    if (!isAddress(address)) return ERRNO.EINVAL
    if (chance.happens(profile.connectFailsAtOnce)) return ERRNO.EADDRNOTAVAIL
    const backend = this.backends.get(address)
    const near = this.#socket(`${address}#${this.#names++}'`, backend?.behaviour.bufferBytes)
    if (backend?.behaviour.silent) {
      this.#clock.at(this.#clock.nowMs + SYN_TIMEOUT_MS, () => near.fail(ERRNO.ETIMEDOUT), true)
      return near
    }
    const delayMs = chance.between(backend?.behaviour.connectMs ?? profile.connectMs)
    this.#clock.after(delayMs, () => this.#answer(near, backend))
    return near
  }

  /** The backend's host got the SYN. */
  #answer(near: SimSocket, backend: SimBackend | undefined): void {
    if (near.closed) return
    const { chance, profile } = this.#clock
    if (chance.happens(profile.connectFailure)) {
      return near.fail(CONNECT_ERRNOS[chance.below(CONNECT_ERRNOS.length)] ?? ERRNO.ECONNREFUSED)
    }
    if (backend === undefined) return near.fail(ERRNO.ECONNREFUSED)
    if (backend.behaviour.refuse !== undefined) return near.fail(backend.behaviour.refuse)
    const far = this.#socket(near.name.slice(0, -1), backend.behaviour.bufferBytes)
    this.#join(near, far)
    near.user.writable()
    const peer = new SimPeer(this.#clock, far)
    backend.peers.push(peer)
    backend.behaviour.accept?.(peer)
  }
}

/** As the engine port has it: `ip:port`, `[v6]:port`, `unix:/path`, no names. */
function isAddress(text: string): boolean {
  if (text.startsWith('unix:')) return text.startsWith('unix:/')
  const parts = /^(?:\[(?<v6>.+)\]|(?<v4>[^:]+)):(?<port>\d{1,5})$/.exec(text)?.groups
  if (parts === undefined || Number(parts['port']) > 65_535) return false
  return isIPv4(parts['v4'] ?? '') || isIPv6(parts['v6'] ?? '')
}
