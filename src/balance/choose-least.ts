import type { Rng } from '../base/random.ts'
import { levelOf } from './load.ts'
import { MAX_CONSIDERED } from './view.ts'
import type { ClusterView, Considered } from './view.ts'

/**
 * The least of all scores; of several that are as good one at random by the places left: no index is favoured. Of a few, all scores are
 * noted, of many the one picked.
 */
export class ChooseLeast {
  /** One per endpoint, written by whoever scores them. */
  scores: Float64Array = new Float64Array(0)
  /** Mean weight over the weight of each: for `levelOf`. */
  perPlace: Float64Array = new Float64Array(0)
  /** All weights are the same: the level is what is in flight, and there is one place on it. */
  equal = true

  rebuild(view: ClusterView): void {
    this.scores = new Float64Array(view.size)
    this.perPlace = new Float64Array(view.size)
    this.reweigh(view)
  }

  reweigh({ weights, size }: ClusterView): void {
    let sum = 0
    this.equal = true
    for (let i = 0; i < size; i++) {
      sum += weights[i]!
      if (weights[i] !== weights[0]) this.equal = false
    }
    for (let i = 0; i < size; i++) this.perPlace[i] = sum / (weights[i]! * size)
  }

  /** Index of one whose score is at most `limit`, which the smallest of all must not exceed. */
  choose(view: ClusterView, limit: number, rng: Rng): number {
    const best = this.equal
      ? this.#nth(limit, rng.below(Math.max(this.#count(limit), 1)))
      : this.#byRoom(view, limit, rng)
    this.#note(best, view.considered)
    return best
  }

  #count(limit: number): number {
    const { scores } = this
    let count = 0
    for (let i = 0; i < scores.length; i++) count += scores[i]! <= limit ? 1 : 0
    return count
  }

  /** The one of those with so many before it; 0 if none of the scores is a number. */
  #nth(limit: number, before: number): number {
    const { scores } = this
    let left = before
    for (let i = 0; i < scores.length; i++) if (scores[i]! <= limit && left-- === 0) return i
    return 0
  }

  #byRoom(view: ClusterView, limit: number, rng: Rng): number {
    const { scores } = this
    let total = 0
    for (let i = 0; i < scores.length; i++) if (scores[i]! <= limit) total += this.#room(view, i)
    let left = rng.next() * total
    let last = 0
    for (let i = 0; i < scores.length; i++) {
      if (!(scores[i]! <= limit)) continue
      last = i
      left -= this.#room(view, i)
      if (left < 0) return i
    }
    return last
  }

  /** Places left on its level, > 0. */
  #room(view: ClusterView, index: number): number {
    if (this.equal) return 1
    const inFlight = view.inFlight[index]!
    const perPlace = this.perPlace[index]!
    return (levelOf(inFlight, perPlace) + 1) / perPlace - inFlight
  }

  #note(best: number, considered: Considered): void {
    const { scores } = this
    const looked = considered.looked + scores.length
    considered.note(best, scores[best]!)
    if (scores.length <= MAX_CONSIDERED) {
      for (let i = 0; i < scores.length; i++) if (i !== best) considered.note(i, scores[i]!)
    }
    considered.looked = looked
  }

  /** Probability of `index` in the choice that the scores are of. */
  chance(view: ClusterView, limit: number, index: number): number {
    const { scores } = this
    if (!(scores[index]! <= limit)) return 0
    let total = 0
    for (let i = 0; i < scores.length; i++) total += scores[i]! <= limit ? this.#room(view, i) : 0
    return this.#room(view, index) / total
  }
}
