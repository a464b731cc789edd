import { messageOf } from '../actor/errors.ts'
import type { ActorRef } from '../actor/rpc.ts'
import type { Timers } from '../actor/timers.ts'
import type { Rng } from '../base/random.ts'
import type { Config } from '../config/schema/root.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { Connections } from '../io/engine.ts'
import type { Resolver } from '../io/dns.ts'
import type { Fleet } from '../shm/fleet.ts'
import { Actors } from './actors.ts'
import type { ActorUrls } from './actors.ts'
import { describeCapacity } from './capacity.ts'
import type { Capacity } from './capacity.ts'
import { Refusal, problemsOf } from './failure.ts'
import { Loader, unresolvedWarning } from './load.ts'
import type { ConfigSource, Loaded } from './load.ts'
import type { ProgramPhase, ProgramView, ReloadResult, TelemetryControl } from './protocol.ts'
import { Publisher, bindProblem } from './publisher.ts'
import { Reclaimer } from './reclaim.ts'
import { createNames } from './resolve.ts'
import type { Names } from './resolve.ts'
import { TreeRunner } from './runner.ts'
import { Serial } from './serial.ts'
import { treeOf } from './tree.ts'
import { isExposed, addressLine, treeView } from './view.ts'

/** The world a program runs in. */
export type ProgramContext = {
  /** Of this program. */
  readonly version: string
  readonly source: ConfigSource
  readonly urls: ActorUrls
  readonly connections: Connections
  readonly timers: Timers
  readonly rng: Rng
  readonly resolver: Resolver
  readonly availableCores: number
  readonly wallMs: () => number
  /** 32 random bits of the system's, as int32. */
  readonly entropy: () => number
  /** One line for people, without its end. */
  readonly say: (line: string) => void
  /** Memory and limits for a snapshot's number of shards and listeners. */
  readonly provide: (snapshot: Snapshot) => Provision
}

export type Provision = {
  readonly fleet: Fleet
  readonly capacity: Capacity
}

export type Addresses = {
  readonly listeners: Readonly<Record<string, readonly string[]>>
  readonly admin: string | undefined
}

/** Names that change together are published together. */
const GATHER_MS = 50
/** How much longer than the hard limit of the configuration a shard may take to say that it has drained. */
const DRAIN_MARGIN_MS = 2000

type Running = Provision & {
  config: Config
  readonly publisher: Publisher
  readonly actors: Actors
  readonly tree: TreeRunner
  readonly reclaimer: Reclaimer
}

/** The running program, from its configuration to its end. Its changes come one after the other. */
export class Program {
  readonly #context: ProgramContext
  readonly #names: Names
  readonly #loader: Loader
  readonly #serial = new Serial()
  #running: Running | undefined
  #phase: ProgramPhase = 'starting'
  #admin: string | undefined
  #reloads = { applied: 0, refused: 0 }
  #showing = false
  readonly #startedAtMs: number

  constructor(context: ProgramContext) {
    const { resolver, timers, rng, source, availableCores } = context
    this.#context = context
    this.#startedAtMs = context.wallMs()
    const onChange = (): void => this.#republishSoon()
    const onFailure = (host: string, reason: string): void => this.#onNameFailure(host, reason)
    this.#names = createNames({ resolver, timers, rng, onChange, onFailure })
    this.#loader = new Loader(source, this.#names, availableCores)
  }

  /** Resolves when every listener accepts. Rejects with a Refusal (a bad configuration, a port taken) or a bug; nothing runs then. */
  async start(): Promise<void> {
    try {
      const loaded = await this.#loader.load()
      this.#warn(loaded)
      this.#running = this.#assemble(loaded)
      this.#context.say(`weir: ${describeCapacity(this.#running.capacity)}`)
      await this.#running.tree.start()
    } catch (thrown) {
      this.#names.stop()
      throw thrown
    }
    this.#phase = 'ready'
    this.#show()
    this.#context.say(addressLine('weir: ready', this.#running.publisher.desired().bindings, this.#admin))
    this.#republishSoon() // what was answered while we started
  }

