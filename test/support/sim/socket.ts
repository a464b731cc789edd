import { ByteQueue } from './bytes.ts'
import type { Clockwork } from './clockwork.ts'

export const ERRNO = {
  EPIPE: 32,
  EAGAIN: 11,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOMEM: 12,
  EADDRNOTAVAIL: 99,
  ENETUNREACH: 101,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
} as const

/** Who uses a socket: told that something changed, asks the socket what. Level-triggered users remember it themselves. */
export interface SocketUser {
  /** There is something to read, the end, or an error. */
  readable(): void
  /** A write that did not fit may go on; or the connect succeeded. */
  writable(): void
}

/** Unused user of a socket nobody watches any more. */
const NOBODY: SocketUser = { readable() {}, writable() {} }

const SEGMENTS_PER_WRITE = 64

/**
 * One end of a stream connection as the kernel keeps it, modelled on Linux TCP over a network with latency.
 *
 * Laws: bytes arrive in order, none twice, none altered; at most `capacity` bytes of one direction are under way or
 * unread; FIN comes after all data; after RST nothing is delivered but what had arrived before (and perhaps not even that);
 * closing with unread input, or getting data after the close, answers RST (RFC 9293 §3.10.7, RFC 2525 §2.17).
 */
export class SimSocket {
  readonly name: string
  readonly inbox: ByteQueue = new ByteQueue()
  user: SocketUser = NOBODY
  /** The peer's FIN arrived (behind whatever is still in the inbox). */
  finArrived = false
  /** Pending errno: the connection broke. Reads and writes fail with it once what may still be read is read. */
  error = 0
  /** The connect succeeded, or it was born connected. */
  connected = false
  finSent = false
  /** close(2) was called: nobody reads here any more. */
  closed = false
  readonly #clock: Clockwork
  readonly #capacity: number
  #far: SimSocket | null = null
  #inUse = 0
  #stalled = false
  #wantsWritable = false
  #lastArrivalMs = 0
  #sentSegments = 0
  #arrivedSegments = 0
  #lostFrom = Infinity
  #rstSent = false

  constructor(clock: Clockwork, name: string, bufferBytes: number) {
    this.#clock = clock
    this.name = name
    this.#capacity = bufferBytes
  }

  /** Establish the connection between two sockets. */
  join(far: SimSocket): void {
    this.#far = far
    far.#far = this
    this.connected = true
    far.connected = true
  }

  /** Bytes sent of which the far end has not said that they were read: it keeps no buffer of its own for those it did not read. */
  get unacknowledged(): number {
    return this.#inUse
  }

  get broken(): boolean {
    return this.error !== 0 || this.#rstSent
  }

  /** Something to read: data, the end or an error. */
  get hasInput(): boolean {
    return this.inbox.length > 0 || this.finArrived || this.error !== 0
  }

