import { codeOf } from '../actor/errors.ts'
import type { Host } from './host.ts'

/** Descriptors with what they are for. */
export type LabelledFds = { readonly key: string; readonly fds: readonly number[] }

/** SCM_MAX_FD is 253 a message. */
const FDS_A_MESSAGE = 100

type Part = { readonly transfer: number; readonly key: string }

/**
 * Descriptors between two processes, over a unix socket of their own: a set of them is one transfer, known by its number, which the other
 * side is told by other means. What is taken belongs to the taker.
 */
export class FdChannel {
  readonly #host: Host
  readonly #socket: number
  #sent = 0
  readonly #arrived: (Part & { readonly fds: readonly number[] })[] = []

  /** The socket is ours from now on. */
  constructor(host: Host, socket: number) {
    this.#host = host
    this.#socket = socket
  }

  /** Returns the number of the transfer. Throws if the other side takes nothing for a second. */
  send(sets: readonly LabelledFds[]): number {
    const transfer = ++this.#sent
    for (const { key, fds } of sets) {
      for (let at = 0; at < fds.length; at += FDS_A_MESSAGE) {
        const part: Part = { transfer, key }
        this.#host.sendFds(this.#socket, JSON.stringify(part), fds.slice(at, at + FDS_A_MESSAGE))
      }
    }
    return transfer
  }

  /** What was sent under this number; earlier transfers that nobody took are closed. */
  take(transfer: number): readonly LabelledFds[] {
    this.#receive()
    const sets = new Map<string, number[]>()
    const later = []
    for (const part of this.#arrived.splice(0)) {
      if (part.transfer > transfer) later.push(part)
      else if (part.transfer < transfer) this.#closeAll(part.fds)
      else sets.set(part.key, [...(sets.get(part.key) ?? []), ...part.fds])
    }
    this.#arrived.push(...later)
    return Array.from(sets, ([key, fds]) => ({ key, fds }))
  }

  /** Close it, and whatever arrived that nobody took. */
  close(): void {
    try {
      this.#receive()
    } catch {
      // What there is no room for, or makes no sense, is lost to nobody.
    }
    for (const { fds } of this.#arrived.splice(0)) this.#closeAll(fds)
    this.#host.closeFd(this.#socket)
  }

  #receive(): void {
    for (;;) {
      const message = this.#next()
      if (message === undefined) return
      try {
        const { transfer, key } = JSON.parse(message.text) as Part
        this.#arrived.push({ transfer, key, fds: message.fds })
      } catch (thrown) {
        this.#closeAll(message.fds)
        throw thrown
      }
    }
  }

  /** ECONNRESET: the other side is closed. Linux says so once before what is still there if it left something of ours unread. */
  #next(): ReturnType<Host['receiveFds']> {
    for (let tries = 0; tries < 2; tries++) {
      try {
        return this.#host.receiveFds(this.#socket)
      } catch (thrown) {
        if (codeOf(thrown) !== 'ECONNRESET') throw thrown
      }
    }
    return undefined
  }

  #closeAll(fds: readonly number[]): void {
    for (const fd of fds) this.#host.closeFd(fd)
  }
}

/** Another number for the same open file: closing one leaves the other. */
export function duplicateFd(host: Host, fd: number): number {
  const [ours, theirs] = host.socketPair()
  try {
    host.sendFds(ours, '.', [fd])
    const copy = host.receiveFds(theirs)?.fds[0]
    if (copy === undefined) throw new Error(`descriptor ${fd} could not be duplicated`)
    return copy
  } finally {
    host.closeFd(ours)
    host.closeFd(theirs)
  }
}
