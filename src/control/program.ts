import { messageOf } from '../actor/errors.ts'
import { withoutSecrets } from '../config/secrets.ts'
import type { ActorRef } from '../actor/rpc.ts'
import type { Fleet } from '../shm/fleet.ts'
import { Actors } from './actors.ts'
import { describeCapacity } from './capacity.ts'
import type { Capacity } from './capacity.ts'
import { Changes } from './changes.ts'
import { Refusal } from './failure.ts'
import { Loader } from './load.ts'
import { Operators } from './operators.ts'
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
import { Publisher, bindProblem } from './publisher.ts'
import { Reclaimer } from './reclaim.ts'
import { createNames } from './resolve.ts'
import type { Names } from './resolve.ts'
import { TreeRunner } from './runner.ts'
import { limitsOf, treeOf } from './tree.ts'
import { addressLine, treeView } from './view.ts'
import { snapshotWarnings, staleNameWarning, unresolvedWarning } from './warnings.ts'

/** How much longer than the hard limit of the configuration a shard may take to say that it has drained. */
const DRAIN_MARGIN_MS = 2000

/** Telemetry that takes longer to look at the view shows an old one for a while; nobody waits for it. */
const SHOW_MS = 2000

const STOPPED = 'stopped before the start was done'

type Running = {
  readonly capacity: Capacity
  readonly publisher: Publisher
  readonly actors: Actors
  readonly tree: TreeRunner
  readonly changes: Changes
  readonly operators: Operators
}

/** The running program, from its configuration to its end. */
export class Program {
  readonly #context: ProgramContext
  readonly #names: Names
  readonly #loader: Loader
  readonly #startedAtMs: number
  #running: Running | undefined
  #phase: ProgramPhase = 'starting'
  /** Resolves when `stop` is called. */
  readonly #stopping: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  /** Where the admin API is served, as bound. */
  #admin: string | undefined
  /** The view is about to be shown. */
  #showing = false

  constructor(context: ProgramContext) {
    const { resolver, timers, rng, source, availableCores } = context
    this.#context = context
    this.#startedAtMs = context.wallMs()
    const onChange = (): void => this.#running?.changes.namesChanged()
    const onFailure = (host: string, reason: string): void => this.#onNameFailure(host, reason)
    this.#names = createNames({ resolver, timers, rng, onChange, onFailure })
    this.#loader = new Loader(source, this.#names, availableCores)
  }

