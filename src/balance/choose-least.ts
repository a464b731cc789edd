import type { Rng } from '../base/random.ts'
import { MAX_CONSIDERED } from './view.ts'
import type { Considered } from './view.ts'

/**
 * The least of all scores; of several equal ones by weight: without bias toward a low index, and an idle fleet is used as its weights say. Of a few, all
 * scores are noted, of many those that are equally good.
 */
export class ChooseLeast {
  /** One per endpoint, written by whoever scores them. */
  scores: Float64Array = new Float64Array(0)
  /** For ties, > 0. */
  weights: Float64Array = new Float64Array(0)

  /** For so many endpoints as there are weights. */
  resize(weights: Float64Array): void {
    this.weights = weights
    if (this.scores.length !== weights.length) this.scores = new Float64Array(weights.length)
  }

  /** Index of one whose score is `least`, the smallest of all. */
  choose(least: number, considered: Considered, rng: Rng): number {
    const { scores, weights } = this
    let alike = 0
    let only = 0
    let total = 0
    for (let i = 0; i < scores.length; i++) {
      if (scores[i]! !== least) continue
      alike++
      only = i
      total += weights[i]!
    }
    const best = alike === 1 ? only : this.#oneOf(least, rng.next() * total)
    this.#note(best, least, considered)
    return best
  }

  #oneOf(least: number, point: number): number {
    const { scores, weights } = this
    let left = point
    let last = 0
    for (let i = 0; i < scores.length; i++) {
      if (scores[i]! !== least) continue
      last = i
      left -= weights[i]!
      if (left < 0) return i
    }
    return last
  }

  #note(best: number, least: number, considered: Considered): void {
    const { scores } = this
    const looked = considered.looked + scores.length
    considered.note(best, least)
    if (scores.length <= MAX_CONSIDERED) {
      for (let i = 0; i < scores.length; i++) if (i !== best) considered.note(i, scores[i]!)
    }
    considered.looked = looked
  }

  /** Probability of `index` in the choice that the scores are of. */
  chance(least: number, index: number): number {
    const { scores, weights } = this
    if (scores[index]! !== least) return 0
    let total = 0
    for (let i = 0; i < scores.length; i++) if (scores[i]! === least) total += weights[i]!
    return weights[index]! / total
  }
}
