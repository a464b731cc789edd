/** How evenly something lies on the shards. */
export type CoreImbalance = {
  readonly max: number
  readonly mean: number
  /** max / mean: 1 is even, the number of shards is all on one. Of nothing at all: 1. */
  readonly index: number
}

/** `values`: one per shard in service, none negative. */
export const imbalanceOf = (values: readonly number[]): CoreImbalance => {
  const max = Math.max(0, ...values)
  const mean = values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
  return { max, mean, index: mean > 0 ? max / mean : 1 }
}

/** From here on somebody waits for a shard now and then. */
const BUSY = 0.5
/** And from here on it does not only look so. */
const UNEVEN = 1.2

/**
 * The shard that holds the others up, as an index into `busy` (shares of the time, 0…1), although they have time on the average; -1: none does.
 */
export const bottleneckOf = (busy: readonly number[]): number => {
  const { max, index } = imbalanceOf(busy)
  return max >= BUSY && index >= UNEVEN ? busy.indexOf(max) : -1
}
