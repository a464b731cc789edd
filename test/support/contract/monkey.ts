import assert from 'node:assert/strict'
import { OP } from '../../../src/io/engine.ts'
import type { BackendEnd, FarEnd } from '../engine-harness.ts'
import { Probe, type ProbeConnection } from '../engine-probe.ts'
import { Chance } from '../sim/chance.ts'
import { pattern, type Contract, type Rig } from './rig.ts'

const MOVES = 400
const KINDS = Object.values(OP)

/** Somebody who does anything at any time, on both ends of everything. */
class Monkey {
  readonly #rig: Rig
  readonly #other: Probe
  readonly #otherShard: number
  readonly #chance: Chance
  readonly #backend: BackendEnd
  readonly #made: ProbeConnection[] = []
  readonly #clients: FarEnd[] = []

  constructor(rig: Rig, backend: BackendEnd, seed: number) {
    const { engine, options } = rig.harness.sibling()
    this.#rig = rig
    this.#other = new Probe(engine, options)
    this.#otherShard = options.shard
    this.#backend = backend
    this.#chance = new Chance(seed)
  }

  async move(): Promise<void> {
    const dice = this.#chance.below(20)
    if (dice === 0) this.#clients.push(await this.#rig.harness.client(7))
    else if (dice === 1) this.#made.push(this.#rig.probe.connect(this.#backend.address))
    else if (dice < 8) this.#farMove()
    else if (dice < 18) this.#op()
    else await this.#rig.pass(this.#chance.below(3))
  }

  /** Everything that may still be alive is reset; nothing is left anywhere. */
  async end(): Promise<void> {
    const { probe, harness } = this.#rig
    await this.#rig.pass(50)
    for (const connection of [...this.#made, ...probe.accepted, ...probe.takenOver])
      probe.op(OP.reset, connection)
    for (const connection of this.#other.takenOver) this.#other.op(OP.reset, connection)
    for (const far of this.#clients) far.rst()
    for (const far of this.#backend.accepted) far.rst()
    const { shard } = harness.options
    const left = (): number => harness.connections.count(shard) + harness.connections.count(this.#otherShard)
    await this.#rig.until(() => left() === 0, 'no connection left')
    assert.deepEqual([this.#rig.stat('open'), this.#rig.stat('queuedBytes')], [0, 0])
    assert.equal(probe.audit.live + this.#other.audit.live, 0)
  }

  #farMove(): void {
    const far = this.#one([...this.#clients, ...this.#backend.accepted])
    if (far === undefined) return
    const dice = this.#chance.below(20)
    if (dice < 12) far.send(pattern(this.#chance.size([1, 100_000])))
    else if (dice < 15) far.stopReading()
    else if (dice < 18) far.startReading()
    else if (dice === 18) far.fin()
    else far.rst()
  }

  /** Any op on any handle that ever was, here or there; sends are likelier than the rest. */
  #op(): void {
    const there = this.#other.takenOver.length > 0 && this.#chance.happens(0.2)
    const probe = there ? this.#other : this.#rig.probe
    const mine = there
      ? this.#other.takenOver
      : [...this.#made, ...this.#rig.probe.accepted, ...this.#rig.probe.takenOver]
    const connection = this.#one(mine)
    const partner = this.#one(mine)
    if (connection === undefined || partner === undefined) return
    if (this.#chance.happens(0.4)) return probe.send(connection, pattern(this.#chance.size([1, 60_000])))
    const kind = this.#one(KINDS) ?? OP.send
    if (kind === OP.relay) {
      const bytes = this.#chance.happens(0.3) ? -1 : this.#chance.size([1, 200_000])
      probe.op(kind, connection, partner.fd, partner.generation, bytes, Math.min(bytes, 0))
    } else if (kind === OP.handover) {
      probe.op(kind, connection, there ? this.#rig.harness.options.shard : this.#otherShard, 5)
    } else if (kind !== OP.send) probe.op(kind, connection, this.#chance.below(2) * 20)
  }

  #one<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.#chance.below(items.length)]
  }
}

/** The audit is the oracle: it throws out of the batch that breaks a law. */
export function monkeyCases(contract: Contract, seeds: number): void {
  for (let seed = 1; seed <= seeds; seed++) {
    contract(`any ops in any order break no law, and leave nothing behind (seed ${seed})`, async (rig) => {
      rig.harness.listen(7)
      const monkey = new Monkey(rig, await rig.harness.backend(), seed)
      for (let i = 0; i < MOVES; i++) await monkey.move()
      await monkey.end()
    })
  }
}
