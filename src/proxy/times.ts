import type { Reactor } from '../io/reactor.ts'
import type { ExchangeRecord } from '../telemetry/record.ts'

/** When things happened to one exchange. Monotonic ms; durations are -1 where it did not come to that. */
export class Times {
  readonly #reactor: Reactor
  #startedMs = 0
  #wallStartMs = 0
  #attemptMs = 0
  #queueMs = -1
  #connectMs = -1
  #firstByteMs = -1

  constructor(reactor: Reactor) {
    this.#reactor = reactor
  }

  begin(): void {
    this.#startedMs = this.#reactor.nowMs
    this.#wallStartMs = this.#reactor.wallMs
    this.#queueMs = -1
    this.#connectMs = -1
    this.#firstByteMs = -1
  }

  /** A connection is wanted from now on. */
  attempt(): void {
    this.#attemptMs = this.#reactor.nowMs
  }

  /** The wait for a free place is over. */
  queued(): void {
    this.#queueMs = this.#reactor.nowMs - this.#attemptMs
    this.#attemptMs = this.#reactor.nowMs
  }

  connected(): void {
    this.#connectMs = this.#reactor.nowMs - this.#attemptMs
  }

  firstByte(): void {
    this.#firstByteMs = this.#reactor.nowMs - this.#startedMs
  }

  describe(record: ExchangeRecord): void {
    record.startedMs = this.#startedMs
    record.wallStartMs = this.#wallStartMs
    record.queueMs = this.#queueMs
    record.connectMs = this.#connectMs
    record.firstByteMs = this.#firstByteMs
    record.durationMs = this.#reactor.nowMs - this.#startedMs
  }
}
