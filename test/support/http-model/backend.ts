import type { SimPeer } from '../sim/peer.ts'
import type { SimWorld } from '../sim/world.ts'
import { insist } from './ledger.ts'
import type { Entry, Ledger } from './ledger.ts'
import { connectionOptions, requestFraming, requestLineOf, valueOf, valuesOf } from './message.ts'
import type { Framing, Message } from './message.ts'
import { decodePlan, padding } from './plan.ts'
import type { ResponsePlan } from './plan.ts'
import { MessageReader } from './reader.ts'
import { interimBytes, switchingBytes, wireResponse } from './response.ts'
import { firstMisplaced, requestKey, tunnelKey } from './stream.ts'

/** One request under way. */
type Current = { plan: ResponsePlan; entry: Entry; requestId: string; received: number; whole: boolean }

const HOP_FIELDS = ['keep-alive', 'proxy-connection', 'te', 'proxy-authorization', 'x-hop']

/**
 * A scripted backend's side of one connection: reads requests strictly, compares them with what the ledger knows of the client's
 * side, answers as the target asks.
 */
export class BackendConnection {
  readonly peer: SimPeer
  readonly #world: SimWorld
  readonly #ledger: Ledger
  readonly #reader: MessageReader
  /** Requests answered or under way. */
  requests = 0
  #current: Current | undefined
  #tunnelled = -1
  #faulty = false

