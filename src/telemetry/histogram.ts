/**
 * Log-linear histograms (in the manner of HdrHistogram) over whole microseconds, kept in rows of Float64 so that counts never wrap
 * and rows of different shards add up. Below 16 µs buckets are exact; above, each octave is cut into 16, so a bucket is at most
 * 1/16 as wide as its lower bound, and a bucket's middle is within 1/32 of any value in it. Values beyond 2³² - 1 µs (71 minutes) count there.
 */
const SUB_BITS = 4
const SUB = 1 << SUB_BITS

export const HISTOGRAM_BUCKETS: number = (32 - SUB_BITS + 1) * SUB
/** Column behind the buckets: sum of the values in µs, fractions included. */
const SUM = HISTOGRAM_BUCKETS
/** Float64s of one histogram, a multiple of 8. */
export const HISTOGRAM_WIDTH: number = HISTOGRAM_BUCKETS + 8

const MAX_US = 4_294_967_295

/** Bucket of a value in µs; negative ones and NaN count as 0. */
export const bucketOf = (us: number): number => {
  const value = us >= MAX_US ? MAX_US : us > 0 ? us >>> 0 : 0
  if (value < SUB) return value
  const shift = 31 - SUB_BITS - Math.clz32(value)
  return (shift << SUB_BITS) + (value >>> shift)
}

/** Smallest whole value of a bucket, in µs. `lowerBound(HISTOGRAM_BUCKETS)` is 2³². */
export const lowerBound = (bucket: number): number => {
  if (bucket < SUB) return bucket
  const shift = (bucket >>> SUB_BITS) - 1
  return (SUB + (bucket & (SUB - 1))) * 2 ** shift
}

/** Count a value, in µs, in the histogram at `base`. */
export const observe = (row: Float64Array, base: number, us: number): void => {
  row[base + bucketOf(us)]!++
  row[base + SUM]! += us > 0 ? us : 0
}

/** Add the histogram at `from[fromBase]` to that at `into[intoBase]`. */
export const mergeHistogram = (
  into: Float64Array,
  intoBase: number,
  from: Float64Array,
  fromBase: number,
): void => {
  for (let i = 0; i < HISTOGRAM_WIDTH; i++) into[intoBase + i]! += from[fromBase + i]!
}

export const histogramCount = (row: Float64Array, base: number): number => {
  let count = 0
  for (let i = 0; i < HISTOGRAM_BUCKETS; i++) count += row[base + i]!
  return count
}

/** Sum of all values in µs. */
export const histogramSum = (row: Float64Array, base: number): number => row[base + SUM]!

/**
 * The q-quantile (0…1) in µs, by nearest rank; NaN of an empty histogram. Off by at most 1/32 of the true value (nothing below 16 µs),
 * taking values as whole µs.
 */
export const quantile = (row: Float64Array, base: number, q: number): number => {
  const count = histogramCount(row, base)
  if (count === 0) return Number.NaN
  const rank = Math.min(count, Math.max(1, Math.ceil(q * count)))
  let seen = 0
  let bucket = -1
  while (seen < rank) seen += row[base + ++bucket]!
  const low = lowerBound(bucket)
  return (low + lowerBound(bucket + 1) - 1) / 2
}

/** Octaves exposed to Prometheus: bounds of 2⁷…2²⁶ µs (128 µs…67 s), which are borders of buckets, so cumulative counts are exact. */
const FIRST_OCTAVE = 7
const LAST_OCTAVE = 26

/** Upper bounds (`le`) in seconds, ascending, without +Inf. */
export const EXPOSED_BOUNDS: readonly number[] = Array.from(
  { length: LAST_OCTAVE - FIRST_OCTAVE + 1 },
  (_, i) => 2 ** (FIRST_OCTAVE + i) / 1e6,
)

/** Cumulative counts at `EXPOSED_BOUNDS`; the last element is the count of all. */
export const cumulativeCounts = (row: Float64Array, base: number): number[] => {
  const counts: number[] = []
  let seen = 0
  let bucket = 0
  for (let octave = FIRST_OCTAVE; octave <= LAST_OCTAVE; octave++) {
    const end = bucketOf(2 ** octave)
    while (bucket < end) seen += row[base + bucket++]!
    counts.push(seen)
  }
  while (bucket < HISTOGRAM_BUCKETS) seen += row[base + bucket++]!
  counts.push(seen)
  return counts
}
