import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Account, Outcome } from './ledger.ts'
import { Reply } from './reply.ts'
import type { Verdict } from './reply.ts'
import { requestOf } from './wish.ts'
import type { Wish } from './wish.ts'

/** Longer than anything a storm does takes, on the slowest machine. */
export const DEADLINE_MS = 20_000

type Pending = {
  readonly wish: Wish
  readonly reply: Reply
  readonly sentMs: number
  readonly resolve: (outcome: Outcome) => void
  readonly late: NodeJS.Timeout
  bytes: number
}

/** One client with one connection at a time, and a book in which every request and every connection ends once. */
export class StormClient {
  readonly #address: string
  readonly #account: Account
  #socket: Socket | undefined
  #pending: Pending | undefined
  #connectedMs = 0

  constructor(address: string, account: Account) {
    this.#address = address
    this.#account = account
  }

  get connected(): boolean {
    return this.#socket !== undefined
  }

  get busy(): boolean {
    return this.#pending !== undefined
  }

  /** True when it is connected. Never rejects: the book says why not. */
  connect(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const at = this.#address.lastIndexOf(':')
    const socket = connect({ host: this.#address.slice(0, at), port: Number(this.#address.slice(at + 1)) })
    const beganMs = performance.now()
    socket.setNoDelay(true)
    const late = setTimeout(() => {
      socket.destroy()
      this.#refuse('overdue', '')
      resolve(false)
    }, DEADLINE_MS)
    const failed = (error: NodeJS.ErrnoException): void => {
      clearTimeout(late)
      this.#refuse('refused', error.code ?? error.message)
      resolve(false)
    }
    socket.once('error', failed)
    socket.once('connect', () => {
      clearTimeout(late)
      socket.off('error', failed)
      this.#begin(socket, beganMs)
      resolve(true)
    })
    return promise
  }

  #refuse(dial: 'refused' | 'overdue', detail: string): void {
    this.#account.dials[dial]++
    this.#account.note(dial, detail)
  }

  #begin(socket: Socket, beganMs: number): void {
    this.#socket = socket
    this.#connectedMs = performance.now()
    this.#account.dials.connected++
    this.#account.connecting.add(this.#connectedMs - beganMs)
    let why = ''
    socket.on('data', (bytes: Buffer) => this.#take(bytes))
    socket.on('end', () => this.#gone(socket, 'FIN'))
    socket.on('error', (error: NodeJS.ErrnoException) => (why = error.code ?? error.message))
    socket.on('close', () => this.#gone(socket, why === '' ? 'closed' : why))
  }

  /** Send one and wait for its end. Only while connected and nothing is under way. */
  ask(wish: Wish): Promise<Outcome> {
    const socket = this.#socket
    if (socket === undefined || this.#pending !== undefined) throw new Error('not now')
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    const late = setTimeout(() => this.#finish('late', this.#about()), DEADLINE_MS)
    this.#pending = { wish, reply: new Reply(wish), sentMs: performance.now(), resolve, late, bytes: 0 }
    this.#account.sent++
    socket.write(requestOf(wish))
    return promise
  }

  /** From our side. */
  close(): void {
    this.#end('ours')
  }

  #take(bytes: Buffer): void {
    const pending = this.#pending
    if (pending === undefined) {
      this.#account.outcomes.wrong++
      this.#account.sent++
      this.#account.note('wrong', `bytes nobody asked for: ${bytes.toString('latin1', 0, 80)}`)
      return this.#end('failed')
    }
    pending.bytes += bytes.length
    this.#settle(pending.reply.take(bytes))
  }

  #settle(verdict: Verdict): void {
    if (verdict.kind === 'more') return
    if (verdict.kind === 'wrong') return this.#finish('wrong', `${this.#about()}: ${verdict.detail}`)
    if (verdict.kind === 'answered') this.#finish('answered', '')
    else this.#finish(String(verdict.status) as Outcome, this.#about())
    if (verdict.closes) this.#end('announced')
  }

  /** The other side ended it. */
  #gone(socket: Socket, how: string): void {
    if (this.#socket !== socket) return
    const pending = this.#pending
    if (pending === undefined) {
      this.#account.note('lost', `${how} after ${this.#age()} ms`)
      return this.#end('lost')
    }
    const outcome = pending.bytes === 0 ? 'dropped' : how === 'FIN' ? 'truncated' : 'cut'
    this.#finish(outcome, `${how} ${this.#about()}`)
  }

  #about(): string {
    const pending = this.#pending
    if (pending === undefined) return ''
    const { wish, sentMs, bytes } = pending
    const waitedMs = (performance.now() - sentMs).toFixed(0)
    return `${wish.method} ${wish.id} of ${wish.size} bytes, ${bytes} received, ${waitedMs} ms; connected ${this.#age()} ms ago`
  }

  #age(): string {
    return (performance.now() - this.#connectedMs).toFixed(0)
  }

  #finish(outcome: Outcome, detail: string): void {
    const pending = this.#pending
    if (pending === undefined) return
    this.#pending = undefined
    clearTimeout(pending.late)
    this.#account.end(outcome, performance.now() - pending.sentMs, detail)
    const broken = !['answered', '502', '503', '504'].includes(outcome)
    if (broken) this.#end('failed')
    pending.resolve(outcome)
  }

  #end(how: 'ours' | 'announced' | 'failed' | 'lost'): void {
    const socket = this.#socket
    if (socket === undefined) return
    this.#socket = undefined
    this.#account.endings[how]++
    socket.destroy()
  }
}