  /** Resolves when every listener accepts. Rejects with a Refusal (a bad configuration, a port taken), because it was told to stop
   * meanwhile, or with a bug; nothing runs then. */
  async start(): Promise<void> {
    const { say } = this.#context
    try {
      const loaded = await this.#load()
      for (const line of [...loaded.warnings, ...snapshotWarnings(loaded.snapshot)]) say(line)
      this.#running = this.#assemble(loaded)
      say(`weir: ${describeCapacity(this.#running.capacity)}`)
      await this.#running.tree.start()
      if (this.#phase !== 'starting') throw new Error(STOPPED) // as far as it came, `stop` ends it
    } catch (thrown) {
      this.#names.stop()
      throw thrown
    }
    this.#phase = 'ready'
    await this.#showNow() // whoever reads the line below may ask at once
    if ((this.#phase as ProgramPhase) !== 'ready') throw new Error(STOPPED)
    this.#sayAddresses('weir: ready')
    this.#running.changes.namesChanged() // what was answered while we started
  }

  /** What there is to start; the wait for a file or for names ends when we are told to stop. */
  async #load(): Promise<Loaded> {
    const loading = this.#loader.load()
    const loaded = await Promise.race([loading, this.#stopping.promise])
    if (loaded !== undefined) return loaded
    const stopNames = (): void => this.#names.stop()
    loading.then(stopNames, stopNames) // it may have asked for names since
    throw new Error(STOPPED)
  }

  /** Where it can be reached. */
  addresses(): Addresses {
    const listeners: Record<string, string[]> = {}
    const bindings = this.#running?.publisher.desired().bindings ?? []
    for (const { name, group } of bindings) (listeners[name] ??= []).push(group.address)
    return { listeners, admin: this.#admin }
  }

  /** Read the configuration again, and open the log again whatever comes of it. Never rejects. */
  async reload(): Promise<ReloadResult> {
    const running = this.#running
    if (running === undefined) return { ok: false, problems: ['weir: the program has not started yet'] }
    const result = await running.changes.reload()
    await this.#showNow()
    this.#sayResult(result)
    running.actors.telemetryIfUp()?.call.reopenLog().catch(ignore)
    return result
  }

  /** At once, also while a reload waits for names: what is wished and what is published change in one thread, each without a pause within. */
  async #patch(order: PatchOrder): Promise<PatchResult> {
    const running = this.#running
    if (running === undefined) throw new Error('the program has not started yet')
    const { operators, publisher } = running
    const result = operators.patch(publisher.desired().snapshot, order)
    await this.#showNow()
    return result
  }

  /** Stop accepting, let what is under way finish, end. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#phase = 'draining'
    this.#stopping.resolve()
    this.#names.stop()
    const running = this.#running
    if (running === undefined) return
    this.#show()
    await running.changes.afterwards(() => running.publisher.closeListeners())
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
    const { say, timers, rng, provide } = this.#context
    const { fleet, capacity } = provide(snapshot)
    const operators = new Operators(fleet, this.#context)
    const actors = this.#newActors(fleet, capacity, () => publisher)
    const publisher: Publisher = new Publisher(actors, snapshot, say, {
      prepare: (next) => operators.prepare(next),
    })
    const changes = new Changes(
      {
        loader: this.#loader,
        publisher,
        reclaimer: new Reclaimer(fleet),
        timers,
        ready: () => this.#phase === 'ready',
        moveAdmin: (address) => this.#bindAdmin(actors.telemetry(), address),
        say,
        onChange: () => this.#show(),
      },
      config,
    )
    return {
      capacity,
      publisher,
      actors,
      changes,
      operators,
      tree: new TreeRunner(
        { children: treeOf(snapshot.shards), limits: limitsOf(snapshot.supervision) },
        actors,
        { timers, rng },
      ),
    }
  }

  #newActors(fleet: Fleet, { maxConnections }: Capacity, publisher: () => Publisher): Actors {
    const { urls, connections, say, entropy } = this.#context
    return new Actors({
      urls,
      fleet,
      connections,
      shardSeed: { fleet: fleet.handle, maxConnections, hashKey: [entropy(), entropy()] },
      desired: () => publisher().desired(),
      groups: () => publisher().groups(),
      main: {
        restartShard: notBuilt,
        restartShards: notBuilt,
        fault: notBuilt,
        reload: () => this.reload(),
        patch: (order) => this.#patch(order),
      },
      say: (line) => say(`weir: ${line}`),
      bringUpTelemetry: (telemetry) => this.#bringUpTelemetry(telemetry),
      bringUpAcceptor: () => publisher().bringUp(),
      onChange: () => this.#show(),
    })
  }

  async #bringUpTelemetry(telemetry: ActorRef<TelemetryControl>): Promise<void> {
    const view = this.#view()
    await telemetry.call.show(view)
    // A later life serves where the one before did, the port it once picked included.
    await this.#bindAdmin(telemetry, this.#admin ?? view.snapshot.admin.bind)
  }

  async #bindAdmin(telemetry: ActorRef<TelemetryControl>, address: string | undefined): Promise<void> {
    try {
      this.#admin = await telemetry.call.bindAdmin(address)
    } catch (thrown) {
      throw new Refusal([await bindProblem('admin', address ?? '', thrown)])
    }
  }

  /** Starts and reloads tell of their names themselves. */
  #onNameFailure(host: string, reason: string): void {
    if (this.#phase !== 'ready') return
    const known = this.#names.addressesOf(host).length
    this.#context.say(known === 0 ? unresolvedWarning(host, reason) : staleNameWarning(host, reason, known))
  }

  #sayResult(result: ReloadResult): void {
    const { say } = this.#context
    for (const line of result.ok ? result.warnings : result.problems) say(line)
    if (result.ok) this.#sayAddresses(`weir: reloaded, version ${result.version}`)
    else say('weir: reload refused, the configuration before runs on')
  }

  #sayAddresses(what: string): void {
    this.#context.say(addressLine(what, this.#running?.publisher.desired().bindings ?? [], this.#admin))
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
    }
  }
}

/** Telemetry died: its successor is brought up with all of it. */
function ignore(): void {}

function notBuilt(): never {
  throw new Error('not built yet')
}
