import { messageOf } from '../actor/errors.ts'
import type { Timers } from '../actor/timers.ts'
import type { Rng } from '../base/random.ts'
import type { DataPlaneEvents, DataPlaneProcess } from '../io/data-plane-process.ts'
import type { LabelledFds } from '../io/fd-channel.ts'
import type { Heritage } from './heritage.ts'
import { MasterMachine } from './master-machine.ts'
import type { MasterDecision, MasterNews, MasterSignal, Order, Role } from './master-news.ts'
import { MASTER_PROTOCOL } from './master-protocol.ts'
import type { Keepsake, ToDataPlane, ToMaster } from './master-protocol.ts'
import { notification, WATCHDOG_SIGN } from './systemd.ts'
import type { ServiceManager, ServiceState } from './systemd.ts'

/** The world of a master. */
export type MasterContext = {
  readonly start: (events: DataPlaneEvents) => DataPlaneProcess
  readonly manager: ServiceManager
  readonly notify: (socket: string, text: string) => boolean
  readonly closeFd: (fd: number) => void
  readonly on: (signal: MasterSignal, handler: () => void) => void
  readonly pid: number
  readonly timers: Timers
  readonly rng: Rng
  readonly monotonicUs: () => bigint
  readonly say: (line: string) => void
}

type Life = {
  readonly process: DataPlaneProcess
  /** Duplicates of the listening sockets that it has. */
  sockets: readonly LabelledFds[]
}

/**
 * Does what the machine decides: starts data planes, keeps what must outlive them (their listening sockets, what a successor must know), and
 * speaks for them to whoever started us. Knows nothing of what it keeps.
 */
export class Master {
  readonly #context: MasterContext
  readonly #machine: MasterMachine
  readonly #lives = new Map<number, Life>()
  readonly #exit: PromiseWithResolvers<number> = Promise.withResolvers<number>()
  /** What the next life gets. Until a life serves: what systemd gave us. */
  #sockets: readonly LabelledFds[]
  #serving = 0
  /** Nothing is kept any more. */
  #released = false
  #heritage: Heritage | undefined
  #keepsake: Keepsake | undefined
  #status = ''
  #cancelTick: () => void = noop

  constructor(context: MasterContext) {
    const { manager, rng } = context
    this.#context = context
    this.#machine = new MasterMachine(rng)
    this.#sockets = manager.fds.length === 0 ? [] : [{ key: '', fds: manager.fds }]
  }

