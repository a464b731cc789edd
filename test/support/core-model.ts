import assert from 'node:assert/strict'
import { seededRng } from '../../src/base/random.ts'
import type { Rng } from '../../src/base/random.ts'
import { EvenCores, CROWDED, SMOOTHING_MS } from '../../src/limit/even-cores.ts'
import type { Give } from '../../src/limit/even-cores.ts'
import { crowdOf, LoadSample } from '../../src/limit/load-sample.ts'

/** ms of a step: what is written of a shard's busy time in the fleet memory is renewed so often. */
const STEP_MS = 100
/** A request costs this, so that a connection of demand 0.1 makes 250 a second. */
const REQUEST_US = 400

/** A connection of the model: it wants this share of a core, whoever serves it. */
type Connection = {
  readonly fd: number
  readonly demand: number
  generation: number
  movedMs: number
  moves: number
}

/** A hand-over under way: decided, waiting for the end of a request, or on the way. */
type Transit = {
  readonly connection: Connection
  readonly generation: number
  readonly to: number
  atMs: number
}

/** Shards that share connections as `EvenCores` says, in steps; each connection is in one place, or the model throws. */
export class CoreModel {
  readonly #rng: Rng
  readonly #cores: readonly EvenCores[]
  readonly #samples: readonly LoadSample[]
  readonly #held: Set<Connection>[]
  /** Decided and not yet left. */
  readonly #leaving: Map<Connection, Transit>[]
  #onTheWay: Transit[] = []
  readonly #closed: readonly boolean[]
  readonly #busy: Float64Array
  readonly all: readonly Connection[]
  nowMs = 0
  /** When each hand-over happened, and from whom. */
  readonly moves: { readonly atMs: number; readonly from: number; readonly connection: Connection }[] = []

  /** `demands`: of the connections on each shard. `closed`: takes nobody. */
  constructor(demands: readonly (readonly number[])[], seed: number, closed: readonly boolean[] = []) {
    this.#rng = seededRng(seed)
    let fd = 10
    this.#held = demands.map(
      (own) =>
        new Set(own.map((demand) => ({ fd: fd++, demand, generation: 1, movedMs: -Infinity, moves: 0 }))),
    )
    this.all = this.#held.flatMap((own) => [...own])
    this.#cores = demands.map((_, shard) => new EvenCores(shard, demands.length, seededRng(seed + shard + 1)))
    this.#samples = demands.map((_, shard) => new LoadSample(seededRng(seed + shard + 101)))
    this.#leaving = demands.map(() => new Map())
    this.#closed = demands.map((_, shard) => closed[shard] === true)
    this.#busy = Float64Array.from(demands, (_, shard) => this.trueBusy(shard))
  }

  /** Of its time, unsmoothed. */
  trueBusy(shard: number): number {
    return Math.min(1, this.demand(shard))
  }

  demand(shard: number): number {
    let sum = 0
    for (const { demand } of this.#held[shard]!) sum += demand
    return sum
  }

  count(shard: number): number {
    return this.#held[shard]!.size
  }

  /** Let those arrive who are on the way. */
  settle(): void {
    while (this.#onTheWay.length > 0) this.#step()
  }

  /** The connections of a shard, with their demands. */
  held(shard: number): readonly Connection[] {
    return [...this.#held[shard]!]
  }

  run(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) this.#step()
  }

  #step(): void {
    this.nowMs += STEP_MS
    this.#cores.forEach((_, shard) => this.#serve(shard))
    this.#pass()
    this.#cores.forEach((cores, shard) => {
      if (cores.due(this.nowMs)) this.#look(cores, shard)
    })
    const places = this.#held.reduce((sum, own) => sum + own.size, this.#onTheWay.length)
    assert.equal(places, this.all.length, 'each connection is in one place')
  }

  /** Requests of a step, in random order; what is too much for one core is served in proportion. */
  #serve(shard: number): void {
    const busy = this.trueBusy(shard)
    this.#busy[shard]! += (busy - this.#busy[shard]!) * (1 - Math.exp(-STEP_MS / SMOOTHING_MS))
    const scale = busy / Math.max(1e-9, this.demand(shard))
    const requests: Connection[] = []
    for (const connection of this.#held[shard]!) {
      const expected = (connection.demand * scale * STEP_MS * 1000) / REQUEST_US
      const count = Math.floor(expected + this.#rng.next())
      for (let i = 0; i < count; i++) requests.splice(this.#rng.below(requests.length + 1), 0, connection)
    }
    for (const { fd, generation } of requests) this.#samples[shard]!.note(fd, generation, REQUEST_US)
  }

  #look(cores: EvenCores, shard: number): void {
    const busy = this.#busy.map((share, other) => (this.#closed[other] ? Infinity : share))
    const crowd = this.#samples.map((sample, other) =>
      this.#busy[other]! >= CROWDED ? crowdOf(sample.shares()) : 0,
    )
    for (const give of cores.look(this.nowMs, { busy, crowd }, () => this.#samples[shard]!.shares()))
      this.#decide(shard, give)
  }

  #decide(shard: number, { fd, generation, to }: Give): void {
    assert.notEqual(to, shard)
    assert.ok(!this.#closed[to], 'a shard that takes nobody gets nobody')
    const connection = [...this.#held[shard]!].find((one) => one.fd === fd && one.generation === generation)
    if (connection === undefined) return // gone since it was sampled
    this.#leaving[shard]!.set(connection, {
      connection,
      generation,
      to,
      atMs: this.nowMs + this.#rng.below(4) * STEP_MS,
    })
  }

  /** Those at the end of a request leave; those on the way arrive, a step later, under another generation. */
  #pass(): void {
    for (const { connection, to } of this.#onTheWay) {
      connection.generation++
      this.#held[to]!.add(connection)
      this.#cores[to]!.came(connection.fd, connection.generation, this.nowMs)
    }
    this.#onTheWay = []
    this.#leaving.forEach((leaving, from) => {
      for (const transit of leaving.values()) {
        if (transit.atMs > this.nowMs) continue
        const { connection } = transit
        leaving.delete(connection)
        assert.ok(this.#held[from]!.delete(connection), 'nobody gives what he has not')
        this.#onTheWay.push(transit)
        assert.ok(this.nowMs - connection.movedMs >= 10_000, 'not back and forth')
        connection.movedMs = this.nowMs
        connection.moves++
        this.moves.push({ atMs: this.nowMs, from, connection })
      }
    })
  }
}
