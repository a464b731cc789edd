import type { Rng } from '../base/random.ts'
import { Decisions, epitaph, MASTER_LIMITS, newLife, told } from './master-life.ts'
import type { MasterLife, MasterLimits, Replacement } from './master-life.ts'
import type { Ending, MasterDecision, MasterNews, MasterSignal, Role } from './master-news.ts'
import { RestartPause } from './restart-pause.ts'

/**
 * The master, which decides and does nothing: news in, decisions out.
 *
 * ```text
 *  life:  starting ─▶ serving ─▶ stopping ─▶ (over)          an upgrade:  starting ─▶ prepared ─▶ admitted ─▶ serving
 *                        └─▶ retiring ─▶ (over)                              └─ fails, or is late ─▶ (over), the old one resumes
 * ```
 *
 * Laws (properties/master-machine.test.ts):
 * - of the lives that are not on their way out at most two exist, and two only while one replaces the other;
 * - nobody is told to retire before another is ready; an upgrade that fails leaves the old one serving;
 * - a life that dies while it serves is followed by another, at once the first time, then after a pause that grows (full jitter), until told to stop;
 * - after a stop nobody is spawned, every life is told or killed, and `exit` comes once, when all are over; a second stop kills all at once.
 */

/** npm passes the terminal's Ctrl-C on to a child that had it already: two within this are one. */
const SAME_INTERRUPT_MS = 100
const SIGNAL_NUMBERS = { SIGTERM: 15, SIGINT: 2 } as const

export class MasterMachine {
  readonly #rng: Rng
  readonly #limits: MasterLimits
  readonly #lives = new Map<number, MasterLife>()
  readonly #pause: RestartPause
  #lastId = 0
  #current: MasterLife | undefined
  #replacement: Replacement | undefined
  #wasReady = false
  #replaceWanted = false
  #reloadWanted = false
  #reloads = 0
  #restartAtMs: number = Infinity
  #stoppingSinceMs: number | undefined
  #failed = 0
  #over = false
  #nowMs = 0
  #out = new Decisions()

  constructor(rng: Rng, limits: MasterLimits = MASTER_LIMITS) {
    this.#rng = rng
    this.#limits = limits
    this.#pause = new RestartPause(limits.backoff, limits.calmMs)
  }

