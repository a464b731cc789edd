import type { RequestParser } from '../http/h1/request-parser.ts'
import { Carry } from '../io/carry.ts'
import { HOLD } from '../io/connection.ts'
import type { Accepted } from '../io/reactor-handler.ts'
import type { Reactor } from '../io/reactor.ts'
import { NOTE, ROLE } from '../shm/notes.ts'
import type { Listener } from './listener.ts'
import type { RequestHandler } from './service.ts'
import { QUIET_MS, TimedClient } from './timed-client.ts'

/**
 * A client's connection: cuts what it reads into requests, one at a time and in order, and hands each to the service. It knows
 * nothing of endpoints; what is answered, and when, is the handler's business.
 *
 *     idle ──first byte──▶ head ──complete──▶ handler set ──done(keep)──▶ idle
 *                                                      └─done(close)──▶ closed
 *
 * Bytes that cannot be used yet lie in `carry` and reading is held, so a client can make us store one read beyond a head, no more.
 */
export class ClientConnection extends TimedClient {
  /** IP as text, or `unix:`. */
  readonly peer: string
  readonly port: number
  readonly trusted: boolean
  /** The request under way. */
  handler: RequestHandler | undefined
  /** Bytes read and not yet understood. */
  readonly #carry = new Carry()
  /** Ours while a head is partial. */
  #parser: RequestParser | undefined
  /** Inside `#read`: what finishes now is picked up by its loop. */
  #reading = false
  /** Requests in a row that were sent ahead: behind another in one read, or carried until the one before was done. */
  #pipelined = 0
  /** `openedMs`: when it was accepted, if that was not just now. */
  constructor(reactor: Reactor, listener: Listener, accepted: Omit<Accepted, 'token'>, openedMs?: number) {
    super(reactor, listener, accepted, openedMs ?? reactor.nowMs)
    this.peer = accepted.peer
    this.port = accepted.port
    this.trusted = listener.trusts(accepted.peer)
    const role = openedMs === undefined ? ROLE.idle : ROLE.none // of an older one the note follows when all of it is known
    this.openNote(role, listener.spec.id, 0, openedMs ?? reactor.nowMs)
  }

  /** It sent as many requests ahead as it may: the one begun now is the last (RFC 9112 §9.3.2 lets it send the rest again). */
  get pipelinedOut(): boolean {
    return this.#pipelined > this.listener.spec.limits.pipeline
  }

  /**
   * The response that begins now is the last: the connection's time has come, or will have before it would count as quiet. With times spread evenly over
   * a drain, the probability that a response says so rises as the window runs out, and the closes stay even. Requests that were sent ahead are answered first.
   */
  get leaving(): boolean {
    return this.#carry.empty && this.lastsNoLonger
  }

  /** Its time has come: close it now, if it is idle and has been for a moment; else it ends by itself when that loses nothing. */
  retire(nowMs: number): void {
    if (this.dead || !this.idle || this.blocked) return
    if (nowMs - this.lastActiveMs >= QUIET_MS && !this.readFirst()) this.closeGracefully()
  }

  /** Waiting for a request, nothing of it read: may be closed without loss. */
  get idle(): boolean {
    return this.handler === undefined && this.#carry.empty
  }

  onData(start: number, end: number): void {
    this.lastActiveMs = this.reactor.nowMs
    if (this.#carry.empty && !(this.blocked && this.handler === undefined)) {
      this.#pipelined = 0
      this.#read(start, end, false)
    } else if (this.#carry.append(this.reactor, start, end)) {
      this.#noteCarry()
      if (this.blocked && this.handler === undefined) this.hold(HOLD.unread) // no answers to one who does not read them
      else if (!this.held) this.#read(this.#carry.start, this.#carry.end, true)
    } else this.listener.service.overloaded(this)
  }

  /** Bytes that another shard read from it and did not understand. False: no buffer is left for them. */
  carryIn(bytes: Uint8Array): boolean {
    return this.#carry.copyIn(this.reactor, bytes)
  }

  /** Use what was carried in, now that the request under way, if there is one, is known. `ended`: behind that its FIN was read. */
  goOn(ended: boolean): void {
    if (this.#carry.empty) {
      if (this.handler === undefined) this.rest()
    } else if (this.blocked && this.handler === undefined) this.hold(HOLD.unread)
    else this.#read(this.#carry.start, this.#carry.end, true)
    if (!this.dead) this.#noteRest()
    if (!ended || this.dead) return
    this.ended = true
    this.onEnd()
  }

