import type { RetrySpec } from '../config/snapshot.ts'
import type { Fleet } from '../shm/fleet.ts'
import { RETRY_WINDOW, RETRY_WORDS } from '../shm/layout.ts'

/** Retries and hedges of a cluster over all shards in the window, and how many are allowed in all. A moment's picture. */
export function retryBudget(
  fleet: Fleet,
  cluster: number,
  { budget }: RetrySpec,
  nowMs: number,
): { readonly used: number; readonly allowed: number } {
  const { slots, words, second, requests, retries } = RETRY_WINDOW
  const now = Math.floor(nowMs / 1000)
  let [asked, used] = [0, 0]
  for (const stripe of fleet.stripes) {
    for (let slot = 0; slot < slots; slot++) {
      const at = cluster * RETRY_WORDS + slot * words
      const counted = Atomics.load(stripe.retries, at + second)
      if (counted === 0 || counted > now || counted <= now - slots) continue
      asked += Atomics.load(stripe.retries, at + requests)
      used += Atomics.load(stripe.retries, at + retries)
    }
  }
  return { used, allowed: budget.ratio * asked + budget.perSecond * slots }
}
