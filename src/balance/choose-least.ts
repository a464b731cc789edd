import type { Rng } from '../base/random.ts'
import { MAX_CONSIDERED } from './view.ts'
import type { ClusterView, Considered } from './view.ts'

/**
 * Weights where all are compared: an endpoint has places, as many as its weight is of the mean, and when they are taken as many again on the next level. What
 * counts as load is the level, what decides between equals the places left on it. So shares follow weights without load, and with
 * all weights alike this is just the number under way. (Comparing load per weight, an idle light endpoint would come before a heavy one with a single
 * request; comparing the load after, it would get none.)
 */
export const levelOf = (inFlight: number, places: number): number => Math.floor(inFlight / places + ROUNDING)

/** Places of each endpoint: its weight over the mean. */
export const writePlaces = ({ weights, size }: ClusterView, places: Float64Array): void => {
  let sum = 0
  for (let i = 0; i < size; i++) sum += weights[i]!
  for (let i = 0; i < size; i++) places[i] = (weights[i]! * size) / sum
}

/** Errors of rounding must not open a place on a level that is full. */
const ROUNDING = 1e-9

/** The least of all scores; of several that are as good one at random by `room`: no index is favoured. Of a few, all scores are noted, of many the one picked. */
export class ChooseLeast {
  /** One per endpoint, written by whoever scores them. */
  scores: Float64Array = new Float64Array(0)
  /** Places left, > 0; with them. */
  room: Float64Array = new Float64Array(0)

  /** Membership changed. */
  resize(size: number): void {
    this.scores = new Float64Array(size)
    this.room = new Float64Array(size)
  }

  /** Index of one whose score is at most `limit`, which the smallest of all must not exceed. */
  choose(limit: number, considered: Considered, rng: Rng): number {
    const { scores, room } = this
    let alike = 0
    let only = 0
    let total = 0
    for (let i = 0; i < scores.length; i++) {
      const score = scores[i]!
      if (!(score <= limit)) continue
      alike++
      only = i
      total += room[i]!
    }
    const best = alike === 1 ? only : this.#oneOf(limit, rng.next() * total)
    this.#note(best, considered)
    return best
  }

  #oneOf(limit: number, point: number): number {
    const { scores, room } = this
    let left = point
    let last = 0
    for (let i = 0; i < scores.length; i++) {
      const score = scores[i]!
      if (!(score <= limit)) continue
      last = i
      left -= room[i]!
      if (left < 0) return i
    }
    return last
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
  chance(limit: number, index: number): number {
    const { scores, room } = this
    const own = scores[index]!
    if (!(own <= limit)) return 0
    let total = 0
    for (let i = 0; i < scores.length; i++) total += scores[i]! <= limit ? room[i]! : 0
    return room[index]! / total
  }
}