  /** The handler can take body bytes now that it could not take before. */
  resumeBody(): void {
    if (!this.#carry.empty && !this.#reading) this.#read(this.#carry.start, this.#carry.end, true)
  }

  /** The handler is done: its response is complete (as far as it will ever be). */
  done(keepAlive: boolean): void {
    this.handler = undefined
    if (this.dead) return
    if (!keepAlive || this.ended) {
      this.closeGracefully()
      return
    }
    this.unhold(HOLD.peerBlocked)
    if (this.#reading) return
    this.noteRole(this.#carry.empty ? ROLE.idle : ROLE.partial)
    if (this.#carry.empty) this.#rests()
    else if (this.blocked) this.hold(HOLD.unread)
    else this.reactor.defer(this)
  }

  /** Between two requests. */
  #rests(): void {
    this.rest()
    this.listener.service.rests(this)
  }

  override onDeferred(): void {
    if (this.handler === undefined && !this.#carry.empty) {
      this.#read(this.#carry.start, this.#carry.end, true)
    }
  }

  onEnd(): void {
    if (this.handler !== undefined) this.handler.clientGone(false)
    else this.closeGracefully()
  }

  onReset(): void {
    this.#cleanUp()
    this.handler?.clientGone(true)
    this.listener.service.closed(this)
  }

  onConnected(): void {}

  onBlocked(): void {
    this.handler?.clientBlocked()
  }

  onWritable(): void {
    if (this.handler !== undefined) this.handler.clientWritable()
    else if (this.#carry.empty) this.rest()
    else this.reactor.defer(this)
  }

  onRelayDone(status: number, bytes: number): void {
    this.handler?.clientRelayDone(status, bytes)
  }

  onTimer(nowMs: number): void {
    if (this.handler !== undefined) {
      this.handler.clientTimer(nowMs)
      return
    }
    if (this.blocked) {
      if (this.awaitReader(nowMs)) return
      this.listener.service.readTimeout(this)
      this.resetNow()
    } else if (this.#carry.empty) {
      if (this.readFirst()) return
      if (!this.isOver(nowMs)) this.listener.service.idleTimeout(this)
      this.closeGracefully()
    } else {
      this.noteRole(ROLE.none)
      this.listener.service.headTimeout(this)
    }
  }

  /** Close so that the client can still read what was sent (RFC 9112 §9.6). */
  closeGracefully(lingerMs: number = this.listener.spec.timeouts.clientFinMs): void {
    if (this.dead) return
    this.close(lingerMs)
    this.#buried()
  }

  /** Close with RST: the client must not take what it got for complete. */
  resetNow(): void {
    if (this.dead) return
    this.abort()
    this.#buried()
  }

  /** Idle, it goes to another shard. */
  giveTo(shard: number): void {
    this.handOver(shard)
    this.#cleanUp()
  }

  #buried(): void {
    this.#cleanUp()
    this.listener.service.closed(this)
  }

  #cleanUp(): void {
    if (this.leftAlone) this.listener.service.letGo(this)
    this.#carry.clear(this.reactor)
    if (this.#parser !== undefined) {
      this.listener.takeBack(this.#parser)
      this.#parser = undefined
    }
  }

  /** Use what there is: bodies go to the handler, heads to the service, the rest is carried. */
  #read(start: number, end: number, carried: boolean): void {
    let at = start
    this.noteRole(ROLE.none)
    this.#reading = true
    try {
      at = this.#use(start, end, carried)
    } finally {
      this.#reading = false // whatever was thrown is contained, and this connection may outlive it
    }
    if (!this.dead) this.#keep(at, end, carried)
    if (!this.dead) this.#noteRest()
  }

  /** What was read is used as far as it could be: its note may tell of it. */
  #noteRest(): void {
    if (!this.noted) return
    this.reactor.notes[this.note + NOTE.count] = this.requests
    this.#noteCarry()
    if (this.handler !== undefined) this.handler.note()
    else this.noteRole(this.#carry.empty ? ROLE.idle : ROLE.partial)
  }

  #noteCarry(): void {
    if (!this.noted) return
    const { notes } = this.reactor
    const { start, end } = this.#carry
    notes[this.note + NOTE.carried] = start
    notes[this.note + NOTE.carriedBytes] = end - start
  }

  /** Returns the offset up to which the bytes were used. */
  #use(start: number, end: number, carried: boolean): number {
    let at = start
    while (!this.dead) {
      if (this.handler !== undefined) {
        at = this.handler.feed(at, end)
        if (this.handler !== undefined) break
      } else {
        if (at === end) break
        const consumed = this.#readHead(at, end, carried || at > start)
        if (consumed === 0) break
        at += consumed
      }
    }
    return at
  }

  /** Returns the bytes of the head that was begun, 0 if there is none to begin. */
  #readHead(start: number, end: number, ahead: boolean): number {
    const { listener } = this
    const parser = this.#parser ?? listener.parser
    const consumed = parser.parse(this.reactor.mem, start, end)
    if (consumed === 0) {
      if (this.#parser === undefined) this.#parser = listener.lend()
      return 0
    }
    if (consumed < 0) {
      listener.service.reject(this, -consumed, parser.head)
      parser.reset()
      return 0
    }
    this.requests++
    if (ahead) this.#pipelined++
    this.headIsHere()
    listener.service.begin(this, parser.head)
    if (this.#parser !== undefined) {
      listener.takeBack(this.#parser)
      this.#parser = undefined
    }
    return consumed
  }

  /** Carry `[at, end)`, or none, into the next batch. */
  #keep(at: number, end: number, carried: boolean): void {
    if (carried) this.#carry.keepFrom(this.reactor, at)
    else if (at < end && !this.#carry.append(this.reactor, at, end)) {
      this.listener.service.overloaded(this)
      return
    }
    if (this.handler !== undefined) {
      if (this.#carry.empty) this.unhold(HOLD.unread)
      else this.hold(HOLD.unread)
      return
    }
    this.unhold(HOLD.unread)
    if (this.#carry.empty) this.#rests()
    else this.awaitHead()
  }
}
