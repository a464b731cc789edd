import type { EndReason } from '../actor/news.ts'
import { codeOf, messageOf } from '../actor/errors.ts'
import type { Timers } from '../actor/timers.ts'
import { ENGINE_STATS, LIVE_WORDS } from '../io/engine.ts'
import type { Connections, EngineMemory } from '../io/engine.ts'
import { availableCpus } from '../io/cpus.ts'
import { allocateEngineMemory } from '../io/engine-memory.ts'
import { Reactor } from '../io/reactor.ts'
import { startThread } from '../io/thread.ts'
import type { Thread } from '../io/thread.ts'
import type { ShardControl, ShardSeed } from '../proxy/control.ts'
import { ENGINE_OPTIONS, SHARD_REACTOR } from '../proxy/shard-memory.ts'
import { zeroStripe } from '../shm/fleet.ts'
import type { Fleet } from '../shm/fleet.ts'
import { VITAL } from '../shm/vitals.ts'
import { Estates } from './estate.ts'
import { pinning } from './pinning.ts'
import type { ProgramView, Roster } from './protocol.ts'
import { StallNews } from './stall-news.ts'
import { ShardLink } from './shard-link.ts'
import type { Desired } from './shard-link.ts'
import { shardId } from './tree.ts'

export type ShardsContext = {
  readonly url: URL
  readonly fleet: Fleet
  readonly connections: Connections
  /** What all shards are given. */
  readonly seed: Omit<ShardSeed, 'shard' | 'memory' | 'cpu'>
  /** What the shards are to do now; read again for every new life. */
  readonly desired: () => Desired
  readonly say: (line: string) => void
  readonly timers: Timers
  /** Who serves has changed: the acceptor should know. */
  readonly onRoster: () => void
  /** End a life: to the supervisor it died. */
  readonly kill: (id: string, why: string) => void
  readonly onChange: () => void
}

const MIB = 2 ** 20
/** How much longer than its hard limit a shard may take to say that it is done. */
const MARGIN_MS = 2000
/** With nobody to give to, nobody accepts while a shard lets go: what is under way gets so long. */
const ALONE_MS = 5000
/** What of the engine's counters is not history: its successor begins with none. */
const ENGINE_GAUGES = ['open', 'queuedBytes'] as const

/**
 * The lives of the shards, as main sees them. In service are those that are up and not leaving; those of them that are stuck are not relied on, and
 * the others accept from their sockets.
 */
export class Shards {
  readonly estates: Estates
  readonly #context: ShardsContext
  readonly #links = new Map<number, ShardLink>()
  readonly #up = new Set<number>()
  readonly #leaving = new Set<number>()
  /** Of lives that are over and settled. */
  readonly #spare: EngineMemory[] = []
  /** Of those leaving: told whom to give to. */
  readonly #giving = new Set<ShardLink>()
  /** Since when. */
  readonly #stuck = new Map<number, number>()
  readonly #stalls: number[] = []
  readonly #stallNews: StallNews
  readonly #handovers = { done: 0, late: 0 }

  constructor(context: ShardsContext) {
    const { connections, fleet, say, timers, onChange } = context
    this.#context = context
    this.#stallNews = new StallNews(timers, say)
    const heirs = (): readonly ShardLink[] => this.#able().flatMap((shard) => this.#links.get(shard) ?? [])
    this.estates = new Estates({
      connections,
      notes: fleet.notes,
      heirs,
      say,
      onChange,
      onSettled: (memory) => this.#spare.push(memory),
    })
  }

  /** For the view. */
  counts(): Pick<ProgramView, 'stalls' | 'handovers' | 'estates'> {
    return { stalls: this.#stalls, handovers: this.#handovers, estates: this.estates.counts }
  }

  /** Shards in service. */
  links(): readonly ShardLink[] {
    return this.#serving().flatMap((shard) => this.#links.get(shard) ?? [])
  }

  /** The living one, in service or not. */
  link(shard: number): ShardLink | undefined {
    return this.#links.get(shard)
  }

  /** For the acceptor: stuck ones stay in it, or nobody would notice that they beat again. */
  roster(): Roster {
    const { supervision, cores } = this.#context.desired().snapshot
    return {
      serving: this.#serving(),
      stuckAfterMs: supervision.stuckAfterMs,
      byBusyTime: cores.steer,
    }
  }

  spawn(shard: number): Thread<ShardControl> {
    const { url, seed, fleet, desired } = this.#context
    const memory = this.#memory()
    fleet.vitals(shard)[VITAL.heapAlarm] = 0
    fleet.actor(shard).beat(0)
    const thread = startThread<ShardControl>({
      name: shardId(shard),
      url,
      seed: { ...seed, ...this.#place(shard), shard, memory } satisfies ShardSeed,
      heapMb: Math.ceil(desired().snapshot.supervision.heapBytes / MIB),
    })
    this.#links.set(shard, new ShardLink(thread.ref, shard, memory))
    return thread
  }

  /** For one life. A buffer is used again when its estate is settled: freed, it would stay until main collects garbage, which it hardly makes. */
  #memory(): EngineMemory {
    const used = this.#spare.pop()
    if (used === undefined)
      return allocateEngineMemory({ ...ENGINE_OPTIONS, ownBytes: Reactor.ownBytes(SHARD_REACTOR) })
    new Int32Array(used.buffer, used.live, LIVE_WORDS).fill(0)
    return used
  }

  /** Where it stays, if shards have places of their own. A changed configuration holds for lives to come. */
  #place(shard: number): Pick<ShardSeed, 'cpu'> {
    const { fleet, desired } = this.#context
    const cpu = desired().snapshot.cores.pin ? pinning(availableCpus(), fleet.shardCount)[shard] : undefined
    return cpu === undefined ? {} : { cpu }
  }

