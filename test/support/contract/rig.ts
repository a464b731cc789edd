import type { EngineOptions, EngineStat } from '../../../src/io/engine.ts'
import { ENGINE_STATS } from '../../../src/io/engine.ts'
import type { BackendEnd, ClientEnd, FarEnd, Harness } from '../engine-harness.ts'
import { Probe, type ProbeConnection } from '../engine-probe.ts'

/** Registers one case: a law in words and a body that runs on a fresh engine. */
export type Contract = (
  law: string,
  body: (rig: Rig) => Promise<void>,
  options?: Partial<EngineOptions>,
) => void

/** Both ends of one connection. */
export type Pair<Far extends FarEnd = FarEnd> = { readonly near: ProbeConnection; readonly far: Far }

const TOKEN = 7

/** A started engine in its surroundings, and the moves most cases begin with. */
export class Rig {
  readonly harness: Harness
  readonly probe: Probe
  listenerFd = -1

  constructor(harness: Harness) {
    this.harness = harness
    this.probe = new Probe(harness.engine, harness.options)
  }

  stat(name: EngineStat): number {
    return this.harness.options.stats[ENGINE_STATS.indexOf(name)] ?? Number.NaN
  }

  /** A client that was accepted. */
  async accepted(): Promise<Pair<ClientEnd>> {
    if (this.listenerFd < 0) this.listenerFd = this.harness.listen(TOKEN)
    const index = this.probe.accepted.length
    const far = await this.harness.client(TOKEN)
    await this.until(() => this.probe.accepted.length > index, 'accepted')
    return { near: this.probe.accepted[index] as ProbeConnection, far }
  }

  /** A connection the engine made, established on both sides. */
  async connected(backend?: BackendEnd): Promise<Pair> {
    const target = backend ?? (await this.harness.backend())
    const index = target.accepted.length
    const near = this.probe.connect(target.address)
    await this.until(() => near.has('connected') && target.accepted.length > index, 'connected')
    return { near, far: target.accepted[index] as FarEnd }
  }

  until(condition: () => boolean, what: string): Promise<void> {
    return this.harness.until(condition, what)
  }

  pass(ms: number): Promise<void> {
    return this.harness.pass(ms)
  }

  /** Every connection of the engine, lingering ones too, is gone. */
  gone(): Promise<void> {
    return this.until(() => this.stat('open') === 0, 'no connection left open')
  }
}

/** Bytes in which every position tells where it is, so that loss, doubling and disorder show. */
export function pattern(length: number, from = 0): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    const at = from + i
    bytes[i] = (at ^ (at >>> 8) ^ (at >>> 16)) & 0xff
  }
  return bytes
}
