import type { SimPeer } from '../sim/peer.ts'
import type { SimWorld } from '../sim/world.ts'
import { checkResponse, expectedBytes } from './checks.ts'
import { insist } from './ledger.ts'
import type { Entry, Ledger } from './ledger.ts'
import { connectionOptions, responseFraming, statusOf, valueOf } from './message.ts'
import type { Framing, Message } from './message.ts'
import { MessageReader } from './reader.ts'
import { wireRequest } from './request.ts'
import type { RequestPlan } from './request.ts'
import { firstMisplaced, responseKey, streamBytes, tunnelKey } from './stream.ts'

export type ClientPlan = {
  readonly ip: string
  readonly requests: readonly RequestPlan[]
  /** Send all at once instead of each after the response to the one before. */
  readonly pipelined: boolean
  /** Misbehaviour, so long after its first request: vanish, leave, send FIN, stop reading for a while. */
  readonly misdeed: 'none' | 'rst' | 'close' | 'fin' | 'stall'
  readonly misdeedMs: number
}

/** Where a client lives. */
export type Scene = {
  readonly world: SimWorld
  readonly ledger: Ledger
  /** May a FIN at this moment have crossed a request sent at `sentMs`? `answered`: some request on the connection was. */
  readonly mayClose: (sentMs: number, answered: boolean) => boolean
  /** Nothing but the end of a shard between two batches can break a connection. */
  readonly unbroken: boolean
}

/** How long a head or a body stops half way. */
const STALL_MS = 5000

type Waiting = {
  readonly plan: RequestPlan
  readonly entry: Entry
  readonly sentMs: number
  interim: number
  received: number
}

/** A scripted client: sends its requests, holds what it gets against them, and knows at the end what became of each. */
export class ModelClient {
  readonly peer: SimPeer
  readonly #world: SimWorld
  readonly #ledger: Ledger
  readonly #plan: ClientPlan
  readonly #mayClose: Scene['mayClose']
  readonly #unbroken: boolean
  readonly #reader: MessageReader
  /** Sent and not answered, oldest first. */
  readonly #waiting: Waiting[] = []
  #sent = 0
  #body: Uint8Array | undefined
  /** The last response said that none follows. */
  #closing = false
  #answered = false
  #own = false
  #switched = -1
  #ended = false
  #left = false

