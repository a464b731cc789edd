import type { Rng } from '../base/random.ts'
import type { AdaptiveSpec, Snapshot } from '../config/snapshot.ts'
import { GradientLimit } from '../limit/concurrency.ts'
import type { HealthVoice } from '../shm/other-voices.ts'

type Kept = { readonly spec: AdaptiveSpec; readonly gradient: GradientLimit }

/** The adaptive limits of those clusters that want one: computed from what all shards saw, published for all of them. */
export class AdaptiveLimits {
  readonly #voice: HealthVoice
  readonly #rng: Rng
  readonly #byCluster = new Map<number, Kept>()

  constructor(voice: HealthVoice, rng: Rng) {
    this.#voice = voice
    this.#rng = rng
  }

  apply({ clusters }: Snapshot, nowMs: number): void {
    const wanted = new Map(clusters.map(({ id, limits }) => [id, limits.adaptive]))
    for (const id of this.#byCluster.keys()) {
      if (wanted.get(id) !== undefined) continue
      this.#byCluster.delete(id)
      this.#voice.limit(id, Infinity)
    }
    for (const [id, spec] of wanted) {
      if (spec === undefined || same(this.#byCluster.get(id)?.spec, spec)) continue
      const gradient = new GradientLimit(spec, this.#rng, nowMs)
      this.#byCluster.set(id, { spec, gradient })
      this.#voice.limit(id, gradient.limit)
    }
  }

  /** Is there any? */
  get any(): boolean {
    return this.#byCluster.size > 0
  }

  sample(cluster: number, firstByteMs: number, startedMs: number): void {
    this.#byCluster.get(cluster)?.gradient.sample(firstByteMs, startedMs)
  }

  tick(nowMs: number): void {
    for (const [id, { gradient }] of this.#byCluster)
      if (gradient.tick(nowMs)) this.#voice.limit(id, gradient.limit)
  }
}

function same(a: AdaptiveSpec | undefined, b: AdaptiveSpec): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
