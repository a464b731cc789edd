import { withoutSecrets } from '../config/secrets.ts'
import type { ActorRef } from '../actor/rpc.ts'
import type { Totals } from '../telemetry/history.ts'
import { assemble, bindAdmin } from './assembly.ts'
import type { Running } from './assembly.ts'
import { describeCapacity } from './capacity.ts'
import { DiscoveryLink } from './discovery-link.ts'
import type { Heritage } from './heritage.ts'
import { Loader } from './load.ts'
import type { Addresses, ProgramContext } from './program-context.ts'
import type { Loaded } from './load.ts'
import type {
  PatchOrder,
  PatchResult,
  ProgramPhase,
  ProgramView,
  ReloadResult,
  TelemetryControl,
} from './protocol.ts'
import { Succession } from './succession.ts'
import { addressLine, treeView } from './view.ts'
import { snapshotWarnings, staleNameWarning, unresolvedWarning } from './warnings.ts'

/** How much longer than the hard limit of the configuration a stop may take: what shards say late, the actors' farewells. */
const END_MS = 12_000

/** Telemetry that takes longer to look at the view shows an old one for a while; nobody waits for it. */
const SHOW_MS = 2000

const STOPPED = 'stopped before the start was done'

/** The running program, from its configuration to its end. */
export class Program {
  readonly #context: ProgramContext
  readonly #discovery: DiscoveryLink
  readonly #loader: Loader
  readonly #startedAtMs: number
  #running: Running | undefined
  #phase: ProgramPhase = 'starting'
  /** Resolves when `stop` is called. */
  readonly #stopping: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  readonly #succession: Succession
  readonly #gaveUp: PromiseWithResolvers<string> = Promise.withResolvers<string>()
  /** The view is about to be shown. */
  #showing = false

  constructor(context: ProgramContext) {
    const { urls, timers, source, availableCores } = context
    this.#context = context
    this.#succession = new Succession(context.lineage, context.entropy)
    this.#startedAtMs = context.wallMs()
    const onChange = (): void => this.#running?.changes.namesChanged()
    const onFailure = (host: string, reason: string): void => this.#onNameFailure(host, reason)
    this.#discovery = new DiscoveryLink({ url: urls.discovery, timers, onChange, onFailure })
    this.#loader = new Loader(source, this.#discovery.names, availableCores, this.#succession.secrets.drawn)
  }

  /** Resolves with the actor whose death was one too many. Whoever started the program decides. */
  get gaveUp(): Promise<string> {
    return this.#gaveUp.promise
  }