  /** Where it can be reached: addresses by listener name, as bound, and the admin API's. */
  addresses(): Addresses {
    const listeners: Record<string, string[]> = {}
    const bindings = this.#running?.publisher.desired().bindings ?? []
    for (const { name, group } of bindings) (listeners[name] ??= []).push(group.address)
    return { listeners, admin: this.#admin }
  }

  /** Read the configuration again. Never rejects: a bad one is refused with its reasons, and the old one runs on. */
  reload(): Promise<ReloadResult> {
    return this.#serial.share('reload', async () => {
      const result = await this.#reload()
      if (result.ok) this.#reloads = { ...this.#reloads, applied: this.#reloads.applied + 1 }
      else this.#reloads = { ...this.#reloads, refused: this.#reloads.refused + 1 }
      this.#tellReload(result)
      this.#show()
      return result
    })
  }

  /** Stop accepting, let what is under way finish, end. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#phase = 'draining'
    this.#names.stop()
    const running = this.#running
    if (running === undefined) return
    this.#show()
    await this.#serial.run(() => running.publisher.closeListeners())
    await this.#drain(running)
    await running.tree.stop()
  }

  async #drain({ publisher, actors }: Running): Promise<void> {
    const { windowMs, hardMs } = publisher.desired().snapshot.drain
    const drains = actors.shards().map(async ({ ref }) => {
      try {
        await ref.within(hardMs + DRAIN_MARGIN_MS).drain(windowMs, hardMs)
      } catch (thrown) {
        this.#context.say(`weir: ${messageOf(thrown)}`)
      }
    })
    await Promise.all(drains)
  }

  #assemble({ config, snapshot }: Loaded): Running {
    const { urls, connections, say, provide, timers, rng, entropy } = this.#context
    const provision = provide(snapshot)
    const { fleet, capacity } = provision
    const { maxConnections } = capacity
    const actors: Actors = new Actors({
      urls,
      fleet,
      connections,
      shardSeed: { fleet: fleet.handle, maxConnections, hashKey: [entropy(), entropy()] },
      desired: () => publisher.desired(),
      groups: () => publisher.groups(),
      main: { reload: () => this.reload() },
      say: (line) => say(`weir: ${line}`),
      bringUpTelemetry: (telemetry) => this.#bringUpTelemetry(telemetry, publisher.desired().snapshot),
      bringUpAcceptor: () =>
        publisher.groups().length === 0 ? publisher.publish(snapshot) : publisher.sweep(),
      onChange: () => this.#show(),
    })
    const publisher = new Publisher(actors, snapshot, say)
    const tree = new TreeRunner(treeOf(snapshot.shards), actors, { timers, rng })
    return { ...provision, config, publisher, actors, tree, reclaimer: new Reclaimer(fleet) }
  }

  async #bringUpTelemetry(telemetry: ActorRef<TelemetryControl>, snapshot: Snapshot): Promise<void> {
    await telemetry.call.show(this.#view())
    // A later life serves where the one before did, the port it once picked included.
    await this.#bindAdmin(telemetry, this.#admin ?? snapshot.admin.bind)
  }

  async #bindAdmin(telemetry: ActorRef<TelemetryControl>, address: string | undefined): Promise<void> {
    try {
      this.#admin = await telemetry.call.bindAdmin(address)
    } catch (thrown) {
      throw new Refusal([await bindProblem('admin', address ?? '', thrown)])
    }
  }

  async #reload(): Promise<ReloadResult> {
    const running = this.#running
    if (running === undefined || this.#phase !== 'ready') {
      return { ok: false, problems: [`weir: a program that is ${this.#phase} does not reload`] }
    }
    try {
      const warnings = await this.#change(running)
      return { ok: true, version: running.publisher.desired().snapshot.version, warnings }
    } catch (thrown) {
      this.#loader.keepNames(running.config)
      return { ok: false, problems: problemsOf(thrown) }
    } finally {
      this.#reopenLog(running)
    }
  }

  async #change(running: Running): Promise<readonly string[]> {
    const { publisher, actors } = running
    const loaded = await this.#loader.load(running.config)
    const before = publisher.desired().snapshot
    const warnings = [...loaded.warnings, ...restartWarnings(before, loaded.snapshot)]
    const snapshot = { ...loaded.snapshot, shards: before.shards }
    const moved = snapshot.admin.bind !== before.admin.bind
    await publisher.publish(snapshot, async () => {
      if (moved) await this.#bindAdmin(actors.telemetry(), snapshot.admin.bind)
    })
    running.config = loaded.config
    this.#loader.keepNames(loaded.config)
    this.#reclaim(running)
    return warnings
  }

  #republishSoon(): void {
    if (this.#phase !== 'ready') return
    this.#context.timers.after(GATHER_MS, () => void this.#serial.share('names', () => this.#republish()))
  }

  /** The same configuration with the addresses its names have now. */
  async #republish(): Promise<void> {
    const running = this.#running
    if (running === undefined || this.#phase !== 'ready') return
    const { publisher, config } = running
    const before = publisher.desired().snapshot
    try {
      const snapshot = { ...this.#loader.compile(config), shards: before.shards }
      if (sameEndpoints(before, snapshot)) return
      await publisher.publish(snapshot)
      this.#reclaim(running)
      this.#show()
    } catch (thrown) {
      for (const line of problemsOf(thrown)) this.#context.say(line)
    }
  }

  #reclaim({ publisher, reclaimer }: Running): void {
    const unused = this.#loader.slots.unused(publisher.desired().snapshot)
    this.#loader.slots.release(reclaimer.reclaim(unused, this.#context.timers.nowMs()))
  }

  #onNameFailure(host: string, reason: string): void {
    if (this.#phase !== 'ready') return // a start and a reload tell themselves
    const known = this.#names.addressesOf(host).length
    if (known === 0) return this.#context.say(unresolvedWarning(host, reason))
    this.#context.say(
      `weir: warning: ${host} does not resolve any more (${reason}): its last ${known} addresses stay`,
    )
  }

  #reopenLog({ actors }: Running): void {
    actors
      .telemetryIfUp()
      ?.call.reopenLog()
      .catch(() => {}) // died: its successor opens it anyway
  }

  #warn({ warnings, snapshot }: Loaded): void {
    for (const line of warnings) this.#context.say(line)
    const { bind } = snapshot.admin
    if (bind !== undefined && isExposed(bind)) this.#context.say(exposedWarning(bind))
  }

  #tellReload(result: ReloadResult): void {
    const { say } = this.#context
    if (!result.ok) {
      for (const line of result.problems) say(line)
      say('weir: reload refused, the configuration before runs on')
      return
    }
    for (const line of result.warnings) say(line)
    const bindings = this.#running?.publisher.desired().bindings ?? []
    say(addressLine(`weir: reloaded, version ${result.version}`, bindings, this.#admin))
  }

  /** Show telemetry the view; several changes at once are shown once. */
  #show(): void {
    if (this.#showing) return
    this.#showing = true
    queueMicrotask(() => {
      this.#showing = false
      this.#running?.actors
        .telemetryIfUp()
        ?.call.show(this.#view())
        .catch(() => {}) // died: its successor is shown it
    })
  }

  #view(): ProgramView {
    const running = this.#running
    if (running === undefined) throw new Error('no program to show yet')
    return {
      snapshot: running.publisher.desired().snapshot,
      phase: this.#phase,
      ...treeView(running.tree.children()),
      version: this.#context.version,
      fdLimit: running.capacity.fdLimit,
      maxConnections: running.capacity.maxConnections,
      startedAtMs: this.#startedAtMs,
      reloads: this.#reloads,
    }
  }
}

function restartWarnings(before: Snapshot, after: Snapshot): readonly string[] {
  const lines: string[] = []
  if (after.shards !== before.shards) {
    lines.push(`weir: warning: shards: ${after.shards} takes a restart, ${before.shards} run on`)
  }
  const { bind } = after.admin
  if (bind !== undefined && bind !== before.admin.bind && isExposed(bind)) lines.push(exposedWarning(bind))
  return lines
}

function exposedWarning(bind: string): string {
  return `weir: warning: admin ${bind} can be reached from other machines, and it asks nobody who they are`
}

function sameEndpoints(a: Snapshot, b: Snapshot): boolean {
  return JSON.stringify(a.clusters) === JSON.stringify(b.clusters)
}
