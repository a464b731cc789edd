import type { Rng } from '../base/random.ts'
import type { Ending, MasterDecision, MasterNews, MasterSignal, Order, Role } from './master-news.ts'

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

export type MasterLimits = {
  /** For an upgrade, from the signal until it is ready. */
  readonly upgradeMs: number
  /** Pauses between deaths in a row: none, then at most `firstMs` doubling up to `maxMs`. */
  readonly firstMs: number
  readonly maxMs: number
  /** Lives that served so long were no deaths in a row. */
  readonly calmMs: number
}

export const MASTER_LIMITS: MasterLimits = { upgradeMs: 60_000, firstMs: 100, maxMs: 10_000, calmMs: 10_000 }

/** npm passes the terminal's Ctrl-C on to a child that had it already: two within this are one. */
const SAME_INTERRUPT_MS = 100
/** Told to end before it has told how long that takes. */
const EARLY_GRACE_MS = 10_000

const SIGNAL_NUMBERS = { SIGTERM: 15, SIGINT: 2 } as const

type Phase = 'starting' | 'prepared' | 'admitted' | 'serving' | 'retiring' | 'stopping'

type Life = {
  readonly id: number
  readonly role: Role
  phase: Phase
  graceMs: number
  /** When it serves since, or by when it must be over. */
  sinceMs: number
  endByMs: number
}

type Replacement = {
  /** Undefined until the one that serves has said what to tell it. */
  upgrade: Life | undefined
  readonly byMs: number
  /** The one that serves was asked for its last word. */
  yielded: boolean
  reloadAfter: boolean
}

export class MasterMachine {
  readonly #rng: Rng
  readonly #limits: MasterLimits
  readonly #lives = new Map<number, Life>()
  #lastId = 0
  #current: Life | undefined
  #replacement: Replacement | undefined
  #wasReady = false
  #reloads = 0
  #streak = 0
  #restartAtMs: number = Infinity
  #stoppingSinceMs: number | undefined
  #failed = 0
  #over = false
  #nowMs = 0
  #out: MasterDecision[] = []

  constructor(rng: Rng, limits: MasterLimits = MASTER_LIMITS) {
    this.#rng = rng
    this.#limits = limits
  }

