import type { Snapshot } from '../config/snapshot.ts'
import type { Host } from '../io/host.ts'
import type { Fleet } from '../shm/fleet.ts'
import { RingReader } from '../shm/ring.ts'
import { ExplainStore } from './explain-store.ts'

/**
 * Empties the shards' rings of decision records into the store: often while records come, ever more seldom while none do, and at once when
 * somebody asks. What does not fit a ring meanwhile its shard drops and counts; requests wait for nothing.
 */
const SOONEST_MS = 20
const LATEST_MS = 320
/** What came all the same; and those who ask are answered by what there is. */
const SELDOM_MS = 10_000
/** Records in a row before telemetry's other duties get their turn. */
const MOST_AT_ONCE = 512
/** Of each kind: what `explain.keep` alone would not bound. */
const MAX_CHARS = 1 << 25

export type ExplainCounts = {
  readonly taken: number
  readonly malformed: number
  readonly failed: number
  readonly sampled: number
  readonly chars: number
}

export class ExplainFeed {
  readonly store: ExplainStore = new ExplainStore({ keep: 0, maxChars: MAX_CHARS })
  readonly #watch: Host['watch']
  readonly #rings: readonly RingReader[]
  readonly #pace = new Float64Array([SOONEST_MS, SOONEST_MS, 0])
  #stop: (() => void) | undefined

  constructor({ fleet, watch }: { readonly fleet: Fleet; readonly watch: Host['watch'] }) {
    this.#watch = watch
    this.#rings = fleet.stripes
      .filter(({ explain }) => explain.capacity > 0)
      .map(({ explain }) => new RingReader(explain))
  }

  configure({ explain }: Snapshot): void {
    this.store.setBounds({ keep: explain.keep, maxChars: MAX_CHARS })
    const heads = this.#rings.map(({ head }) => head)
    this.#stop ??= this.#watch(this.#pace, heads, () => this.#look())
  }

  /** Take in all that has been written by now. */
  drain(): void {
    for (const ring of this.#rings) ring.drain(this.#take)
  }

  /** For metrics. */
  get counts(): ExplainCounts {
    const { taken, malformed, size } = this.store
    return { taken, malformed, ...size }
  }

  close(): void {
    this.#stop?.()
  }

  #look(): void {
    let visited = 0
    for (const ring of this.#rings) visited += ring.drain(this.#take, MOST_AT_ONCE)
    const delayMs = visited > 0 ? SOONEST_MS : Math.min(LATEST_MS, this.#pace[0]! * 2)
    this.#pace[0] = delayMs
    this.#pace[1] = delayMs < LATEST_MS ? delayMs : SELDOM_MS
  }

  readonly #take = (bytes: Uint8Array, start: number, end: number): void => {
    // A copy: the decoder takes no shared memory
    this.store.add(decoder.decode(bytes.slice(start, end)))
  }
}

const decoder = new TextDecoder()
