import { codeOf, messageOf } from '../actor/errors.ts'
import type { Connections, EngineMemory } from '../io/engine.ts'
import { ESTATE_WORDS } from '../io/engine.ts'
import type { EstateResult } from '../proxy/control.ts'
import { ROLE } from '../shm/notes.ts'
import type { ConnectionNotes } from '../shm/notes.ts'
import { bequestRows, dealEstate, planEstate } from './estate-plan.ts'
import type { Unit } from './estate-plan.ts'
import type { ShardLink } from './shard-link.ts'

export type EstatesContext = {
  readonly connections: Connections
  readonly notes: ConnectionNotes
  /** Shards that are in service and well. */
  readonly heirs: () => readonly ShardLink[]
  readonly say: (line: string) => void
  /** All of an estate is settled: nobody reads that memory any more. */
  readonly onSettled: (memory: EngineMemory) => void
  /** Counts changed. */
  readonly onChange: () => void
}

/** Heirs that died while they took something over before it is given up: it may be what killed them. More than chance explains where shards are killed one after another. */
const MOST_HEIRS = 5

type Tally = { -readonly [K in keyof EstateResult]: EstateResult[K] }
const nothing = (): Tally => ({ adopted: 0, rescued: 0, answered: 0, reset: 0 })

/** What one dead life left that is not settled yet. */
type Estate = {
  readonly from: number
  readonly memory: EngineMemory
  readonly tally: Tally
  /** Not dealt out yet, or dealt to an heir that died. */
  waiting: readonly Unit[]
  /** With heirs that are at it: nobody else may have them, nor look at them with another life's memory. */
  readonly dealt: Set<readonly Unit[]>
  /** Heirs that died of it. */
  deaths: number
}

/**
 * Settles what dead shards leave: their connections go on with others. Without an heir an estate waits for one; an heir that dies
 * leaves what it had taken in an estate of its own, and what it had not is dealt out again.
 */
export class Estates {
  readonly counts: Tally = nothing()
  readonly #context: EstatesContext
  readonly #open = new Set<Estate>()

  constructor(context: EstatesContext) {
    this.#context = context
  }

  /** The engine of that life has stopped, and nobody has its successor yet. */
  open(from: number, memory: EngineMemory): void {
    const { connections, notes } = this.#context
    const rows = this.#unclaimed(connections.estate(from))
    const { units, resets } = planEstate({ rows, memory, notes })
    const estate: Estate = { from, memory, tally: nothing(), waiting: units, dealt: new Set(), deaths: 0 }
    for (const { fd, generation, isClient } of resets) {
      if (connections.resetOne(fd, generation) && isClient) estate.tally.reset++
    }
    this.#open.add(estate)
    this.#settle(estate)
  }

  /** Somebody came into service: what waits may go on. */
  settle(): void {
    for (const estate of this.#open) this.#settle(estate)
  }

  /** Nobody will come any more. */
  abandon(): void {
    for (const estate of this.#open) {
      this.#reset(estate, estate.waiting)
      estate.waiting = []
      this.#close(estate)
    }
  }

  #settle(estate: Estate): void {
    const heirs = this.#context.heirs()
    const { waiting } = estate
    if (waiting.length > 0) {
      if (heirs.length === 0) return
      estate.waiting = []
      const shares = dealEstate(
        waiting,
        heirs.map(({ shard }) => shard),
      )
      for (const heir of heirs) {
        const share = shares.get(heir.shard)
        if (share !== undefined) void this.#bequeath(estate, heir, share)
      }
    }
    this.#close(estate)
  }

  async #bequeath(estate: Estate, heir: ShardLink, units: readonly Unit[]): Promise<void> {
    const { from, memory } = estate
    estate.dealt.add(units)
    try {
      add(estate.tally, await heir.ref.call.inherit({ from, memory, rows: bequestRows(units) }))
    } catch (thrown) {
      const isDead = codeOf(thrown) === 'WEIR_ACTOR_DIED'
      if (!isDead) this.#context.say(`shard ${heir.shard} does not inherit: ${messageOf(thrown)}`)
      if (isDead) this.#again(estate, units)
      else this.#reset(estate, units)
    }
    estate.dealt.delete(units)
    this.#settle(estate)
  }

  /** What a dead heir had taken is in an estate of its own. One that had not begun died of something else. */
  #again(estate: Estate, units: readonly Unit[]): void {
    const { untouched = [], begun = [] } = Object.groupBy(units, (unit) =>
      this.#isBegun(unit) ? 'begun' : 'untouched',
    )
    this.#reset(estate, begun) // half a tunnel
    if (begun.length > 0) estate.deaths++
    if (estate.deaths < MOST_HEIRS) estate.waiting = [...estate.waiting, ...untouched]
    else this.#reset(estate, untouched)
  }

  /** Whoever takes a connection strikes out the note first. */
  #isBegun({ bequests }: Unit): boolean {
    const { notes } = this.#context
    return bequests.some(
      ({ fd, generation, fresh }) => fresh < 0 && notes.roleOf(fd, generation) === ROLE.none,
    )
  }

  /** Those of them that nobody has taken. */
  #reset({ tally }: Estate, units: readonly Unit[]): void {
    for (const { fd, generation } of units.flatMap(({ bequests }) => bequests)) {
      if (this.#context.connections.resetOne(fd, generation)) tally.reset++
    }
  }

  /** All of it is settled: say so, once. */
  #close(estate: Estate): void {
    if (estate.dealt.size > 0 || estate.waiting.length > 0 || !this.#open.delete(estate)) return
    const { say, onChange, onSettled } = this.#context
    onSettled(estate.memory)
    add(this.counts, estate.tally)
    const story = storyOf(estate.tally)
    if (story !== '') say(`shard ${estate.from}: of its connections ${story}`)
    onChange()
  }

  /** Without those of an earlier life of the same shard that wait still, or that an heir was told of and has not taken. */
  #unclaimed(rows: Int32Array): Int32Array {
    const units = [...this.#open].flatMap(({ waiting, dealt }) => [...waiting, ...[...dealt].flat()])
    const claimed = new Set(
      units.flatMap(({ bequests }) => bequests.map(({ fd, generation }) => `${fd} ${generation}`)),
    )
    if (claimed.size === 0) return rows
    const kept: number[] = []
    for (let at = 0; at < rows.length; at += ESTATE_WORDS) {
      if (!claimed.has(`${rows[at]} ${rows[at + 1]}`)) kept.push(...rows.subarray(at, at + ESTATE_WORDS))
    }
    return Int32Array.from(kept)
  }
}

function add(to: Tally, more: EstateResult): void {
  to.adopted += more.adopted
  to.rescued += more.rescued
  to.answered += more.answered
  to.reset += more.reset
}

function storyOf({ adopted, rescued, answered, reset }: EstateResult): string {
  const parts = [
    adopted > 0 ? `${adopted} go on` : '',
    rescued > 0 ? `${rescued} with their request begun anew` : '',
    answered > 0 ? `${answered} answered 502` : '',
    reset > 0 ? `${reset} reset` : '',
  ]
  return parts.filter((part) => part !== '').join(', ')
}
