import { Agent, request } from 'undici'
import type { Scope } from './wire.ts'

export type Load = {
  readonly done: () => number
  /** What was not a 200 with the right body, in words. */
  readonly failures: readonly string[]
  readonly stop: () => Promise<void>
}

/** Requests in a loop on `clients` kept connections until told to stop; a body that does not begin with `ok` is a failure, too. */
export function startLoad(
  t: Scope,
  url: () => string,
  clients: number,
  refusedIsFine: () => boolean = () => false,
): Load {
  const agent = new Agent({ connections: clients, pipelining: 1 })
  t.after(() => agent.destroy())
  const failures: string[] = []
  let done = 0
  let running = true
  const one = async (): Promise<void> => {
    while (running) {
      try {
        const { statusCode, body } = await request(url(), { dispatcher: agent })
        const text = await body.text()
        if (statusCode !== 200 || !text.startsWith('ok')) failures.push(`${statusCode} ${text}`)
        done++
      } catch (error) {
        if (refusedIsFine()) return
        failures.push(String((error as Error & { code?: string }).code ?? error))
      }
    }
  }
  const loops = Promise.all(Array.from({ length: clients }, one))
  const stop = async (): Promise<void> => {
    running = false
    await loops
  }
  return { done: () => done, failures, stop }
}

export type Callers = {
  readonly answered: () => number
  /** Codes of errors, by how often. */
  readonly errors: ReadonlyMap<string, number>
  /** Longest time an answer took, ms. */
  readonly longestMs: () => number
  readonly stop: () => Promise<void>
}

/** Without it they would take the cores from whatever the test waits for. */
const CALL_PAUSE_MS = 5

/** `callers` of them ask in a loop, each time on a new connection. */
export function startCallers(t: Scope, url: string, callers: number): Callers {
  const errors = new Map<string, number>()
  let answered = 0
  let longestMs = 0
  let running = true
  const one = async (): Promise<void> => {
    while (running) {
      const agent = new Agent({ connections: 1, pipelining: 0 })
      const sinceMs = performance.now()
      try {
        const { statusCode, body } = await request(url, {
          dispatcher: agent,
          headers: { connection: 'close' },
        })
        await body.text()
        if (statusCode === 200) answered++
        else errors.set(String(statusCode), (errors.get(String(statusCode)) ?? 0) + 1)
        longestMs = Math.max(longestMs, performance.now() - sinceMs)
      } catch (error) {
        const code = String((error as Error & { code?: string }).code ?? error)
        errors.set(code, (errors.get(code) ?? 0) + 1)
      }
      await agent.destroy()
      await new Promise((resolve) => setTimeout(resolve, CALL_PAUSE_MS))
    }
  }
  const loops = Promise.all(Array.from({ length: callers }, one))
  const stop = async (): Promise<void> => {
    running = false
    await loops
  }
  t.after(stop)
  return { answered: () => answered, errors, longestMs: () => longestMs, stop }
}
