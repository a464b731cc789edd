/** What a check's result changed. */
export type CheckTurn = 'same' | 'rose' | 'fell'

/**
 * Rise and fall (as HAProxy has them): `fall` failures in a row take an endpoint down, `rise` passes in a row bring it back. In a row
 * means in a row: any result of the other kind begins the count anew, so however long passes and failures alternate, nothing turns
 * (caddy PR #7625).
 */
export class CheckRun {
  down: boolean
  /** Results in a row that speak against the present state. */
  #against = 0

  constructor(down: boolean) {
    this.down = down
  }

  /** It is down, is going down or is coming back: look more often. */
  get unsettled(): boolean {
    return this.down || this.#against > 0
  }

  note(passed: boolean, rise: number, fall: number): CheckTurn {
    if (passed !== this.down) {
      this.#against = 0
      return 'same'
    }
    this.#against++
    if (this.#against < (passed ? rise : fall)) return 'same'
    this.#against = 0
    this.down = !passed
    return passed ? 'rose' : 'fell'
  }

  /** It fell but must not: it stays in and its failures are counted anew. */
  spare(): void {
    this.down = false
  }
}

/** Passes in a row, of recovery probes. */
export class PassRun {
  #passes = 0

  /** Whether that makes `needed` in a row. */
  note(passed: boolean, needed: number): boolean {
    this.#passes = passed ? this.#passes + 1 : 0
    return this.#passes >= needed
  }

  reset(): void {
    this.#passes = 0
  }
}

/**
 * A probe that passes nowhere says more about itself than about the endpoints (after D2): until it passed once somewhere in the
 * cluster, it takes nobody out, and says so once.
 */
export class Precheck {
  proven: boolean
  #warned = false

  constructor(proven: boolean) {
    this.proven = proven
  }

  /** Whether a failing endpoint must be spared; `warn` is called the first time. */
  spares(warn: () => void): boolean {
    if (this.proven) return false
    if (!this.#warned) warn()
    this.#warned = true
    return true
  }
}