  constructor({ world, ledger, mayClose, unbroken }: Scene, peer: SimPeer, plan: ClientPlan) {
    this.peer = peer
    this.#world = world
    this.#ledger = ledger
    this.#plan = plan
    this.#mayClose = mayClose
    this.#unbroken = unbroken
    peer.keepReceived = false
    this.#reader = new MessageReader({
      head: (message) => this.#head(message),
      body: (bytes) => this.#bytes(bytes),
      end: (message, trailers) => {
        const names = trailers.map(([name]) => name).join()
        insist('hops', names === '' || names === 'x-checksum', `trailers ${names} reached a client`)
        this.#end(message)
      },
    })
    peer.onData = (bytes) => {
      insist('afterClose', !this.#ended, `${bytes.length} bytes after the end`)
      this.#reader.push(bytes)
    }
    peer.onFin = () => this.#fin()
    peer.onReset = () => this.#broke()
    this.#begin()
  }

  /** It has nothing more to do with its connection. */
  get over(): boolean {
    return this.#ended || this.#left
  }

  /** Between two requests, or in a tunnel, where nothing may break it. */
  get #isIdle(): boolean {
    return this.#unbroken && !this.over && !this.#closing && this.#waiting.length === 0
  }

  // ── requests ──

  #begin(): void {
    const { requests, pipelined, misdeed, misdeedMs } = this.#plan
    if (pipelined) for (const request of requests) this.#send(request)
    else this.#next()
    if (misdeed !== 'none') this.#later(misdeedMs, () => this.#misbehave(misdeed))
  }

  #next(): void {
    const request = this.#plan.requests[this.#sent]
    if (request !== undefined) this.#later(request.gapMs, () => this.#send(request))
    else if (this.#waiting.length === 0 && this.#switched < 0) this.#leave()
  }

  #send(plan: RequestPlan): void {
    if (this.over || this.#closing) return
    this.#sent++
    const { method, size, pad } = plan
    const entry = this.#ledger.open({ id: plan.response.id, method, ip: this.#plan.ip, upSize: size, pad })
    const waiting: Waiting = { plan, entry, sentMs: this.#world.nowMs, interim: 0, received: 0 }
    this.#waiting.push(waiting)
    const { head, body } = wireRequest(plan)
    if (plan.flaw === 'late-head') return this.#sendHalf(Buffer.concat([head, body]), head.length >> 1)
    this.peer.send(head)
    if (plan.flaw === 'stall') this.#sendHalf(body)
    else if (plan.expectMs < 0) this.peer.send(body)
    else {
      this.#body = body
      this.#later(plan.expectMs, () => this.#sendBody(waiting))
    }
  }

  #sendHalf(bytes: Uint8Array, half: number = bytes.length >> 1): void {
    this.peer.send(bytes.subarray(0, half))
    this.#later(STALL_MS, () => this.peer.send(bytes.subarray(half)))
  }

  /** The body that waited for a 100, or for long enough. */
  #sendBody(waiting: Waiting): void {
    if (this.#body === undefined || this.#waiting[0] !== waiting) return
    this.peer.send(this.#body)
    this.#body = undefined
  }

  // ── responses ──

  #head(message: Message): Framing {
    const waiting = this.#waiting[0]
    const status = statusOf(message)
    insist('afterClose', !this.#closing, `a response ${status} after the last`)
    if (waiting === undefined) {
      // A request head may time out before there is a request: 408 is the only answer nobody asked for.
      insist('answered', status === 408, `a response ${status} without a request`)
      this.#own = true
      this.#closing = true
      return responseFraming(message, 'GET')
    }
    this.#answered = true
    insist('http', message.startLine.startsWith('HTTP/1.1 '), message.startLine)
    if (status < 200 && status !== 101) return this.#interim(message, waiting, status)
    const { plan, entry } = waiting
    this.#own = valueOf(message, 'proxy-status') !== undefined
    entry.status = status
    entry.error = valueOf(message, 'proxy-status') ?? ''
    checkResponse(message, plan, entry)
    const options = connectionOptions(message)
    const kept = plan.minor === 1 ? !options.includes('close') : options.includes('keep-alive')
    if (!kept) this.#closing = true
    if (status === 101) this.#switch(waiting)
    // What refuses a HEAD of which too little was read to know it for one has a body, the last thing on the connection.
    if (this.#own && plan.method === 'HEAD' && this.#closing) return { kind: 'close' }
    return responseFraming(message, plan.method)
  }

  #interim(message: Message, waiting: Waiting, status: number): Framing {
    const { plan } = waiting
    insist('exact', plan.minor === 1, `${status} to an HTTP/1.0 client`)
    insist('exact', valueOf(message, 'x-id') === String(plan.response.id), `${status} of another exchange`)
    // A retried request may get the interim responses of both attempts.
    const expected = plan.response.interim[waiting.interim++ % plan.response.interim.length]
    insist('exact', status === expected, `${status} where ${expected} was planned`)
    this.#ledger.count('interim')
    if (status === 100) this.#sendBody(waiting)
    return { kind: 'none' }
  }

  #bytes(bytes: Uint8Array): void {
    const waiting = this.#waiting[0]
    if (this.#own || waiting === undefined) return
    const { id } = waiting.plan.response
    const key = this.#switched >= 0 ? tunnelKey(id) : responseKey(id)
    const at = waiting.received
    const wrong = firstMisplaced(key, at, bytes)
    insist('exact', wrong < 0, `response ${id}: byte ${at + wrong} is not its own`)
    waiting.received += bytes.length
    if (this.#switched >= 0) this.#echoed(waiting)
  }

  #end(message: Message): void {
    if (statusOf(message) < 200) return
    const waiting = this.#waiting.shift()
    if (waiting === undefined) return
    const { plan, entry, received } = waiting
    entry.outcome = this.#own ? 'refused' : 'complete'
    this.#body = undefined
    if (!this.#own) insist('exact', received === expectedBytes(plan, entry), `${entry.id}: ${received} bytes`)
    if (!this.#closing && !this.#plan.pipelined) this.#next()
    else if (this.#closing || this.#sent === this.#plan.requests.length) this.#maybeLeave()
  }

  // ── tunnels ──

  #switch(waiting: Waiting): void {
    insist('exact', waiting.plan.upgrade, 'a switch nobody asked for')
    this.#closing = true
    this.#switched = 0
    waiting.entry.outcome = 'complete'
    const { id, tunnel } = waiting.plan.response
    const bytes = streamBytes(tunnelKey(id), 0, tunnel)
    if (waiting.plan.flaw === 'stall') this.#sendHalf(bytes)
    else this.peer.send(bytes)
  }

  #echoed(waiting: Waiting): void {
    if (waiting.received < waiting.plan.response.tunnel) return
    this.#ledger.count('tunnel')
    this.peer.fin()
  }

  // ── ends ──

  #maybeLeave(): void {
    // A response that says close is followed by the proxy's FIN: wait for that.
    if (!this.#closing && this.#waiting.length === 0) this.#leave()
  }

  #leave(): void {
    if (this.over) return
    this.#left = true
    this.peer.close()
  }

  #fin(): void {
    const proper = this.#reader.finish()
    insist('truncation', proper, 'the proxy sent FIN in the middle of a response')
    if (this.#isIdle) insist('idle', this.#mayClose(-Infinity, true), 'an idle connection was closed')
    this.#ended = true
    if (this.#switched >= 0) this.peer.fin()
    this.#settle('unanswered')
    if (this.#waiting.length > 0 && this.#switched < 0 && !this.#left) {
      const excused =
        this.#closing ||
        this.#plan.misdeed === 'stall' ||
        this.#mayClose(this.#waiting[0]?.sentMs ?? 0, this.#answered)
      const ids = this.#waiting.map(({ entry }) => entry.id).join()
      insist('answered', excused, `FIN with requests ${ids} open`)
    }
    this.peer.close()
  }

  #broke(): void {
    insist('idle', !this.#isIdle, 'an idle one was broken off')
    this.#ended = true
    this.#settle('reset')
  }

  #misbehave(misdeed: ClientPlan['misdeed']): void {
    if (this.over) return
    if (misdeed === 'stall') {
      this.peer.stopReading()
      this.#later(this.#plan.misdeedMs * 5, () => this.peer.startReading())
      return
    }
    this.#left = true
    if (misdeed === 'fin') return this.peer.fin()
    this.#settle('abandoned')
    if (misdeed === 'rst') this.peer.rst(-1)
    else this.peer.close()
  }

  #settle(outcome: 'reset' | 'unanswered' | 'abandoned'): void {
    for (const { entry } of this.#waiting) entry.outcome ??= outcome
  }

  #later(ms: number, action: () => void): void {
    this.#world.after(ms, () => {
      if (!this.peer.over) action()
    })
  }

  /** At the end of the run: each request must have found its end, and so must the connection. */
  conclude(): void {
    for (const { plan, entry } of this.#waiting) {
      insist('attempts', plan.flaw !== 'head' || entry.attempts === 0, `${entry.id} is malformed and passed`)
      insist('answered', entry.outcome !== undefined, `${entry.method} ${entry.id} hangs`)
    }
    insist('answered', this.over || this.peer.over || this.peer.finReceived, 'a client waits for ever')
  }
}