  constructor(world: SimWorld, peer: SimPeer, ledger: Ledger) {
    this.#world = world
    this.#ledger = ledger
    this.peer = peer
    peer.keepReceived = false
    this.#reader = new MessageReader({
      head: (message) => this.#head(message),
      body: (bytes) => this.#body(bytes),
      end: (_message, trailers) => {
        const names = trailers.map(([name]) => name).join()
        insist('hops', names === '' || names === 'x-checksum', `trailers ${names} reached a backend`)
        this.#end()
      },
    })
    peer.onData = (bytes) => {
      if (!this.#faulty) this.#reader.push(bytes)
    }
    peer.onFin = () => this.#fin()
  }

  #head(message: Message): Framing {
    const [method, target, minor] = requestLineOf(message)
    insist('http', minor === 1, 'a request below 1.1')
    insist(
      'http',
      this.#current === undefined && this.peer.unsentBytes === 0,
      `${target} before ${this.#current?.plan.id} was answered, ${this.peer.unsentBytes} bytes unsent`,
    )
    this.requests++
    const plan = decodePlan(target)
    const requestId = valueOf(message, 'x-request-id') ?? ''
    const entry = this.#ledger.attempt(plan.id, requestId)
    insist('exact', entry.method === method, `${method} for ${entry.method}`)
    this.#checkFields(message, entry)
    this.#current = { plan, entry, requestId, received: 0, whole: false }
    for (const status of plan.interim) this.peer.send(interimBytes(status, plan.id))
    if (plan.deafMs !== 0) this.#deafen(plan.deafMs)
    if (plan.tunnel > 0 && valueOf(message, 'upgrade') !== undefined) return this.#switch(plan)
    if (plan.early) this.#later(plan.delayMs, () => this.#answer())
    return requestFraming(message)
  }

  #checkFields(message: Message, entry: Entry): void {
    const options = connectionOptions(message)
    insist('hops', options.length === 0 || options.join() === 'upgrade', `connection: ${options.join()}`)
    for (const name of HOP_FIELDS) {
      insist('hops', valuesOf(message, name).length === 0, `${name} reached a backend`)
    }
    insist('exact', valueOf(message, 'x-id') === String(entry.id), `x-id of another request at ${entry.id}`)
    const pad = valueOf(message, 'x-pad') ?? ''
    insist('exact', pad === padding(entry.id, entry.pad), `${entry.id}: a large field is not as it was`)
    const from = valueOf(message, 'x-forwarded-for')
    insist('hops', from === entry.ip, `x-forwarded-for: ${from}, the client is ${entry.ip}`)
    insist('hops', valueOf(message, 'x-forwarded-proto') === 'http', 'x-forwarded-proto')
    insist('http', valueOf(message, 'host') !== undefined, 'no host')
    insist('hops', valuesOf(message, 'via').at(-1) === '1.1 weir', `via: ${valuesOf(message, 'via').join()}`)
  }

  #body(bytes: Uint8Array): void {
    const current = this.#current
    if (current === undefined) return
    const { entry } = current
    const key = this.#tunnelled >= 0 ? tunnelKey(entry.id) : requestKey(entry.id)
    const at = this.#tunnelled >= 0 ? this.#tunnelled : current.received
    const wrong = firstMisplaced(key, at, bytes)
    insist('exact', wrong < 0, `request ${entry.id}: byte ${at + wrong} is not its own`)
    if (this.#tunnelled < 0) current.received += bytes.length
    else this.#echo(bytes, current.plan)
  }

  #end(): void {
    const current = this.#current
    if (current === undefined) return
    const { entry, received, plan } = current
    insist('exact', received === entry.upSize, `request ${entry.id}: ${received} of ${entry.upSize} bytes`)
    current.whole = true
    if (plan.early) this.#settle()
    else this.#later(plan.delayMs, () => this.#answer())
  }

  // ── answers ──

  #answer(): void {
    const current = this.#current
    if (current === undefined || this.peer.over) return
    const { plan, entry, requestId } = current
    const { bytes, headLength, last } = wireResponse(plan, entry.method, requestId)
    const cut = plan.fault === 'fin' || plan.fault === 'rst' || plan.fault === 'hang'
    const sent = cut ? bytes.subarray(0, Math.min(plan.at, bytes.length - 1)) : bytes
    this.peer.send(sent, plan.gapMs > 0 ? { delaysMs: [plan.gapMs] } : {})
    if (last || plan.fault === 'fin') entry.closedAt = sent.length - headLength
    if (cut || plan.fault === 'garbage') {
      this.#faulty = true
      if (plan.fault === 'rst') this.peer.rst()
      if (plan.fault === 'fin') this.peer.close()
      return
    }
    if (plan.fault === 'surplus' && !last) {
      this.#faulty = true
      this.peer.send('surplus nobody asked for')
    }
    this.#answered = true
    if (last) this.#closeWhenRead()
    else this.#settle()
  }

  #answered = false

  /** After an answer that came early, the rest of the request is still read: closing with it unread would take the answer along. */
  #closeWhenRead(): void {
    this.peer.fin()
    this.#later(1000, () => this.peer.close())
  }

  /** The exchange is over when the request was read and the response is out. */
  #settle(): void {
    const current = this.#current
    if (current === undefined || !current.whole || !this.#answered) return
    const { idleMs } = current.plan
    this.#current = undefined
    this.#answered = false
    const served = this.requests
    if (idleMs < 0) return
    this.#later(idleMs, () => {
      if (this.requests === served) this.peer.close()
    })
  }

  #fin(): void {
    if (this.#tunnelled < 0) this.peer.close()
    else this.peer.fin()
  }

  #deafen(ms: number): void {
    this.peer.stopReading()
    if (ms > 0) this.#later(ms, () => this.peer.startReading())
  }

  #later(ms: number, action: () => void): void {
    this.#world.after(ms, () => {
      if (!this.peer.over) action()
    })
  }

  // ── tunnels: what comes goes back ──

  #switch(plan: ResponsePlan): Framing {
    this.peer.send(switchingBytes(plan.id))
    this.#tunnelled = 0
    return { kind: 'raw' }
  }

  #echo(bytes: Uint8Array, plan: ResponsePlan): void {
    this.#tunnelled += bytes.length
    this.peer.send(bytes)
    if (plan.close && this.#tunnelled >= plan.tunnel) this.peer.fin()
  }
}

/** A backend at `address` whose connections all follow their requests' plans. */
export const modelBackend = (world: SimWorld, address: string, ledger: Ledger): BackendConnection[] => {
  const connections: BackendConnection[] = []
  world.backend(address, (peer) => connections.push(new BackendConnection(world, peer, ledger)))
  return connections
}
