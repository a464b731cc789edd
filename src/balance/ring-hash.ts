import { mix32 } from '../base/random.ts'
import type { Rng } from '../base/random.ts'
import { identitiesOf, keyOrAny } from './identity.ts'
import type { OptionsOf } from './options.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import { changePoints } from './ring-points.ts'
import type { RingFleet } from './ring-points.ts'
import type { ClusterView } from './view.ts'

const TWO_32 = 4_294_967_296
/** 2^2 points to a bucket, more or less: fewer buckets stay in the cache, more points make the search longer. */
const BUCKET_BITS = 2

/**
 * Consistent hashing (ketama): every endpoint has points on a ring in proportion to its weight, a key belongs to the next point. When an
 * endpoint goes, exactly its keys move; when one comes, only to it.
 *
 * That holds as long as the points of the others stay, so their number must not depend on who else is there, as it would if the ring had
 * a fixed size: an endpoint has `weight × scale` points (one at least), and the scale follows the mean weight in steps of 2^(1/4). Equal
 * weights, the common case, never meet a step; where weights differ, crossing one moves at most 1 - 2^(-1/4) = 16 % of the keys.
 * The mean endpoint gets `minSize / 2` points (to the step), so that two of them fill a ring of `minSize`; where that would be more than
 * `maxSize` in all, fewer. With v points a share is off by 1/√v (one standard deviation): 4 % with the defaults.
 */
export class RingHash implements Policy {
  readonly followsKey = true
  readonly reads = 'noted'
  readonly #minSize: number
  readonly #maxSize: number
  #fleet: RingFleet = { identities: new Uint32Array(0), counts: new Int32Array(0) }
  /** The points, ascending, and whose they are. */
  #points: Uint32Array = new Uint32Array(0)
  #owners: Int32Array = new Int32Array(0)
  /** By the leading bits of a key: the first point that is not below them. A bucket has about four, so the search is short. */
  #first: Int32Array = new Int32Array(0)
  #shift = 31

  constructor({ minSize, maxSize }: Pick<OptionsOf<'ring-hash'>, 'minSize' | 'maxSize'>) {
    this.#minSize = minSize
    this.#maxSize = Math.max(minSize, maxSize)
  }

  rebuild(view: ClusterView): void {
    const fleet = { identities: identitiesOf(view), counts: this.#pointsOf(view) }
    const before = { hashes: this.#points, owners: this.#owners }
    const { hashes, owners } = changePoints(before, this.#fleet, fleet)
    this.#fleet = fleet
    this.#points = hashes
    this.#owners = owners
    this.#index()
  }

  #pointsOf({ size, baseWeights }: ClusterView): Int32Array {
    let sum = 0
    for (let i = 0; i < size; i++) sum += baseWeights[i]!
    const wanted = step(Math.ceil, (this.#minSize / 2) * (size / sum))
    const scale = Math.min(wanted, step(Math.floor, this.#maxSize / sum))
    return Int32Array.from(baseWeights, (weight) => Math.max(1, Math.round(weight * scale)))
  }

  #index(): void {
    const points = this.#points
    const size = points.length
    const shift = Math.min(31, Math.clz32(Math.max(1, size - 1)) + BUCKET_BITS)
    const first = new Int32Array((2 ** 31) >>> (shift - 1))
    let bucket = 0
    for (let at = 0; at < size; at++) {
      const last = points[at]! >>> shift
      while (bucket <= last) first[bucket++] = at
    }
    this.#first = first.fill(size, bucket)
    this.#shift = shift
  }

  pick(view: ClusterView, key: number, rng: Rng): number {
    if (view.size === 0) return NO_PICK
    const place = mix32(keyOrAny(key, rng)) >>> 0
    const at = this.#find(place)
    const index = this.#owners[at]!
    const distance = this.#points[at]! - place
    view.considered.note(index, distance < 0 ? distance + TWO_32 : distance)
    return index
  }

  /** The first point not below `place`; beyond the last, the first of all. */
  #find(place: number): number {
    const points = this.#points
    let at = this.#first[place >>> this.#shift]!
    while (at < points.length && points[at]! < place) at++
    return at === points.length ? 0 : at
  }

  /** Of a key: certain. Of no key: its share of the ring. */
  propensity(_view: ClusterView, key: number, index: number): number {
    const points = this.#points
    if (key !== 0) return this.#owners[this.#find(mix32(key) >>> 0)] === index ? 1 : 0
    let share = 0
    for (let at = 0; at < points.length; at++) {
      if (this.#owners[at] !== index) continue
      share += at === 0 ? points[0]! + TWO_32 - points[points.length - 1]! : points[at]! - points[at - 1]!
    }
    return share / TWO_32
  }
}

/** To a power of 2^(1/4). What is one but for rounding errors is taken as it is. */
const step = (round: (x: number) => number, x: number): number => {
  const exponent = Math.log2(x) * 4
  const nearest = Math.round(exponent)
  return 2 ** ((Math.abs(exponent - nearest) < 1e-9 ? nearest : round(exponent)) / 4)
}
