import assert from 'node:assert/strict'
import { leavingOf, NOBODY_LEAVES } from '../../src/config/leaving.ts'
import type { Snapshot } from '../../src/config/snapshot.ts'
import type { EngineOptions } from '../../src/io/engine.ts'
import type { EstateResult } from '../../src/proxy/control.ts'
import { killAfter } from './estate/death.ts'
import { openEstate, shareOut } from './estate/settle.ts'
import type { Fleet } from '../../src/shm/fleet.ts'
import { LISTENER, makeFleet, residue, snapshotOf, startSimShard } from './sim-shard.ts'
import type { SimShard, SnapshotParts } from './sim-shard.ts'
import type { SimListener } from './sim/listener.ts'
import type { SimPeer } from './sim/peer.ts'
import { SimWorld } from './sim/world.ts'
import type { SimProfile } from './sim/profile.ts'
import { outcomesOf } from './storm/outcomes.ts'

export const BACKEND = '10.0.0.1:80'

export type RigParts = SnapshotParts & {
  readonly shards?: number
  /** Shards that may join later. */
  readonly room?: number
  readonly profile?: SimProfile
  readonly engine?: Partial<EngineOptions>
}

/** What a scripted backend does with each whole request head (and what has come of its body), in order. */
export type Answer = string | ((peer: SimPeer, request: string, index: number) => string | void)

/** One or two simulated shards, for scripted cases: calm, so that every moment is known. */
export class ProxyRig {
  readonly world: SimWorld
  readonly shards: SimShard[] = []
  readonly #listeners: SimListener[] = []
  readonly #parts: RigParts
  readonly #dead = new Set<SimShard>()
  #version = 1
  #snapshot: Snapshot
  readonly #fleet: Fleet

