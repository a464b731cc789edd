import type { Rng } from '../base/random.ts'

/** How one endpoint of a simulated fleet behaves. It may be changed while the simulation runs. */
export type EndpointModel = {
  /** Mean of an exponentially distributed time of work per request, ms. */
  serviceMs: number
  /** Requests worked on at once; the others queue, first in, first out. */
  readonly workers: number
  /** Share of the requests that fail, 0…1, after `failMs`, without work. */
  failing: number
  failMs: number
}

export const endpointModel = (more: Partial<EndpointModel> = {}): EndpointModel => ({
  serviceMs: 10,
  workers: 10,
  failing: 0,
  failMs: 1,
  ...more,
})

/** Queues of a fleet: when each of an endpoint's workers is free again says when a request that comes now will be done. */
export class FleetModel {
  readonly endpoints: readonly EndpointModel[]
  /** Set by `arrive`: whether that request fails. */
  failed = false
  readonly #free: readonly Float64Array[]
  readonly #rng: Rng

  constructor(endpoints: readonly EndpointModel[], rng: Rng) {
    this.endpoints = endpoints
    this.#free = endpoints.map(({ workers }) => new Float64Array(workers))
    this.#rng = rng
  }

  /** A request comes to an endpoint at `nowMs`: when it will be answered. */
  arrive(index: number, nowMs: number): number {
    const { serviceMs, failing, failMs } = this.endpoints[index]!
    this.failed = failing > 0 && this.#rng.next() < failing
    if (this.failed) return nowMs + failMs
    const free = this.#free[index]!
    let worker = 0
    for (let i = 1; i < free.length; i++) if (free[i]! < free[worker]!) worker = i
    const startMs = Math.max(nowMs, free[worker]!)
    const doneMs = startMs - Math.log(1 - this.#rng.next()) * serviceMs
    free[worker] = doneMs
    return doneMs
  }
}