  handle(news: MasterNews, nowMs: number): readonly MasterDecision[] {
    this.#out = []
    this.#nowMs = nowMs
    if (!this.#over) this.#dispatch(news)
    return this.#out
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

  #onLife(life: Life, news: Extract<MasterNews, { life: number }>): void {
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

  // Restarts ---------------------------------------------------------------------------------------------------------------

  #spawn(role: Role): void {
    const id = ++this.#lastId
    const life: Life = { id, role, phase: 'starting', graceMs: EARLY_GRACE_MS, sinceMs: 0, endByMs: Infinity }
    this.#lives.set(id, life)
    if (role === 'upgrade') this.#replacement!.upgrade = life
    else this.#current = life
    this.#out.push({ kind: 'spawn', life: id, role })
  }

  #onEnded(life: Life, ending: Ending): void {
    this.#lives.delete(life.id)
    if (this.#stoppingSinceMs !== undefined) {
      if (life.phase === 'stopping' && !isGood(ending)) this.#failed = 1
      return this.#exitIfEmpty()
    }
    if (life === this.#replacement?.upgrade) return this.#upgradeFailed(told(ending))
    if (life !== this.#current) return
    this.#current = undefined
    this.#reloads = 0
    if (!this.#wasReady) return this.#exit(ending.code ?? 1, life, ending)
    this.#notify('down')
    this.#say(
      `weir: the data plane has ended (${told(ending)}); its listening sockets are held, nobody is refused`,
    )
    if (this.#replacement?.upgrade !== undefined) return this.#takeOver()
    this.#replacement = undefined
    this.#restart(life)
  }

  #restart(life: Life): void {
    const { firstMs, maxMs, calmMs } = this.#limits
    if (life.phase === 'serving' && this.#nowMs - life.sinceMs >= calmMs) this.#streak = 0
    const boundMs = this.#streak === 0 ? 0 : Math.min(maxMs, firstMs * 2 ** (this.#streak - 1))
    const delayMs = this.#rng.next() * boundMs
    this.#streak++
    if (delayMs === 0) return this.#spawn('restart')
    this.#restartAtMs = this.#nowMs + delayMs
    this.#say(`weir: another one starts in ${Math.ceil(delayMs)} ms`)
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
      this.#say('weir: a data plane that was to end did not: it is killed')
      this.#kill(life)
    }
    if (this.#replacement !== undefined && nowMs >= this.#replacement.byMs) this.#upgradeLate()
  }

  // Reloads and replacements -----------------------------------------------------------------------------------------------

  #onReload(): void {
    const { phase } = this.#current ?? {}
    if (this.#replacement !== undefined) this.#replacement.reloadAfter = true
    if (phase !== 'serving' || this.#replacement?.yielded === true) return
    this.#notify('reloading')
    this.#reloads++
    this.#order(this.#current!, 'reload')
  }

  #onReplace(): void {
    if (this.#replacement !== undefined)
      return this.#say('weir: SIGUSR2: the program is being replaced already')
    if (this.#current?.phase !== 'serving')
      return this.#say('weir: SIGUSR2: there is nothing to replace yet, the program is starting')
    this.#say('weir: SIGUSR2: replacing the running program by what is on disk now')
    const byMs = this.#nowMs + this.#limits.upgradeMs
    this.#replacement = { upgrade: undefined, byMs, yielded: false, reloadAfter: false }
    this.#notify('reloading')
    this.#order(this.#current, 'bequeath')
  }

  #onBequeathed(life: Life): void {
    const replacement = this.#replacement
    if (replacement === undefined || life !== this.#current) return
    if (replacement.upgrade === undefined) return this.#spawn('upgrade')
    if (replacement.yielded && replacement.upgrade.phase === 'prepared') this.#admit(replacement.upgrade)
  }

  #onPrepared(life: Life): void {
    if (life !== this.#replacement?.upgrade || life.phase !== 'starting') return
    life.phase = 'prepared'
    if (this.#current === undefined) return this.#admit(life)
    this.#replacement.yielded = true
    this.#order(this.#current, 'yield')
  }

  #admit(life: Life): void {
    life.phase = 'admitted'
    this.#order(life, 'admit')
  }

  #onReady(life: Life): void {
    if (life.phase === 'retiring' || life.phase === 'stopping') return
    const replacement = life === this.#replacement?.upgrade ? this.#replacement : undefined
    const isChange = life.phase === 'serving' // it says its limits anew
    life.phase = 'serving'
    if (isChange) return
    life.sinceMs = this.#nowMs
    this.#wasReady = true
    if (replacement === undefined) return this.#settled()
    const old = this.#current
    this.#current = life
    this.#replacement = undefined
    this.#reloads = 0
    this.#streak = 0
    this.#say('weir: SIGUSR2: the new program serves')
    if (old !== undefined) this.#end(old, 'retire')
    if (replacement.reloadAfter) this.#onReload()
    this.#settled()
  }

  /** The one that served has died: the new one does not wait for its word any longer. */
  #takeOver(): void {
    const upgrade = this.#replacement?.upgrade
    if (upgrade?.phase === 'prepared') this.#admit(upgrade)
  }

  #upgradeLate(): void {
    const upgrade = this.#replacement?.upgrade
    if (upgrade === undefined) return this.#upgradeFailed('the running one does not answer')
    this.#replacement = { ...this.#replacement!, byMs: Infinity }
    this.#say(
      `weir: SIGUSR2: the new program is not ready after ${this.#limits.upgradeMs / 1000} s: it is killed`,
    )
    this.#kill(upgrade)
  }

  #upgradeFailed(why: string): void {
    const yielded = this.#replacement?.yielded === true
    this.#replacement = undefined
    const stays =
      this.#current === undefined
        ? 'the one before has died, too'
        : 'nothing has changed, the one before runs on'
    this.#say(`weir: SIGUSR2 FAILED: the new program did not start (${why}): ${stays}`)
    if (this.#current === undefined) return this.#spawn('restart')
    if (yielded) this.#order(this.#current, 'resume')
    this.#settled()
  }

  /** Nothing is being changed any more. */
  #settled(): void {
    if (this.#reloads === 0 && this.#replacement === undefined && this.#current?.phase === 'serving')
      this.#notify('ready')
  }

  // The end ----------------------------------------------------------------------------------------------------------------

  #onStop(signal: 'SIGTERM' | 'SIGINT'): void {
    const sinceMs = this.#stoppingSinceMs
    if (sinceMs === undefined) return this.#stop(signal)
    if (signal === 'SIGINT' && this.#nowMs - sinceMs <= SAME_INTERRUPT_MS) return
    this.#say(`weir: ${signal} again: stopping at once`)
    for (const life of this.#lives.values()) this.#kill(life)
    this.#over = true
    this.#out.push({ kind: 'exit', code: 128 + SIGNAL_NUMBERS[signal] })
  }

  #stop(signal: string): void {
    this.#stoppingSinceMs = this.#nowMs
    this.#restartAtMs = Infinity
    this.#replacement = undefined
    this.#say(`weir: ${signal}: draining, once more stops at once`)
    this.#notify('stopping')
    this.#out.push({ kind: 'release' })
    for (const life of this.#lives.values()) {
      if (life.role === 'upgrade' && (life.phase === 'starting' || life.phase === 'prepared'))
        this.#kill(life)
      else if (life.phase !== 'retiring') this.#end(life, 'stop')
    }
    this.#exitIfEmpty()
  }

  #end(life: Life, order: 'stop' | 'retire'): void {
    life.phase = order === 'stop' ? 'stopping' : 'retiring'
    life.endByMs = this.#nowMs + life.graceMs
    this.#order(life, order)
  }

  #exitIfEmpty(): void {
    if (this.#lives.size > 0) return
    this.#over = true
    this.#out.push({ kind: 'exit', code: this.#failed })
  }

  /** The first one never was ready: why, it has said itself, unless it could not. */
  #exit(code: number, life: Life, ending: Ending): void {
    if (ending.code === null) this.#say(`weir: the start failed: the data plane has ended (${told(ending)})`)
    this.#over = true
    this.#lives.delete(life.id)
    this.#out.push({ kind: 'exit', code })
  }

  // ------------------------------------------------------------------------------------------------------------------------

  #order(life: Life, order: Order): void {
    this.#out.push({ kind: 'order', life: life.id, order })
  }

  #kill(life: Life): void {
    this.#out.push({ kind: 'kill', life: life.id })
  }

  #say(line: string): void {
    this.#out.push({ kind: 'say', line })
  }

  #notify(state: 'ready' | 'reloading' | 'stopping' | 'down'): void {
    this.#out.push({ kind: 'notify', state })
  }
}

function isGood({ code }: Ending): boolean {
  return code === 0
}

function told({ code, signal }: Ending): string {
  return signal ?? `exit code ${code}`
}