  handle(news: MasterNews, nowMs: number): readonly MasterDecision[] {
    this.#out = new Decisions()
    this.#nowMs = nowMs
    if (!this.#over) this.#dispatch(news)
    return this.#out.made
  }

  /** When the next `tick` is due; Infinity: never. */
  nextDueMs(): number {
    const ends = [...this.#lives.values()].map(({ endByMs }) => endByMs)
    return Math.min(this.#restartAtMs, this.#replacement?.byMs ?? Infinity, ...ends)
  }

  #dispatch(news: MasterNews): void {
    switch (news.kind) {
      case 'start':
        return this.#spawn('first')
      case 'signal':
        return this.#onSignal(news.signal)
      case 'tick':
        return this.#onTick()
      default: {
        const life = this.#lives.get(news.life)
        if (life !== undefined) this.#onLife(life, news)
      }
    }
  }

  #onLife(life: MasterLife, news: Extract<MasterNews, { life: number }>): void {
    switch (news.kind) {
      case 'prepared':
        return this.#onPrepared(life)
      case 'ready':
        life.graceMs = news.graceMs
        return this.#onReady(life)
      case 'bequeathed':
        return this.#onBequeathed(life)
      case 'reloaded':
        if (life === this.#current && this.#reloads > 0) this.#reloads--
        return this.#settled()
      case 'ended':
        return this.#onEnded(life, news.ending)
    }
  }

  #onSignal(signal: MasterSignal): void {
    if (signal === 'SIGTERM' || signal === 'SIGINT') return this.#onStop(signal)
    if (this.#stoppingSinceMs !== undefined) return
    if (signal === 'SIGHUP') return this.#onReload()
    this.#onReplace()
  }

  #spawn(role: Role): void {
    const id = ++this.#lastId
    const life = newLife(id, role)
    this.#lives.set(id, life)
    if (role === 'upgrade') this.#replacement!.upgrade = life
    else this.#current = life
    this.#out.add({ kind: 'spawn', life: id, role })
  }

  #onEnded(life: MasterLife, ending: Ending): void {
    this.#lives.delete(life.id)
    if (this.#stoppingSinceMs !== undefined) {
      if (life.phase === 'stopping' && ending.code !== 0) this.#failed = 1
      return this.#exitIfEmpty()
    }
    if (life === this.#replacement?.upgrade) return this.#upgradeFailed(told(ending))
    if (life !== this.#current) return
    this.#current = undefined
    this.#reloads = 0
    if (!this.#wasReady) return this.#exit(ending.code ?? 1, life, ending)
    this.#out.notify('down')
    this.#out.say(epitaph(ending))
    const upgrade = this.#replacement?.upgrade
    if (upgrade?.phase === 'prepared') this.#admit(upgrade) // it does not wait for a last word any longer
    if (upgrade !== undefined) {
      const { backoff } = this.#limits
      this.#replacement!.byMs = Math.min(this.#replacement!.byMs, this.#nowMs + backoff.maxMs)
      return
    }
    this.#replacement = undefined
    this.#restart(life)
  }

  #restart(life: MasterLife): void {
    const servedMs = Math.max(0, this.#nowMs - life.servesSinceMs)
    const delayMs = this.#pause.next(servedMs, this.#rng.next())
    if (delayMs === 0) return this.#spawn('restart')
    this.#restartAtMs = this.#nowMs + delayMs
    this.#out.say(`weir: another one starts in ${Math.ceil(delayMs)} ms`)
  }

  #onTick(): void {
    const nowMs = this.#nowMs
    if (nowMs >= this.#restartAtMs) {
      this.#restartAtMs = Infinity
      this.#spawn('restart')
    }
    for (const life of this.#lives.values()) {
      if (nowMs < life.endByMs) continue
      life.endByMs = Infinity
      this.#out.say('weir: a data plane that was to end did not: it is killed')
      this.#out.kill(life)
    }
    if (this.#replacement !== undefined && nowMs >= this.#replacement.byMs) this.#upgradeLate()
  }

  #onReload(): void {
    const current = this.#current
    this.#reloadWanted = this.#replacement !== undefined || current?.phase !== 'serving' // by the next one, too
    if (current?.phase !== 'serving' || this.#replacement?.yielded === true) return
    this.#out.notify('reloading')
    this.#reloads++
    this.#out.order(current, 'reload')
  }

  #onReplace(): void {
    if (this.#replacement !== undefined)
      return this.#out.say('weir: SIGUSR2: the program is being replaced already')
    this.#replaceWanted = this.#current?.phase !== 'serving'
    if (this.#current?.phase !== 'serving')
      return this.#out.say('weir: SIGUSR2: the program is starting: it is replaced when it is ready')
    this.#out.say('weir: SIGUSR2: replacing the running program by what is on disk now')
    const byMs = this.#nowMs + this.#limits.upgradeMs
    this.#replacement = { upgrade: undefined, byMs, yielded: false }
    this.#out.notify('reloading')
    this.#out.order(this.#current, 'bequeath')
  }

  #onBequeathed(life: MasterLife): void {
    const replacement = this.#replacement
    if (replacement === undefined || life !== this.#current) return
    if (replacement.upgrade === undefined) return this.#spawn('upgrade')
    if (replacement.yielded && replacement.upgrade.phase === 'prepared') this.#admit(replacement.upgrade)
  }

  #onPrepared(life: MasterLife): void {
    if (life !== this.#replacement?.upgrade || life.phase !== 'starting') return
    life.phase = 'prepared'
    if (this.#current === undefined) return this.#admit(life)
    this.#replacement.yielded = true
    this.#out.order(this.#current, 'yield')
  }

  #admit(life: MasterLife): void {
    life.phase = 'admitted'
    this.#out.order(life, 'admit')
  }

  #onReady(life: MasterLife): void {
    if (life.phase === 'retiring' || life.phase === 'stopping') return
    const replacement = life === this.#replacement?.upgrade ? this.#replacement : undefined
    const isChange = life.phase === 'serving' // it says its limits anew
    life.phase = 'serving'
    if (isChange) return
    life.servesSinceMs = this.#nowMs
    this.#wasReady = true
    if (replacement === undefined) return this.#settled()
    const old = this.#current
    this.#current = life
    this.#replacement = undefined
    this.#reloads = 0
    this.#pause.reset()
    this.#out.say('weir: SIGUSR2: the new program serves')
    if (old !== undefined) this.#end(old, 'retire')
    this.#settled()
  }

  #upgradeLate(): void {
    const upgrade = this.#replacement?.upgrade
    if (upgrade === undefined) return this.#upgradeFailed('the running one does not answer')
    this.#replacement!.byMs = Infinity
    upgrade.phase = 'retiring' // what it says until it has ended is too late
    this.#out.say(
      `weir: SIGUSR2: the new program is not ready after ${this.#limits.upgradeMs / 1000} s: it is killed`,
    )
    this.#out.kill(upgrade)
  }

  #upgradeFailed(why: string): void {
    this.#replacement = undefined
    const stays =
      this.#current === undefined
        ? 'the one before has died, too'
        : 'nothing has changed, the one before runs on'
    this.#out.say(`weir: SIGUSR2 FAILED: the new program did not start (${why}): ${stays}`)
    if (this.#current === undefined) return this.#spawn('restart')
    this.#out.order(this.#current, 'resume') // far as it came, it may have dealt with the sockets
    this.#settled()
  }

  /** A change is over: what was asked for meanwhile is done now. */
  #settled(): void {
    if (this.#replacement !== undefined) return
    if (this.#reloadWanted) this.#onReload()
    if (this.#replaceWanted) this.#onReplace()
    if (this.#reloads === 0 && this.#replacement === undefined && this.#current?.phase === 'serving')
      this.#out.notify('ready')
  }

  #onStop(signal: 'SIGTERM' | 'SIGINT'): void {
    const sinceMs = this.#stoppingSinceMs
    if (sinceMs === undefined) return this.#stop(signal)
    if (signal === 'SIGINT' && this.#nowMs - sinceMs <= SAME_INTERRUPT_MS) return
    this.#out.say(`weir: ${signal} again: stopping at once`)
    for (const life of this.#lives.values()) this.#out.kill(life)
    this.#over = true
    this.#out.add({ kind: 'exit', code: 128 + SIGNAL_NUMBERS[signal] })
  }

  #stop(signal: string): void {
    this.#stoppingSinceMs = this.#nowMs
    this.#restartAtMs = Infinity
    this.#replacement = undefined
    this.#replaceWanted = this.#reloadWanted = false
    this.#out.say(`weir: ${signal}: draining, once more stops at once`)
    this.#out.notify('stopping')
    this.#out.add({ kind: 'release' })
    for (const life of this.#lives.values()) {
      if (life.role === 'upgrade' && (life.phase === 'starting' || life.phase === 'prepared'))
        this.#out.kill(life)
      else if (life.phase !== 'retiring') this.#end(life, 'stop')
    }
    this.#exitIfEmpty()
  }

  #end(life: MasterLife, order: 'stop' | 'retire'): void {
    life.phase = order === 'stop' ? 'stopping' : 'retiring'
    life.endByMs = this.#nowMs + life.graceMs
    this.#out.order(life, order)
  }

  #exitIfEmpty(): void {
    if (this.#lives.size > 0) return
    this.#over = true
    this.#out.add({ kind: 'exit', code: this.#failed })
  }

  /** The first one never was ready: why, it has said itself, unless it could not. */
  #exit(code: number, life: MasterLife, ending: Ending): void {
    if (ending.code === null)
      this.#out.say(`weir: the start failed: the data plane has ended (${told(ending)})`)
    this.#over = true
    this.#lives.delete(life.id)
    this.#out.add({ kind: 'exit', code })
  }
}
