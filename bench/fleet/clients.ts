import { Agent, get } from 'node:http'

/** What clients saw of one phase. Latencies in ms, sorted. */
export type Seen = { readonly latenciesMs: Float64Array; readonly errors: number; readonly late: number }

/** A client that waits longer has left. */
const PATIENCE_MS = 3000

/**
 * Open loop: requests begin at a fixed rate whatever becomes of those before, as real clients' do, so that a slow answer cannot
 * slow the questions down. Latency counts from when a request was due.
 */
export class Clients {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4096, scheduling: 'lifo' })
  readonly #url: string
  readonly #perSecond: number

  constructor(port: number, perSecond: number) {
    this.#url = `http://127.0.0.1:${port}/work`
    this.#perSecond = perSecond
  }

  async run(seconds: number): Promise<Seen> {
    const total = Math.round(seconds * this.#perSecond)
    const latencies: number[] = []
    let errors = 0
    let begun = 0
    let late = 0
    const startMs = performance.now()
    const under = new Set<Promise<void>>()
    while (begun < total) {
      const due = Math.min(total, Math.floor(((performance.now() - startMs) / 1000) * this.#perSecond))
      for (; begun < due; begun++) {
        const dueMs = startMs + (begun / this.#perSecond) * 1000
        if (performance.now() - dueMs > 50) late++
        const one = this.#ask().then((ok) => {
          latencies.push(performance.now() - dueMs)
          if (!ok) errors++
          under.delete(one)
        })
        under.add(one)
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await Promise.all(under)
    return { latenciesMs: Float64Array.from(latencies).sort(), errors, late }
  }

  close(): void {
    this.#agent.destroy()
  }

  #ask(): Promise<boolean> {
    return new Promise((resolve) => {
      const request = get(this.#url, { agent: this.#agent, timeout: PATIENCE_MS }, (response) => {
        response.resume()
        response.once('end', () => resolve(response.statusCode === 200))
        response.once('error', () => resolve(false))
      })
      request.once('timeout', () => request.destroy(new Error('too late')))
      request.once('error', () => resolve(false))
    })
  }
}

export const quantileOf = (sorted: Float64Array, q: number): number =>
  sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
