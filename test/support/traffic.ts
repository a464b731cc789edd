import { ask } from './backend.ts'
import type { Scope } from './wire.ts'

/** Clients that ask one after the other for as long as the test wants. */
export type Traffic = {
  /** What they got so far: statuses, 0 for a connection that broke. */
  readonly statuses: readonly number[]
  /** Bodies of the answers. */
  readonly bodies: readonly string[]
  /** Resolves when no request is under way any more. */
  readonly stop: () => Promise<void>
}

/**
 * `clients` of them, each on a new connection for every request, `pauseMs` between two: without one they would take the cores from whatever
 * the test waits for. Ends with the scope.
 */
export function startTraffic(t: Scope, url: string, clients: number, pauseMs = 10): Traffic {
  const statuses: number[] = []
  const bodies: string[] = []
  let stopping = false
  const loops = Array.from({ length: clients }, async () => {
    while (!stopping) {
      try {
        const { status, body } = await ask(url)
        statuses.push(status)
        bodies.push(body)
      } catch {
        statuses.push(0)
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  })
  const stop = async (): Promise<void> => {
    stopping = true
    await Promise.all(loops)
  }
  t.after(stop)
  return { statuses, bodies, stop }
}
