import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Account } from './ledger.ts'

const UPGRADE =
  'GET /tunnel HTTP/1.1\r\nhost: storm.example\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'
const DEADLINE_MS = 20_000

/** A WebSocket's connection through the proxy to an echo: what is said comes back, byte for byte and once, for as long as the tunnel lives. */
export class StormTunnel {
  readonly #account: Account
  #socket: Socket | undefined
  #received: Buffer = Buffer.alloc(0)
  #arrived: (whole: boolean) => void = () => {}

  constructor(account: Account) {
    this.#account = account
  }

  get open(): boolean {
    return this.#socket !== undefined
  }

  async connect(address: string): Promise<boolean> {
    const at = address.lastIndexOf(':')
    const socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)) })
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => this.#take(bytes))
    socket.on('error', () => {})
    socket.on('close', () => this.#gone())
    this.#socket = socket
    this.#received = Buffer.alloc(0)
    socket.write(UPGRADE)
    const whole = await this.#receive(() => {
      const end = this.#received.indexOf('\r\n\r\n')
      return end < 0 ? Infinity : end + 4
    })
    const head = this.#received.toString('latin1')
    this.#received = Buffer.alloc(0)
    if (!whole || !head.startsWith('HTTP/1.1 101 ')) {
      this.#account.dials.refused++
      this.#account.note('refused', JSON.stringify(head.slice(0, 120)))
      this.close()
      return false
    }
    this.#account.dials.connected++
    return true
  }

  /** Say something and wait for it to come back. Counts as a request. */
  async say(text: string): Promise<void> {
    if (this.#socket === undefined) return
    const beganMs = performance.now()
    this.#account.sent++
    this.#received = Buffer.alloc(0)
    this.#socket.write(text)
    const whole = await this.#receive(() => text.length)
    const ms = performance.now() - beganMs
    const echo = this.#received.toString('latin1')
    if (echo === text) return this.#account.end('answered', ms, '')
    const got = `${echo.length} of ${text.length} bytes after ${ms.toFixed(0)} ms`
    if (whole || !text.startsWith(echo)) this.#account.end('wrong', ms, `${got}: ${echo.slice(0, 80)}`)
    else if (this.#socket === undefined) this.#account.end(echo === '' ? 'dropped' : 'cut', ms, got)
    else this.#account.end('late', ms, got)
    this.close()
  }

  close(): void {
    const socket = this.#socket
    if (socket === undefined) return
    this.#socket = undefined
    this.#account.endings.ours++
    socket.destroy()
  }

  /** True when as many bytes are there as wanted. */
  #receive(wanted: () => number): Promise<boolean> {
    return new Promise((resolve) => {
      const late = setTimeout(() => this.#arrived(false), DEADLINE_MS)
      this.#arrived = (whole) => {
        if (whole && this.#received.length < wanted()) return
        clearTimeout(late)
        this.#arrived = () => {}
        resolve(whole)
      }
    })
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes])
    this.#arrived(true)
  }

  #gone(): void {
    if (this.#socket === undefined) return
    this.#socket = undefined
    this.#account.endings.lost++
    this.#account.note('lost', 'tunnel')
    this.#arrived(false)
  }
}