  async bringUp(shard: number): Promise<void> {
    await this.#links.get(shard)?.sync(() => this.#ordersOf(shard))
    this.#up.add(shard)
    this.#regroup()
    this.estates.settle()
  }

  /**
   * Its thread is gone, so nobody but us touches what it left. First the others are sent to its sockets; then its gauges are zeroed, for
   * whoever goes on with a connection counts it as its own; then its connections are dealt out. A program that stops resets them.
   */
  ended(shard: number, why: EndReason | undefined): void {
    const { connections, fleet } = this.#context
    const link = this.#links.get(shard)
    this.#links.delete(shard)
    this.#up.delete(shard)
    this.#leaving.delete(shard)
    this.#stuck.delete(shard)
    zeroStripe(fleet, shard)
    const { engine } = fleet.stripe(shard)
    for (const gauge of ENGINE_GAUGES) engine[ENGINE_STATS.indexOf(gauge)] = 0
    if (why === 'stop') {
      this.#stallNews.end()
      this.estates.abandon()
      connections.resetOwned(shard)
    } else {
      this.#regroup()
      if (link !== undefined) this.estates.open(shard, link.memory)
    }
  }

  /** Have it let go of everything, sockets first: when this settles it may be ended. */
  async leave(shard: number): Promise<void> {
    const link = this.#links.get(shard)
    if (link === undefined) return
    this.#leaving.add(shard)
    this.#context.onRoster()
    this.#tellGiving()
    await this.#syncOthers(shard)
    await link.sync(() => this.#ordersOf(shard))
    this.#giving.add(link)
    try {
      await this.#handOver(link)
      this.#handovers.done++
    } catch (thrown) {
      this.#handovers.late++
      throw thrown
    } finally {
      this.#giving.delete(link)
    }
  }

  #handOver({ ref }: ShardLink): Promise<void> {
    const able = this.#able()
    const heirs = able.length > 0 ? able : this.#serving() // better one that is late than none
    const { hardMs } = this.#context.desired().snapshot.drain
    const most = heirs.length === 0 ? Math.min(hardMs, ALONE_MS) : hardMs
    return ref.within(most + MARGIN_MS).handOver(heirs, most)
  }

  /** Heirs have gone or come. What becomes of a handover, its first call says. */
  #tellGiving(): void {
    for (const link of this.#giving) this.#handOver(link).catch(() => {})
  }

  /** Those in service take nothing new, finish, and close what idles; what is left after the hard limit they reset. */
  async drain(): Promise<void> {
    const { windowMs, hardMs } = this.#context.desired().snapshot.drain
    const drains = this.links().map(async ({ ref }) => {
      try {
        await ref.within(hardMs + MARGIN_MS).drain(windowMs, hardMs)
      } catch (thrown) {
        this.#context.say(messageOf(thrown))
      }
    })
    await Promise.all(drains)
  }

  stuck(shard: number): void {
    if (!this.#up.has(shard) || this.#stuck.has(shard)) return
    this.#stuck.set(shard, this.#context.timers.nowMs())
    this.#stalls[shard] = (this.#stalls[shard] ?? 0) + 1
    this.#context.onChange()
    void this.#syncOthers(shard)
  }

  recovered(shard: number): void {
    const sinceMs = this.#stuck.get(shard)
    if (sinceMs === undefined) return
    this.#stuck.delete(shard)
    this.#stallNews.tell(shard, this.#context.timers.nowMs() - sinceMs, this.#serving().length > 1)
    void this.sync()
    this.estates.settle()
  }

  /** Whoever said who is stuck has ended; its successor will say so again. */
  forgetStuck(): void {
    for (const shard of this.#stuck.keys()) this.recovered(shard)
  }

  /** Bring every living shard to what is desired. One that does not answer is ended (its successor will know); one that died needs nothing. */
  async sync(): Promise<void> {
    await this.#syncOthers(-1)
  }

  #regroup(): void {
    this.#context.onRoster()
    this.#tellGiving()
    void this.sync()
  }

  async #syncOthers(except: number): Promise<void> {
    const turns = [...this.#links.values()].map(async (link) => {
      if (link.shard === except) return
      try {
        await link.sync(() => this.#ordersOf(link.shard))
      } catch (thrown) {
        if (codeOf(thrown) === 'WEIR_ACTOR_DIED') return
        this.#context.kill(shardId(link.shard), `it could not be told: ${messageOf(thrown)}`)
      }
    })
    await Promise.all(turns)
  }

  #ordersOf(shard: number): Desired & { readonly serving: readonly number[] } {
    const serving = new Set(this.#able())
    if (!this.#leaving.has(shard)) serving.add(shard)
    return { ...this.#context.desired(), serving: [...serving].toSorted(ascending) }
  }

  #serving(): readonly number[] {
    return [...this.#up].filter((shard) => !this.#leaving.has(shard)).toSorted(ascending)
  }

  /** Those who can be relied on. */
  #able(): readonly number[] {
    return this.#serving().filter((shard) => !this.#stuck.has(shard))
  }
}

function ascending(a: number, b: number): number {
  return a - b
}
