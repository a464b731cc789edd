import { Agent, request } from 'node:http'
import { serve } from './lines.ts'

const [port = 0, rate = 0] = process.argv.slice(2).map(Number)
const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const TIMEOUT_MS = 10_000

/** One request; when its answer is whole. */
function once(): Promise<boolean> {
  return new Promise((resolve) => {
    const outgoing = request(
      { host: '127.0.0.1', port, path: '/small', agent, timeout: TIMEOUT_MS },
      (response) => {
        response.resume()
        response.once('end', () => resolve(response.statusCode === 200))
        response.once('error', () => resolve(false))
      },
    )
    outgoing.once('timeout', () => outgoing.destroy())
    outgoing.once('error', () => resolve(false))
    outgoing.end()
  })
}

/** At a steady rate, whatever the answers do; latencies from when each request was due. */
async function measure(ms: number): Promise<unknown> {
  const took: number[] = []
  const pending: Promise<void>[] = []
  let failed = 0
  const startMs = performance.now()
  const total = Math.round((ms / 1000) * rate)
  await new Promise<void>((resolve) => {
    let sent = 0
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - startMs) / 1000) * rate))
      for (; sent < due; sent++) {
        const dueMs = startMs + (sent / rate) * 1000
        pending.push(
          once().then((good) => {
            if (good) took.push(performance.now() - dueMs)
            else failed++
          }),
        )
      }
      if (sent < total) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
  await Promise.all(pending)
  const sorted = took.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { count: total, failed, p50: at(0.5), p99: at(0.99), max: at(1) }
}

serve((_order, argument) => measure(Number(argument)))
