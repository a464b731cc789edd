import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { BACKENDS, COLD_FACTOR, COLD_REQUESTS, SERVICE_MS, SLOW_MS, WORKERS } from './phases.ts'
import type { Mode } from './phases.ts'

/**
 * The fleet, a process of its own: each backend works on `WORKERS` requests at once and queues the others, as an application server
 * does. It prints `ports …`, then obeys lines `<backend> <mode>`, and answers `counts` with what each has served.
 */
class Backend {
  mode: Mode = 'well'
  served = 0
  port = 0
  #warmth = COLD_REQUESTS
  #busy = 0
  readonly #queue: ServerResponse[] = []
  #server: Server | undefined

  async listen(): Promise<void> {
    const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
      if (request.url === '/health') response.end('ok')
      else this.#take(response)
    })
    this.#server = server
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', 4096, resolve))
    this.port = (server.address() as AddressInfo).port
  }

  async turn(mode: Mode): Promise<void> {
    const wasUp = this.mode !== 'refusing'
    this.mode = mode
    if (mode === 'cold') this.#warmth = 0
    if (mode === 'refusing' && wasUp) {
      this.#server?.close()
      this.#server?.closeAllConnections()
      this.#queue.length = 0
    } else if (mode !== 'refusing' && !wasUp) await this.listen()
  }

  #take(response: ServerResponse): void {
    this.served++
    if (this.mode === 'failing') {
      response.writeHead(503).end('no')
      return
    }
    this.#queue.push(response)
    this.#work()
  }

  #work(): void {
    while (this.#busy < WORKERS) {
      const response = this.#queue.shift()
      if (response === undefined) return
      if (response.destroyed) continue
      this.#busy++
      setTimeout(() => {
        this.#busy--
        response.end('done\n')
        this.#work()
      }, this.#serviceMs())
    }
  }

  #serviceMs(): number {
    if (this.mode === 'slow') return SLOW_MS
    if (this.mode !== 'cold') return SERVICE_MS
    const cold = Math.max(0, 1 - this.#warmth++ / COLD_REQUESTS)
    return SERVICE_MS * (1 + cold * (COLD_FACTOR - 1))
  }
}

const backends = Array.from({ length: BACKENDS }, () => new Backend())
for (const backend of backends) await backend.listen()
process.stdout.write(`ports ${backends.map(({ port }) => port).join(' ')}\n`)
for await (const line of createInterface({ input: process.stdin })) {
  const [which, mode] = line.split(' ')
  if (which === 'counts') process.stdout.write(`counts ${backends.map(({ served }) => served).join(' ')}\n`)
  else {
    await backends[Number(which)]?.turn(mode as Mode)
    process.stdout.write('done\n')
  }
}
process.exit()
