import type { Reactor } from '../io/reactor.ts'
import type { ExchangeRecord } from '../telemetry/record.ts'

/** When things happened to one exchange. Monotonic ms; durations are -1 where it did not come to that. */
export class Times {
  readonly #reactor: Reactor
  startedMs = 0
  #wallStartMs = 0
  #firstByteMs = -1

  constructor(reactor: Reactor) {
    this.#reactor = reactor
  }

  begin(startedMs: number): void {
    const { nowMs, wallMs } = this.#reactor
    this.startedMs = startedMs
    this.#wallStartMs = wallMs - (nowMs - startedMs)
    this.#firstByteMs = -1
  }

  firstByte(): void {
    this.#firstByteMs = this.#reactor.nowMs - this.startedMs
  }

  describe(record: ExchangeRecord): void {
    record.startedMs = this.startedMs
    record.wallStartMs = this.#wallStartMs
    record.firstByteMs = this.#firstByteMs
    record.durationMs = this.#reactor.nowMs - this.startedMs
  }
}

/** When things happened to one try: likewise, counted from the pick. */
export class TryTimes {
  readonly #reactor: Reactor
  startedMs = 0
  /** Since when a connection is wanted, or one is opening. */
  #seekMs = 0
  /** When the stale connection was replaced. */
  replayedMs = 0
  /** Time spent waiting for a free place in the pool, and for a connection to open. */
  queueMs = -1
  connectMs = -1
  firstByteMs = -1

  constructor(reactor: Reactor) {
    this.#reactor = reactor
  }

  begin(): void {
    this.startedMs = this.#reactor.nowMs
    this.queueMs = -1
    this.connectMs = -1
    this.firstByteMs = -1
  }

  seek(): void {
    this.#seekMs = this.#reactor.nowMs
  }

  /** The wait for a free place is over. */
  queued(): void {
    this.queueMs = this.#reactor.nowMs - this.#seekMs
    this.#seekMs = this.#reactor.nowMs
  }

  connected(): void {
    this.connectMs = this.#reactor.nowMs - this.#seekMs
  }

  firstByte(): void {
    this.firstByteMs = this.#reactor.nowMs - this.startedMs
  }

  replayed(): void {
    this.replayedMs = this.#reactor.nowMs
  }

  get tookMs(): number {
    return this.#reactor.nowMs - this.startedMs
  }
}
