import { once } from 'node:events'
import { createConnection } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What the clients of one drain saw. */
export type Seen = {
  /** When each connection ended, ms since the drain began, in order. */
  readonly endsMs: readonly number[]
  /** Connections that were reset. */
  readonly resets: number
  /** Requests that got no answer. */
  readonly lost: number
  readonly answered: number
}

const REQUEST = 'GET / HTTP/1.1\r\nhost: bench.test\r\n\r\n'

/** A keep-alive connection that asks again and again with a pause between, or once and then is idle. */
class Client {
  readonly #socket: Socket
  readonly #pauseMs: number
  #pending = false
  #told = false
  #timer: NodeJS.Timeout | undefined
  answered = 0
  lost = 0
  reset = false
  endedAtMs = 0

  constructor(port: number, pauseMs: number) {
    this.#pauseMs = pauseMs
    this.#socket = createConnection({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk: Buffer) => this.#heard(chunk))
    this.#socket.on('error', () => {
      this.reset = true
    })
    this.#socket.once('end', () => this.#ended())
    this.#socket.once('close', () => this.#ended())
  }

  async open(): Promise<void> {
    await once(this.#socket, 'connect')
    this.#ask()
  }

  destroy(): void {
    clearTimeout(this.#timer)
    this.#socket.destroy()
  }

  #ask(): void {
    if (this.endedAtMs !== 0) return
    this.#pending = true
    this.#socket.write(REQUEST)
  }

  /** The backend's answers are small: each comes in one piece. */
  #heard(chunk: Buffer): void {
    this.#pending = false
    this.answered++
    this.#told = /\r\nconnection: close\r\n/i.test(chunk.toString('latin1'))
    if (!this.#told && this.#pauseMs > 0) this.#timer = setTimeout(() => this.#ask(), this.#pauseMs)
  }

  #ended(): void {
    if (this.endedAtMs !== 0) return
    this.endedAtMs = performance.now()
    clearTimeout(this.#timer)
    if (this.#pending) this.lost++
    this.#socket.end()
  }
}

const AT_ONCE = 200

/** Keep-alive clients in one process: some idle, some that ask with pauses of 20 ms … 2 s. */
export class Clients {
  readonly #clients: Client[] = []

  async open(port: number, idle: number, asking: number): Promise<void> {
    const pauses = [
      ...Array.from({ length: idle }, () => 0),
      ...Array.from({ length: asking }, (_, i) => 20 * 100 ** (i / Math.max(1, asking - 1))),
    ]
    for (let i = 0; i < pauses.length; i += AT_ONCE) {
      const batch = pauses.slice(i, i + AT_ONCE).map((pauseMs) => new Client(port, pauseMs))
      await Promise.all(batch.map((client) => client.open()))
      this.#clients.push(...batch)
    }
    while (this.#clients.some(({ answered }) => answered === 0)) await sleep(20)
  }

  /** Let them be until all have ended, or it takes too long. */
  async watch(startMs: number, withinMs: number): Promise<Seen> {
    while (this.#clients.some(({ endedAtMs }) => endedAtMs === 0) && performance.now() < startMs + withinMs) {
      await sleep(50)
    }
    const seen: Seen = {
      endsMs: this.#clients
        .filter(({ endedAtMs }) => endedAtMs > 0)
        .map(({ endedAtMs }) => endedAtMs - startMs)
        .toSorted((a, b) => a - b),
      resets: this.#clients.filter(({ reset }) => reset).length,
      lost: this.#clients.reduce((sum, { lost }) => sum + lost, 0),
      answered: this.#clients.reduce((sum, { answered }) => sum + answered, 0),
    }
    for (const client of this.#clients) client.destroy()
    return seen
  }
}