  constructor(parts: RigParts = {}) {
    this.#parts = { endpoints: [BACKEND], ...parts }
    this.world = new SimWorld(1, parts.profile)
    this.#fleet = makeFleet((parts.shards ?? 1) + (parts.room ?? 0))
    this.#snapshot = snapshotOf(this.#parts)
    for (let index = 0; index < (parts.shards ?? 1); index++) {
      this.shards.push(startSimShard(this.world, this.#fleet, index, parts.engine ?? {}))
      this.#listeners.push(this.world.listener())
    }
    this.apply(this.#snapshot)
    this.shards.forEach(({ shard }, index) => shard.listen(this.#listeners[index]?.fd ?? -1, LISTENER.id))
  }

  get nowMs(): number {
    return this.world.nowMs
  }

  apply(snapshot: Snapshot): void {
    for (const sim of this.shards) if (!this.#dead.has(sim)) sim.shard.apply(snapshot)
  }

  /** Publish the configuration with some parts changed. */
  reload(parts: SnapshotParts): void {
    this.#version++
    const next = snapshotOf({ ...this.#parts, ...parts, version: this.#version })
    this.#snapshot = {
      ...next,
      leaving: leavingOf(this.#snapshot, this.#snapshot.leaving ?? NOBODY_LEAVES, next),
    }
    this.apply(this.#snapshot)
  }

  /** One more shard, which knows the present configuration and none before. */
  join(): void {
    const sim = startSimShard(this.world, this.#fleet, this.shards.length, this.#parts.engine ?? {})
    sim.shard.apply(this.#snapshot)
    this.shards.push(sim)
  }

  /** A client, of the shard given if there are several. */
  client(text: string = '', from: { ip?: string; shard?: number } = {}): SimPeer {
    const { ip = '192.0.2.1', shard = 0 } = from
    this.#listeners.forEach(({ fd }, index) => {
      const sim = this.shards[index]
      if (sim === undefined || this.#dead.has(sim)) return
      sim.shard.unlisten(fd)
      if (index === shard) sim.shard.listen(fd, LISTENER.id)
    })
    const peer = this.world.client(LISTENER.id, ip)
    this.world.run({ until: () => peer.connected && this.#listeners[shard]?.queue.length === 0 })
    if (text !== '') peer.send(text)
    return peer
  }

  /** A backend that answers each head; its connections in order. */
  backend(answer: Answer, address: string = BACKEND): SimPeer[] {
    const { peers } = this.world.backend(address, (peer) => {
      let seen = 0
      let index = 0
      peer.onData = () => {
        for (;;) {
          const end = peer.text.indexOf('\r\n\r\n', seen)
          if (end < 0) return
          const request = peer.text.slice(seen, end + 4)
          seen = end + 4
          const text = typeof answer === 'string' ? answer : answer(peer, request, index++)
          if (typeof text === 'string') peer.send(text)
        }
      }
      peer.onFin = () => peer.close()
    })
    return peers
  }

  /** Let time pass. */
  pass(ms: number): void {
    this.world.run({ untilMs: this.nowMs + ms })
  }

  /** Run until it holds, and say how long that took, in ms. */
  until(holds: () => boolean, withinMs: number = 300_000): number {
    const startMs = this.nowMs
    this.world.run({ until: holds, untilMs: startMs + withinMs })
    assert.ok(holds(), `does not come to hold within ${withinMs} ms`)
    return this.nowMs - startMs
  }

  /** Exchanges by outcome, retries and waits, over all shards; those that are 0 left out. */
  get outcomes(): Record<string, number> {
    const sums: Record<string, number> = {}
    for (const { fleet, shard } of this.shards) {
      for (const [name, count] of outcomesOf(fleet, shard.index)) {
        if (count > 0) sums[name] = (sums[name] ?? 0) + count
      }
    }
    return sums
  }

  /** Connections that clusters hold open, over all shards. */
  get upstreams(): number {
    return this.shards.reduce((sum, { shard }) => sum + shard.census().upstreams, 0)
  }

  /** The thread of a shard ends, so many moments from now (0: between two batches); see `estate/death.ts`. */
  kill(index: number, moments: number = 0): void {
    const sim = this.shards[index]!
    killAfter(sim, moments, () => {
      sim.engine.stop()
      this.#dead.add(sim)
    })
    this.until(() => this.#dead.has(sim))
  }

  /** What main does then: the living inherit. */
  async settle(index: number): Promise<EstateResult> {
    const heirs = this.shards.filter((sim) => !this.#dead.has(sim))
    const dead = this.shards[index]!
    return shareOut(dead, openEstate(this.world, dead), heirs)
  }

  /** Drain, leave the configuration empty, and see that nothing is left of anything. */
  conclude(): void {
    this.shards.forEach((sim, index) => {
      const { shard } = sim
      if (this.#dead.has(sim)) return
      shard.unlisten(this.#listeners[index]?.fd ?? -1)
      void shard.drain(0, 0)
    })
    this.#version++
    this.apply({ ...snapshotOf({ ...this.#parts, version: this.#version }), clusters: [], routes: [] })
    this.pass(200_000)
    for (const sim of this.shards) {
      if (!this.#dead.has(sim)) assert.deepEqual(residue(sim), {})
      else assert.equal(this.world.process.count(sim.shard.index), 0, 'connections of a dead shard are left')
    }
  }
}

/** A response with a length. */
export const respond = (body: string, fields: string = ''): string =>
  `HTTP/1.1 200 OK\r\n${fields}content-length: ${body.length}\r\n\r\n${body}`

export const get = (path: string = '/', fields: string = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`

/** Status, fields (names in lower case, repeated ones joined) and body of the first response in `text`. */
export const parse = (text: string): { status: number; fields: Record<string, string>; body: string } => {
  const end = text.indexOf('\r\n\r\n')
  assert.ok(end >= 0, `no whole head: ${JSON.stringify(text)}`)
  const [line = '', ...lines] = text.slice(0, end).split('\r\n')
  const fields: Record<string, string> = {}
  for (const field of lines) {
    const colon = field.indexOf(':')
    const name = field.slice(0, colon).toLowerCase()
    const value = field.slice(colon + 1).trim()
    fields[name] = name in fields ? `${fields[name]}, ${value}` : value
  }
  return { status: Number(line.split(' ')[1]), fields, body: text.slice(end + 4) }
}

/** Status and RFC 9209 error of the response that `peer` got. */
export const verdict = (peer: SimPeer): string => {
  const { status, fields } = parse(peer.text)
  return `${status} ${fields['proxy-status']?.replace('weir; error=', '') ?? ''}`.trim()
}