  /** Resolves with the exit code. */
  run(): Promise<number> {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const)
      this.#context.on(signal, () => this.#tell({ kind: 'signal', signal }))
    this.#tell({ kind: 'start' })
    this.#watchdog()
    return this.#exit.promise
  }

  #tell(news: MasterNews): void {
    const { timers } = this.#context
    for (const decision of this.#machine.handle(news, timers.nowMs())) this.#obey(decision)
    this.#cancelTick()
    const dueMs = this.#machine.nextDueMs()
    this.#cancelTick =
      dueMs === Infinity
        ? noop
        : timers.after(Math.max(0, dueMs - timers.nowMs()), () => this.#tell({ kind: 'tick' }))
  }

  #obey(decision: MasterDecision): void {
    switch (decision.kind) {
      case 'spawn':
        return this.#spawn(decision.life, decision.role)
      case 'order':
        return this.#order(decision.life, decision.order)
      case 'kill':
        return this.#lives.get(decision.life)?.process.kill()
      case 'say':
        return this.#context.say(decision.line)
      case 'notify':
        return this.#notify(decision.state)
      case 'release':
        return this.#release()
      case 'exit':
        return this.#exit.resolve(decision.code)
    }
  }

  #spawn(id: number, role: Role): void {
    try {
      this.#start(id, role)
    } catch (thrown) {
      // No descriptor or no process is to be had
      const signal = messageOf(thrown)
      const life = this.#lives.get(id)
      this.#context.say(`weir: the data plane could not be started: ${signal}`)
      if (life === undefined) this.#context.timers.after(0, () => this.#ended(id, { code: null, signal }))
      else life.process.kill()
    }
  }

  #start(id: number, role: Role): void {
    const process = this.#context.start({
      onMessage: (message) => this.#heard(id, message as ToMaster), // its sender is our own program
      onEnded: (code, signal) => this.#ended(id, { code, signal }),
    })
    this.#lives.set(id, { process, sockets: [] })
    const kept = role === 'restart' ? this.#keepsake : undefined
    this.#send(id, {
      kind: 'begin',
      protocol: MASTER_PROTOCOL,
      role,
      sockets: process.fds.send(this.#sockets),
      heritage: kept?.heritage ?? this.#heritage,
      configText: kept?.configText,
    })
  }

  #order(id: number, order: Order): void {
    if (order === 'admit') this.#send(id, { kind: 'order', order, heritage: this.#heritage })
    else this.#send(id, { kind: 'order', order })
  }

  #heard(id: number, message: ToMaster): void {
    switch (message.kind) {
      case 'sockets':
        return this.#keep(id, message.transfer)
      case 'prepared':
        return this.#tell({ kind: 'prepared', life: id })
      case 'ready':
        return this.#ready(id, message)
      case 'bequest':
        this.#heritage = message.heritage
        return this.#tell({ kind: 'bequeathed', life: id })
      case 'keepsake':
        if (id === this.#serving) this.#keepsake = message.keepsake
        return undefined
      case 'reloaded':
        return this.#tell({ kind: 'reloaded', life: id })
      case 'grown':
        return this.#send(this.#serving, message)
      case 'pong':
        return this.#signOfLife(id, message.beating)
    }
  }

  /** It accepts: what the next one inherits is its own from now on. */
  #ready(id: number, { graceMs, status }: Extract<ToMaster, { kind: 'ready' }>): void {
    const life = this.#lives.get(id)
    if (life === undefined) return
    this.#status = status
    this.#heritage = undefined
    this.#serving = id
    this.#inherit(life.sockets)
    this.#tell({ kind: 'ready', life: id, graceMs })
  }

  #keep(id: number, transfer: number): void {
    const life = this.#lives.get(id)
    if (life === undefined) return
    const before = life.sockets
    const sockets = this.#take(life, transfer)
    if (sockets === undefined) return
    if (this.#released) return this.#close(sockets)
    life.sockets = sockets
    if (id === this.#serving) this.#inherit(life.sockets)
    else this.#close(before)
  }

  #take({ process }: Life, transfer: number): readonly LabelledFds[] | undefined {
    try {
      return process.fds.take(transfer)
    } catch (thrown) {
      this.#context.say(`weir: the master could not take the listening sockets: ${messageOf(thrown)}`)
      return undefined
    }
  }

  /** What systemd gave us stays open here: its queue is not ours to end. */
  #inherit(sockets: readonly LabelledFds[]): void {
    const before = this.#sockets
    if (sockets === before) return
    this.#sockets = sockets
    for (const life of this.#lives.values()) if (life.sockets === before) life.sockets = []
    this.#close(before)
  }

  #close(sockets: readonly LabelledFds[]): void {
    const { manager, closeFd } = this.#context
    for (const { fds } of sockets) for (const fd of fds) if (!manager.fds.includes(fd)) closeFd(fd)
  }

  #release(): void {
    const held = new Set([this.#sockets, ...[...this.#lives.values()].map(({ sockets }) => sockets)])
    for (const sockets of held) this.#close(sockets)
    this.#sockets = []
    for (const life of this.#lives.values()) life.sockets = []
    this.#released = true
  }

  #ended(id: number, ending: { code: number | null; signal: string | null }): void {
    const life = this.#lives.get(id)
    this.#lives.delete(id)
    if (life !== undefined && life.sockets !== this.#sockets) this.#close(life.sockets)
    this.#tell({ kind: 'ended', life: id, ending })
  }

  #send(id: number, message: ToDataPlane): void {
    this.#lives.get(id)?.process.send(message)
  }

  #notify(state: ServiceState): void {
    const { manager, notify, pid, monotonicUs } = this.#context
    if (manager.socket === undefined) return
    notify(manager.socket, notification(state, { status: this.#status, pid, nowUs: monotonicUs() }))
  }

  /** We speak for the data plane: without its sign there is none of ours. */
  #watchdog(): void {
    const { manager, timers } = this.#context
    if (manager.watchdogMs === undefined || manager.socket === undefined) return
    this.#send(this.#serving, { kind: 'ping' })
    timers.after(manager.watchdogMs / 2, () => this.#watchdog())
  }

  #signOfLife(id: number, beating: boolean): void {
    const { manager, notify } = this.#context
    if (beating && id === this.#serving && manager.socket !== undefined) notify(manager.socket, WATCHDOG_SIGN)
  }
}

function noop(): void {}