  /** Resolves when every listener accepts. Rejects with a Refusal (a bad configuration, a port taken), because it was told to stop
   * meanwhile, or with a bug; nothing runs then. */
  async start(): Promise<void> {
    const { say } = this.#context
    try {
      const loaded = await this.#load()
      for (const line of [...loaded.warnings, ...snapshotWarnings(loaded.snapshot)]) say(line)
      this.#running = this.#assemble(loaded)
      void this.#running.tree.gaveUp.then(this.#gaveUp.resolve)
      say(`weir: ${describeCapacity(this.#running.capacity)}`)
      await this.#running.tree.start()
      this.#running.overseer.start()
      await this.#accept(this.#running)
      if (this.#phase !== 'starting') throw new Error(STOPPED) // as far as it came, `stop` ends it
    } catch (thrown) {
      this.#discovery.stop()
      throw thrown
    }
    this.#phase = 'ready'
    await this.#showNow() // whoever reads the line below may ask at once
    if ((this.#phase as ProgramPhase) !== 'ready') throw new Error(STOPPED)
    this.#sayAddresses('weir: ready')
    this.#succession.changed('configuration')
    this.#running.changes.namesChanged() // what was answered while we started
  }

  /** Everything is up: accept, at once or when the process before lets go. */
  async #accept({ publisher, operators, actors, admin }: Running): Promise<void> {
    const { snapshot } = publisher.desired()
    const wasHeld = this.#succession.held
    await Promise.race([this.#succession.admitted({ operators, snapshot }), this.#stopping.promise])
    if (this.#phase !== 'starting') return
    await publisher.release()
    if (!wasHeld) return
    const telemetry = actors.telemetry()
    await telemetry.call.remember(this.#succession.before)
    await admin.serve(telemetry)
  }

  /** What there is to start; the wait for a file or for names ends when we are told to stop. */
  async #load(): Promise<Loaded> {
    const loading = this.#loader.load()
    const loaded = await Promise.race([loading, this.#stopping.promise])
    if (loaded !== undefined) return loaded
    const stopNames = (): void => this.#discovery.stop()
    loading.then(stopNames, stopNames) // it may have asked for names since
    throw new Error(STOPPED)
  }

  /** Where it can be reached. */
  addresses(): Addresses {
    const listeners: Record<string, string[]> = {}
    const bindings = this.#running?.publisher.desired().bindings ?? []
    for (const { name, group } of bindings) (listeners[name] ??= []).push(group.address)
    return { listeners, admin: this.#running?.admin.address }
  }

  /** Read the configuration again, and open the log again whatever comes of it. Never rejects. */
  async reload(): Promise<ReloadResult> {
    const running = this.#running
    if (running === undefined) return { ok: false, problems: ['weir: the program has not started yet'] }
    const result = await running.changes.reload()
    if (result.ok) this.#succession.changed('configuration')
    await this.#showNow()
    this.#sayResult(result)
    running.actors.telemetryIfUp()?.call.reopenLog().catch(ignore)
    return result
  }

  /** At once, also while a reload waits for names: what is wished and what is published change in one thread, each without a pause within. */
  async #patch(order: PatchOrder): Promise<PatchResult> {
    const running = this.#running
    if (running === undefined) throw new Error('the program has not started yet')
    if (this.#succession.yielded) throw new Error('the program is being replaced: ask again')
    const { operators, publisher } = running
    const result = operators.patch(publisher.desired().snapshot, order)
    this.#succession.changed('wishes')
    await this.#showNow()
    return result
  }

  /** Stop accepting, let what is under way finish, end. Resolves when nothing runs any more. `isOrphan`: whoever starts us anew finds all addresses free at once. */
  async stop(isOrphan = false): Promise<void> {
    this.#phase = 'draining'
    this.#stopping.resolve()
    this.#discovery.stop()
    const running = this.#running
    if (running === undefined) return
    this.#show()
    await running.changes.afterwards(() => running.publisher.closeListeners())
    if (isOrphan) await running.admin.leave(running.actors.telemetryIfUp())
    await running.actors.shards.drain()
    await running.admin.close().catch(ignore)
    running.overseer.stop()
    await running.tree.stop()
  }

  /** How long `stop` may take. */
  graceMs(): number {
    return this.#present().publisher.desired().snapshot.drain.hardMs + END_MS
  }

  /** Somebody serves: a shard's loop turns. */
  beating(): boolean {
    const running = this.#running
    if (running === undefined) return false
    const { fleet, publisher } = running
    const sinceMs = this.#context.machineMs() - publisher.desired().snapshot.supervision.killAfterMs
    for (let shard = 0; shard < fleet.shardCount; shard++)
      if (fleet.actor(shard).lastBeatMs >= sinceMs) return true
    return false
  }

  /** What the next process needs. The last word: nothing changes here until `resume`. */
  async bequeath(last: boolean): Promise<Heritage> {
    const { changes, fleet, operators, publisher, actors } = this.#present()
    if (last) this.#succession.yielded = true
    await changes.afterwards(() => (last ? publisher.yieldSteering() : Promise.resolve()))
    const totals = await actors.telemetry().call.totals()
    return this.#succession.bequest({ fleet, operators, snapshot: publisher.desired().snapshot }, totals)
  }

  /** What the next process needs even if there is no last word. */
  keepsake(): Heritage {
    return this.#succession.keepsake(this.#present().operators)
  }

  async resume(): Promise<void> {
    this.#succession.yielded = false
    await this.#present().publisher.resumeSteering().catch(ignore) // an acceptor that died is told all of it
  }

  /** Another process accepts from our sockets: let go of them, finish what is under way, end. Resolves with what was counted since the last word. */
  async retire(): Promise<Totals> {
    const running = this.#present()
    this.#phase = 'draining'
    this.#discovery.stop()
    await running.changes.afterwards(() => running.publisher.retire())
    const telemetry = running.actors.telemetryIfUp()
    await running.admin.retire(telemetry)
    await running.actors.shards.drain()
    const totals = await telemetry?.call.totals().catch(ignore)
    running.overseer.stop()
    await running.tree.stop()
    return this.#succession.grown(totals ?? {})
  }

  /** A process before this one counted on. */
  remember(more: Totals): void {
    this.#succession.remember(more)
    this.#running?.actors.telemetryIfUp()?.call.remember(this.#succession.before).catch(ignore)
  }

  #present(): Running {
    if (this.#running === undefined) throw new Error('the program has not started yet')
    return this.#running
  }

  #assemble(loaded: Loaded): Running {
    return assemble(this.#context, {
      loaded,
      loader: this.#loader,
      discovery: this.#discovery,
      succession: this.#succession,
      ready: () => this.#phase === 'ready' && !this.#succession.yielded,
      reload: () => this.reload(),
      patch: (order) => this.#patch(order),
      bringUpTelemetry: (telemetry) => this.#bringUpTelemetry(telemetry),
      show: () => this.#show(),
      showNow: () => this.#showNow(),
    })
  }

  async #bringUpTelemetry(telemetry: ActorRef<TelemetryControl>): Promise<void> {
    const view = this.#view()
    const { admin } = this.#present()
    await telemetry.call.show(view)
    await telemetry.call.remember(this.#succession.before)
    const { bind } = view.snapshot.admin
    if (admin.address === undefined) await bindAdmin(bind, () => admin.open(bind))
    if (!this.#succession.held) await admin.serve(telemetry)
  }

  /** Starts and reloads tell of names without an address themselves. */
  #onNameFailure(host: string, reason: string): void {
    const known = this.#discovery.names.addressesOf(host).length
    if (this.#phase !== 'ready' || (known === 0 && this.#running?.changes.loading === true)) return
    this.#context.say(known === 0 ? unresolvedWarning(host, reason) : staleNameWarning(host, reason, known))
  }

  #sayResult(result: ReloadResult): void {
    const { say } = this.#context
    for (const line of result.ok ? result.warnings : result.problems) say(line)
    if (result.ok) this.#sayAddresses(`weir: reloaded, version ${result.version}`)
    else say('weir: reload refused, the configuration before runs on')
  }

  #sayAddresses(what: string): void {
    this.#context.say(
      addressLine(what, this.#running?.publisher.desired().bindings ?? [], this.#running?.admin.address),
    )
  }

  /** Show telemetry the view; several changes at once are shown once. */
  #show(): void {
    if (this.#showing) return
    this.#showing = true
    queueMicrotask(() => {
      this.#showing = false
      void this.#showNow()
    })
  }

  async #showNow(): Promise<void> {
    await this.#running?.actors.telemetryIfUp()?.within(SHOW_MS).show(this.#view()).catch(ignore)
  }

  #view(): ProgramView {
    const running = this.#running
    if (running === undefined) throw new Error('no program to show yet')
    return {
      snapshot: withoutSecrets(running.publisher.desired().snapshot),
      phase: this.#phase,
      ...treeView(running.tree.children()),
      version: this.#context.version,
      fdLimit: running.capacity.fdLimit,
      maxConnections: running.capacity.maxConnections,
      startedAtMs: this.#startedAtMs,
      reloads: running.changes.reloads,
      patches: running.operators.patches,
      overlays: running.operators.overlays,
      ...running.actors.shards.counts(),
    }
  }
}

/** Telemetry died: its successor is brought up with all of it. */
function ignore(): void {}
