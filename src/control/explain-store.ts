import type { ExplainRecord } from '../telemetry/explain-record.ts'

/** What a list says of a record: all but its tries. */
export type ExplainHead = Omit<ExplainRecord, 'tries'>

export type ExplainBounds = {
  /** Records of failed requests, and as many of sampled ones. */
  readonly keep: number
  /** Characters of each kind. */
  readonly maxChars: number
}

type Kept = { readonly head: ExplainHead; readonly text: string }

/** Bounded records, oldest first. */
class Shelf {
  readonly #kept = new Map<string, Kept>()
  #chars = 0

  get size(): number {
    return this.#kept.size
  }

  get chars(): number {
    return this.#chars
  }

  put(record: Kept): void {
    this.#drop(record.head.id)
    this.#kept.set(record.head.id, record)
    this.#chars += record.text.length
  }

  find(id: string): string | undefined {
    return this.#kept.get(id)?.text
  }

  /** Drop the oldest until the bounds hold; how many those were. */
  trim({ keep, maxChars }: ExplainBounds): number {
    let dropped = 0
    for (const id of this.#kept.keys()) {
      if (this.#kept.size <= keep && this.#chars <= maxChars) break
      this.#drop(id)
      dropped++
    }
    return dropped
  }

  heads(): readonly ExplainHead[] {
    return Array.from(this.#kept.values(), ({ head }) => head)
  }

  #drop(id: string): void {
    const old = this.#kept.get(id)
    if (old === undefined) return
    this.#kept.delete(id)
    this.#chars -= old.text.length
  }
}

/**
 * The records `explain` can show: the last of the failed requests and the last of the sampled ones, each within its own bounds, so that
 * neither crowds the other out. Records stay text until somebody asks: in an outage many come and few are read.
 */
export class ExplainStore {
  /** Since the beginning: taken in, not understood. */
  taken = 0
  malformed = 0
  #bounds: ExplainBounds
  readonly #failed = new Shelf()
  readonly #sampled = new Shelf()

  constructor(bounds: ExplainBounds) {
    this.#bounds = bounds
  }

  setBounds(bounds: ExplainBounds): void {
    this.#bounds = bounds
    this.#failed.trim(bounds)
    this.#sampled.trim(bounds)
  }

  get bounds(): ExplainBounds {
    return this.#bounds
  }

  /** Records and characters kept now, of both kinds. */
  get size(): { readonly failed: number; readonly sampled: number; readonly chars: number } {
    const [failed, sampled] = [this.#failed, this.#sampled]
    return { failed: failed.size, sampled: sampled.size, chars: failed.chars + sampled.chars }
  }

  /** The JSON text of one record. What is none is counted and forgotten. */
  add(text: string): void {
    const head = headOf(text)
    if (head === undefined) {
      this.malformed++
      return
    }
    this.taken++
    const shelf = head.kept === 'failed' ? this.#failed : this.#sampled
    shelf.put({ head, text })
    shelf.trim(this.#bounds)
  }

  /** The record's JSON text. */
  find(id: string): string | undefined {
    return this.#failed.find(id) ?? this.#sampled.find(id)
  }

  /** Newest first. `failed`: only those, or only the others. */
  list(wanted: {
    readonly cluster?: string | undefined
    readonly failed?: boolean | undefined
    readonly limit: number
  }): readonly ExplainHead[] {
    const { cluster, failed, limit } = wanted
    const shelves = [...(failed === false ? [] : [this.#failed]), ...(failed === true ? [] : [this.#sampled])]
    const wantedHead = (head: ExplainHead): boolean => cluster === undefined || head.cluster === cluster
    return shelves
      .flatMap((shelf) => shelf.heads().filter(wantedHead).slice(-limit)) // they came in the order of their ends
      .toSorted((a, b) => b.at - a.at)
      .slice(0, limit)
  }
}

/** Ends a record's head. Inside of a JSON string the quotes would be escaped, so it cannot be part of a value. */
const TRIES = ',"tries":['

/** The tries are most of a record and its last key: what stands before them is parsed alone. */
function headOf(text: string): ExplainHead | undefined {
  const end = text.indexOf(TRIES)
  if (end === -1) return undefined
  try {
    const head = JSON.parse(`${text.slice(0, end)}}`) as ExplainHead
    return typeof head.id === 'string' && (head.kept === 'failed' || head.kept === 'sampled')
      ? head
      : undefined
  } catch {
    return undefined
  }
}
