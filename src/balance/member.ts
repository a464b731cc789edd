/** An endpoint of a cluster, as whoever knows its configuration, its health and its operator describes it to the balancer. */
export type Member = {
  /** Its place in the fleet memory, the same as long as it is this endpoint of this cluster. */
  readonly slot: number
  readonly address: string
  /** `endpointHash(address)`. */
  readonly hash: number
  /** As configured or patched, 0…10⁶. */
  readonly weight: number
  /** Share of its weight that it is due now, > 0 … 1. */
  readonly warmth: number
  /** 0 is the first choice; higher numbers are backups. */
  readonly priority: number
  readonly zone: string
  readonly labels: Readonly<Record<string, string>>
  /** Nothing speaks against it: it may be picked. */
  readonly healthy: boolean
  /** It may be picked in a panic at least: an operator has not taken it out, and it has a weight. */
  readonly usable: boolean
  /** It is not healthy because nobody is there: not even a panic sends anybody to it, as long as others are left. */
  readonly absent?: boolean
  /** Why it may not be picked; '' if it may. */
  readonly why: string
  /** Since when it may be picked (again). */
  readonly readySinceMs: number
}