  /** Bytes taken (perhaps 0: the buffer is full), or -errno. `whole`: travels as one segment. */
  write(bytes: Uint8Array, whole = false): number {
    if (this.error !== 0) return -this.error
    if (this.finSent || this.closed || this.#rstSent) return -ERRNO.EPIPE
    const taken = this.connected ? this.#admit(bytes.length) : 0
    if (taken < bytes.length) this.#wantsWritable = true
    if (taken > 0) this.#transmit(bytes.slice(0, taken), whole)
    return taken
  }

  /** Bytes read, 0 at the end of the stream, or -errno (EAGAIN: nothing there). */
  read(target: Uint8Array, offset: number, max: number): number {
    const count = this.inbox.shift(target, offset, max)
    if (count > 0) {
      this.#acknowledge(count)
      return count
    }
    if (this.error !== 0) return -this.error
    return this.finArrived ? 0 : -ERRNO.EAGAIN
  }

  /** shutdown(SHUT_WR). */
  shutdown(): void {
    if (this.finSent || this.broken) return
    this.finSent = true
    this.#clock.note(this.name, 'fin')
    this.#send((far) => {
      if (far.closed || far.error !== 0) return
      far.finArrived = true
      far.user.readable()
    })
  }

  close(): void {
    if (this.closed) return
    if (this.inbox.length > 0) return this.abort()
    this.shutdown()
    this.closed = true
    this.user = NOBODY
  }

  /** Close with RST; bytes under way may be lost with it. */
  abort(): void {
    if (this.closed) return
    this.closed = true
    this.user = NOBODY
    this.inbox.clear()
    const { chance, profile } = this.#clock
    if (chance.happens(profile.resetLosesData)) {
      this.#lostFrom = this.#arrivedSegments + chance.below(this.#sentSegments - this.#arrivedSegments + 1)
    }
    this.#sendRst()
  }

  /** The network cuts the connection: this side hears of it too. */
  cut(): void {
    if (this.closed || this.broken) return
    this.#sendRst()
    this.#break(ERRNO.ECONNRESET)
  }

  /** A connect came to nothing. */
  fail(errno: number): void {
    this.#break(errno)
  }

  #admit(wanted: number): number {
    const { chance, profile } = this.#clock
    const room = this.#stalled ? 0 : Math.min(wanted, this.#capacity - this.#inUse)
    if (room <= 0 || !chance.happens(profile.shortWrite)) return Math.max(0, room)
    this.#stalled = true
    this.#clock.after(chance.between(profile.stallMs), () => {
      this.#stalled = false
      this.#offerWritable()
    })
    return 1 + chance.below(room)
  }

  #transmit(bytes: Uint8Array, whole: boolean): void {
    this.#inUse += bytes.length
    const { chance, profile } = this.#clock
    const least = Math.ceil(bytes.length / SEGMENTS_PER_WRITE)
    let at = 0
    while (at < bytes.length) {
      const size = whole ? bytes.length : Math.max(least, chance.size(profile.segmentBytes))
      const segment = bytes.subarray(at, at + size)
      at += segment.length
      const number = this.#sentSegments++
      this.#send((far) => this.#arrive(far, segment, number))
    }
  }

  #arrive(far: SimSocket, segment: Uint8Array, number: number): void {
    this.#arrivedSegments = number + 1
    if (number >= this.#lostFrom || far.broken) return
    if (far.closed) return far.#sendRst()
    far.inbox.push(segment)
    far.user.readable()
  }

  #sendRst(): void {
    if (this.#rstSent || this.error !== 0) return
    this.#rstSent = true
    this.#clock.note(this.name, 'rst')
    this.#send((far) => {
      if (!far.closed) far.#break(ERRNO.ECONNRESET)
    })
  }

  #break(errno: number): void {
    if (this.error !== 0) return
    this.error = errno
    const { chance, profile } = this.#clock
    if (chance.happens(profile.resetLosesData)) this.inbox.clear()
    this.user.readable()
  }

  /** Deliver something to the far end, after everything sent before it. */
  #send(deliver: (far: SimSocket) => void): void {
    const far = this.#far
    if (far === null) return
    const { chance, profile, nowMs } = this.#clock
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, nowMs + chance.between(profile.latencyMs))
    this.#clock.at(this.#lastArrivalMs, () => deliver(far))
  }

  /** The far end learns, a latency later, that its bytes were read. */
  #acknowledge(count: number): void {
    const far = this.#far
    if (far === null || far.closed) return
    const { chance, profile } = this.#clock
    this.#clock.after(chance.between(profile.latencyMs), () => {
      far.#inUse -= count
      far.#offerWritable()
    })
  }

  /** As in Linux, a full socket becomes writable again only when a good part of it is free. */
  #offerWritable(): void {
    if (!this.#wantsWritable || this.#stalled || this.closed) return
    if (3 * this.#inUse > 2 * this.#capacity) return
    this.#wantsWritable = false
    this.user.writable()
  }
}
