import { once } from 'node:events'
import { createConnection } from 'node:net'
import type { Socket } from 'node:net'

const REQUEST = 'GET /small HTTP/1.1\r\nhost: bench.test\r\n\r\n'
/** What the backend answers ends with this many bytes behind the head. */
const BODY_BYTES = 128

/** A keep-alive connection that asks at a rate, one request at a time; what falls due meanwhile is asked as soon as it may. */
export class Heavy {
  readonly #socket: Socket
  #answer: Buffer = Buffer.alloc(0)
  #pending = false
  #askedFor: (() => void) | undefined
  #latencies: number[] = []
  /** When the next request is due, ms; Infinity: at rest. */
  #dueMs = Infinity
  #everyMs = 0
  #sentForMs = 0
  broken = false

  constructor(port: number) {
    this.#socket = createConnection({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk: Buffer) => this.#heard(chunk))
    this.#socket.on('error', () => {
      this.broken = true
    })
    this.#socket.on('end', () => {
      this.broken = true
    })
  }

  async open(): Promise<void> {
    await once(this.#socket, 'connect')
    this.#dueMs = performance.now()
    this.#ask()
    this.#dueMs = Infinity
    await new Promise<void>((resolve) => {
      this.#askedFor = resolve
    })
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0
  }

  begin(perSecond: number): void {
    this.#everyMs = 1000 / perSecond
    this.#dueMs = performance.now() + Math.random() * this.#everyMs
  }

  /** Send what is due. */
  tick(nowMs: number): void {
    if (!this.#pending && nowMs >= this.#dueMs) this.#ask()
  }

  /** Latencies since the last call, ms, counted from when each request was due. */
  take(): readonly number[] {
    const taken = this.#latencies
    this.#latencies = []
    return taken
  }

  close(): void {
    this.#socket.destroy()
  }

  #ask(): void {
    this.#pending = true
    this.#sentForMs = this.#dueMs
    this.#dueMs += this.#everyMs
    this.#socket.write(REQUEST)
  }

  #heard(chunk: Buffer): void {
    this.#answer = this.#answer.length === 0 ? chunk : Buffer.concat([this.#answer, chunk])
    const end = this.#answer.indexOf('\r\n\r\n')
    if (end < 0 || this.#answer.length < end + 4 + BODY_BYTES) return
    this.#answer = Buffer.alloc(0)
    this.#pending = false
    const nowMs = performance.now()
    this.#latencies.push(nowMs - this.#sentForMs)
    this.#askedFor?.()
    this.#askedFor = undefined
    this.tick(nowMs)
  }
}
