import { codeOf, messageOf } from '../actor/errors.ts'
import type { MasterEvents, MasterLink } from '../io/master-link.ts'
import { GAVE_UP, problemsOf, Refusal } from './failure.ts'
import type { Heritage } from './heritage.ts'
import type { Lineage, KeepsakeChange } from './lineage.ts'
import type { ConfigSource } from './load.ts'
import { MASTER_PROTOCOL } from './master-protocol.ts'
import type { ToDataPlane, ToMaster } from './master-protocol.ts'
import type { Program } from './program.ts'
import { Sockets } from './sockets.ts'
import type { HeldGroup } from './sockets.ts'

export type DataPlaneWorld = {
  readonly link: (events: MasterEvents) => MasterLink
  /** At once, whatever runs. */
  readonly exit: (code: number) => void
  readonly say: (line: string) => void
}

type Begin = Extract<ToDataPlane, { kind: 'begin' }>
type OrderMessage = Extract<ToDataPlane, { kind: 'order' }>

/**
 * The program as a data plane: started, told and outlived by its master. What it is told comes as messages only; signals go to the master. A master
 * that is gone has told it to stop.
 */
export class DataPlane {
  readonly #world: DataPlaneWorld
  readonly #link: MasterLink
  readonly #begun: PromiseWithResolvers<Begin> = Promise.withResolvers<Begin>()
  readonly #admitted: PromiseWithResolvers<Heritage | undefined> = Promise.withResolvers<
    Heritage | undefined
  >()
  readonly #over: PromiseWithResolvers<number> = Promise.withResolvers<number>()
  #program: Program | undefined
  #isEnding = false
  /** The configuration as it was read last, and as it is in force. */
  #read = ''
  #inForce = ''

  constructor(world: DataPlaneWorld) {
    this.#world = world
    this.#link = world.link({
      onMessage: (message) => this.#heard(message as ToDataPlane), // its sender is our own program
      onGone: () => this.#orphaned(),
    })
  }

  /** Resolves when the master has said how it begins: where the configuration is read, and whom the program follows. */
  async begin(file: ConfigSource): Promise<{ readonly source: ConfigSource; readonly lineage: Lineage }> {
    const begin = await this.#begun.promise
    const given = this.#link.fds.take(begin.sockets)
    const sockets = new Sockets(given, (held) => this.#hold(held))
    const lineage: Lineage = {
      heritage: begin.heritage,
      sockets,
      onKeepsake: (change) => this.#keepsake(change),
      ...(begin.role === 'upgrade' ? { admission: () => this.#prepared() } : {}),
    }
    return { source: this.#source(file, begin.configText), lineage }
  }

  /** Start, do as told, end: resolves with the exit code. */
  async run(program: Program): Promise<number> {
    this.#program = program
    if (this.#isEnding) return 0
    void program.gaveUp.then((actor) => this.#gaveUp(actor))
    try {
      await program.start()
    } catch (thrown) {
      if (this.#isEnding) return this.#over.promise
      if (!(thrown instanceof Refusal)) this.#world.say('weir: the start failed:')
      for (const line of problemsOf(thrown)) this.#world.say(line)
      return 1
    }
    this.#ready()
    return this.#over.promise
  }

  /** The file; after a crash, the first time, what was in force then. */
  #source({ name, read, directory }: ConfigSource, inForce: string | undefined): ConfigSource {
    let kept = inForce
    const readOnce = async (): Promise<string> => {
      const text = kept ?? (await read())
      if (kept !== undefined && kept !== (await read().catch(() => undefined)))
        this.#world.say(
          `weir: ${name} is another one by now: what was in force goes on, a reload takes it over`,
        )
      kept = undefined
      this.#read = text
      return text
    }
    return { name, read: readOnce, ...(directory === undefined ? {} : { directory }) }
  }

  /** The master gets a duplicate of each. */
  #hold(held: readonly HeldGroup[]): void {
    try {
      const transfer = this.#link.fds.send(held.map(({ key, group }) => ({ key, fds: group.fds })))
      this.#send({ kind: 'sockets', transfer })
    } catch (thrown) {
      if (codeOf(thrown) !== 'EPIPE')
        // it is gone
        this.#world.say(`weir: the master could not be given the listening sockets: ${messageOf(thrown)}`)
    }
  }

  #prepared(): Promise<Heritage | undefined> {
    this.#send({ kind: 'prepared' })
    return this.#admitted.promise
  }

  #ready(): void {
    const program = this.#program
    if (program === undefined || this.#isEnding) return
    const { listeners } = program.addresses()
    const places = Object.entries(listeners).map(([name, addresses]) => `${name} ${addresses.join(' ')}`)
    const status = places.length === 0 ? 'Ready, no listener' : `Ready: ${places.slice(0, 8).join(', ')}`
    this.#send({ kind: 'ready', graceMs: program.graceMs(), status })
  }

  #keepsake(change: KeepsakeChange): void {
    if (this.#program === undefined) return
    if (change === 'configuration') {
      this.#inForce = this.#read
      this.#ready()
    }
    this.#send({
      kind: 'keepsake',
      keepsake: { heritage: this.#program.keepsake(), configText: this.#inForce },
    })
  }

  #heard(message: ToDataPlane): void {
    switch (message.kind) {
      case 'begin':
        return this.#onBegin(message)
      case 'order':
        return this.#obey(message)
      case 'grown':
        return this.#program?.remember(message.totals)
      case 'ping':
        return this.#send({ kind: 'pong', beating: this.#program?.beating() ?? false })
    }
  }

  #onBegin(begin: Begin): void {
    if (begin.protocol === MASTER_PROTOCOL) return this.#begun.resolve(begin)
    this.#world.say(
      'weir: the master is of another version, which this one cannot follow: stop the program and start it anew',
    )
    this.#world.exit(1)
  }

  #obey(message: OrderMessage): void {
    switch (message.order) {
      case 'admit':
        return this.#admitted.resolve(message.heritage)
      case 'reload':
        return void this.#program?.reload().then(() => this.#send({ kind: 'reloaded' }))
      case 'bequeath':
      case 'yield':
        return void this.#bequeath(message.order === 'yield')
      case 'resume':
        return void this.#program?.resume()
      case 'retire':
        return void this.#retire()
      case 'stop':
        return void this.#stop()
    }
  }

  async #bequeath(last: boolean): Promise<void> {
    try {
      const heritage = await this.#program?.bequeath(last)
      if (heritage !== undefined) this.#send({ kind: 'bequest', heritage })
    } catch (thrown) {
      for (const line of problemsOf(thrown)) this.#world.say(line) // the master gives up waiting
    }
  }

  async #retire(): Promise<void> {
    if (this.#isEnding || this.#program === undefined) return
    this.#isEnding = true
    const totals = await this.#program.retire()
    await this.#link.send({ kind: 'grown', totals } satisfies ToMaster)
    this.#over.resolve(0)
  }

  async #stop(isOrphan = false): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    await this.#program?.stop(isOrphan)
    this.#over.resolve(0)
  }

  #orphaned(): void {
    if (this.#isEnding) return
    this.#world.say('weir: the master is gone: draining')
    void this.#stop(true)
  }

  #gaveUp(actor: string): void {
    if (this.#isEnding) return
    this.#world.say(
      `weir: ${actor} died once too often: the data plane gives up (supervision.maxRestarts), the master starts another one`,
    )
    this.#world.exit(GAVE_UP)
  }

  #send(message: ToMaster): void {
    void this.#link.send(message)
  }
}
