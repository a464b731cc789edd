import { randomBytes } from 'node:crypto'
import type { Snapshot } from '../config/snapshot.ts'
import type { Fleet } from '../shm/fleet.ts'
import { addTotals, growth } from '../telemetry/history.ts'
import type { Totals } from '../telemetry/history.ts'
import { restoreVerdicts, verdictsOf } from './heritage.ts'
import type { Heritage, Secrets } from './heritage.ts'
import type { KeepsakeChange, Lineage } from './lineage.ts'
import type { Operators } from './operators.ts'
import { Sockets } from './sockets.ts'

/** The parts of a program that outlive it. */
export type Legacy = { readonly fleet: Fleet; readonly operators: Operators; readonly snapshot: Snapshot }

/**
 * What this process has of the one before it, and what it leaves to the next. Totals are told once, with the last word, and
 * what grows while it drains is told when it has drained; so nothing is counted twice, however many processes follow one another.
 */
export class Succession {
  readonly secrets: Secrets
  readonly sockets: Sockets
  /** What the processes before this one counted. */
  before: Totals
  /** Everything may be up; nobody accepts yet. */
  held: boolean
  /** The last word was said: nothing changes any more. */
  yielded = false
  readonly #lineage: Lineage
  #told: Totals = {}

  constructor(lineage: Lineage | undefined, entropy: () => number) {
    this.#lineage = lineage ?? { heritage: undefined, sockets: new Sockets(), onKeepsake: ignore }
    const { heritage, sockets, admission } = this.#lineage
    this.secrets = heritage?.secrets ?? {
      drawn: randomBytes(32).toString('hex'),
      hashKey: [entropy(), entropy()],
    }
    this.sockets = sockets
    this.before = heritage?.totals ?? {}
    this.held = admission !== undefined
  }

  /** Before any actor lives. */
  restore({ fleet, operators, snapshot }: Legacy): void {
    const { heritage } = this.#lineage
    if (heritage === undefined) return
    restoreVerdicts(fleet, snapshot, heritage.verdicts)
    operators.restore(heritage.wishes)
  }

  /** Everything is up. Resolves when the process before lets go; what changed there meanwhile is taken over. */
  async admitted({ operators, snapshot }: Omit<Legacy, 'fleet'>): Promise<void> {
    const last = await this.#lineage.admission?.()
    this.held = false
    if (last === undefined) return
    this.before = last.totals
    operators.restore(last.wishes)
    operators.prepare(snapshot)
  }

  /** What the next process needs. */
  bequest({ fleet, operators, snapshot }: Legacy, totals: Totals): Heritage {
    this.#told = totals
    const verdicts = verdictsOf(fleet, snapshot)
    return { secrets: this.secrets, wishes: operators.wishes, verdicts, totals }
  }

  /** The same, of what it cannot find out by itself. */
  keepsake(operators: Operators): Heritage {
    return { secrets: this.secrets, wishes: operators.wishes, verdicts: [], totals: {} }
  }

  /** What was counted since the last word. */
  grown(totals: Totals): Totals {
    return growth(totals, this.#told)
  }

  /** A process before this one counted on while it drained. */
  remember(more: Totals): void {
    this.before = addTotals(this.before, more)
  }

  changed(change: KeepsakeChange): void {
    this.#lineage.onKeepsake(change)
  }
}

function ignore(): void {}
