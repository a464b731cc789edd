import { Stock } from '../base/stock.ts'
import type { ClientConnection } from '../downstream/client.ts'
import type { Service } from '../downstream/service.ts'
import type { TimedClient } from '../downstream/timed-client.ts'
import { BODY, persistent, requestFraming } from '../http/framing.ts'
import type { Head } from '../http/head.ts'
import { METHOD } from '../http/methods.ts'
import { REJECTIONS } from '../http/reject.ts'
import type { Rejection } from '../http/reject.ts'
import { Target } from '../http/uri.ts'
import { costUs } from '../limit/load-sample.ts'
import { NO_HOST } from '../route/table.ts'
import { CLIENT_TIMEOUT } from '../telemetry/catalogue.ts'
import { OUTCOME } from '../telemetry/outcome.ts'
import type { AccountOf } from './accounts.ts'
import { AdoptedTunnel } from './adopted-tunnel.ts'
import type { ProxyContext } from './context.ts'
import { Exchange } from './exchange.ts'
import type { ExchangePorts } from './exchange.ts'
import { FAILURE } from './failure.ts'
import type { Failure } from './failure.ts'
import type { Overload } from './overload.ts'
import { replyFailure } from './reply.ts'
import { RequestHeadWriter } from './request-head.ts'
import type { InboundRequest } from './request-head.ts'
import { REQUEST_ID_BYTES } from './request-id.ts'
import { ResponseHeadSender } from './response-head.ts'
import { NO_ROUTING } from './routing.ts'
import type { Destination, Routing } from './routing.ts'
import type { ResumedTunnel } from './tunnel.ts'
import { namesWebSocket } from './websocket.ts'

/** The longest target a listener may allow, and a byte more for the slash an absolute form may lack. */
const TARGET_BYTES = 65_537

/** Of a request that we answer ourselves: the cluster it was routed to, -1 for none, and whether its connection ends. */
type Fate = { readonly cluster: number; readonly close: boolean; readonly method?: number }
const NOWHERE: Fate = { cluster: -1, close: true }

/** Answers requests: decides where each goes and sets an exchange on its way, or says at once why not. */
export class ProxyService implements Service {
  readonly #context: ProxyContext
  readonly #overload: Overload
  readonly #target = new Target(new Uint8Array(TARGET_BYTES))
  readonly #exchanges: Stock<Exchange>
  /** Replaced as a whole by a reload; exchanges under way hold on to what they took from the one before. */
  routing: Routing = NO_ROUTING
  /** Exchanges under way. */
  active = 0
  /** Called for every client between two requests while the shard hands its clients over. */
  onRests: ((client: ClientConnection) => void) | undefined
  /** Called for every client connection that is gone. */
  onClosed: (client: ClientConnection) => void = () => {}

  constructor(context: ProxyContext, overload: Overload) {
    this.#context = context
    this.#overload = overload
    const ports: ExchangePorts = {
      writer: new RequestHeadWriter(context),
      sender: new ResponseHeadSender(context),
      recycle: (exchange) => {
        this.active--
        this.#exchanges.giveBack(exchange)
      },
    }
    this.#exchanges = new Stock(() => new Exchange(context, ports))
  }

  begin(client: ClientConnection, head: Head): void {
    if (this.#overload.refuses(client)) {
      this.#reply(client, head, FAILURE.shed)
      this.#overload.refused(client)
      return
    }
    const target = this.#target
    const rejection = target.parse(head)
    if (rejection < 0) {
      this.#refuse(client, head, REJECTIONS[-rejection]!)
      return
    }
    const framing = requestFraming(head)
    const refusal = this.#refusal(client, head, framing)
    if (refusal !== undefined) {
      this.#reply(client, head, refusal)
      return
    }
    const route = this.#route(target)
    if (route < 0) {
      this.#reply(client, head, route === NO_HOST ? FAILURE.noHost : FAILURE.noPath)
      return
    }
    const cluster = this.routing.clusterOf[route]!
    const affinity = this.routing.affinityOf[route]!
    const bodiless = framing === BODY.none || framing === 0
    const upgrade = head.upgrade && bodiless && head.method === METHOD.get && namesWebSocket(head)
    const fallbackHost = cluster.spec.name
    const keepAlive = persistent(head) && !client.pipelinedOut
    const request = { head, target, client, framing, upgrade, fallbackHost, kept: undefined }
    this.forward(request, { route, cluster, affinity }, keepAlive)
  }

  /** Take a request to its endpoint. */
  forward(request: InboundRequest, destination: Destination, wantsKeepAlive: boolean): void {
    this.active++
    this.#exchanges.take().begin(request, destination, wantsKeepAlive)
  }

  /** Go on with a tunnel that another shard had. */
  resume(sides: ResumedTunnel, of: AccountOf): void {
    this.active++
    new AdoptedTunnel(this.#context, sides, of, () => this.active--).resume(sides)
  }

  /** Of a head that was not read to its end only the method is sure, if that: a HEAD gets no body even then. */
  reject(client: ClientConnection, rejection: number, { method }: Head): void {
    this.#refuse(client, undefined, REJECTIONS[rejection]!, { ...NOWHERE, method })
  }

  rests(client: ClientConnection): void {
    this.onRests?.(client)
  }

  letGo(client: TimedClient): void {
    this.#overload.letGo(client)
  }

  headTimeout(client: ClientConnection): void {
    this.#context.recorder.clientTimeout(client.listener.spec.id, CLIENT_TIMEOUT.requestHead)
    this.#answer(client, undefined, FAILURE.headTimeout, NOWHERE)
    client.closeGracefully()
  }

  idleTimeout(client: ClientConnection): void {
    const kind = client.requests > 0 ? CLIENT_TIMEOUT.keepAlive : CLIENT_TIMEOUT.requestHead
    this.#context.recorder.clientTimeout(client.listener.spec.id, kind)
  }

  readTimeout(client: ClientConnection): void {
    this.#context.recorder.clientTimeout(client.listener.spec.id, CLIENT_TIMEOUT.client)
  }

  overloaded(client: ClientConnection): void {
    this.#context.recorder.buffersExhausted()
    if (client.handler !== undefined) {
      client.handler.starved()
      return
    }
    this.#answer(client, undefined, FAILURE.overloaded, NOWHERE)
    client.closeGracefully()
  }

  closed(client: ClientConnection): void {
    this.onClosed(client)
  }

  /** What may be refused before routing. */
  #refusal(client: ClientConnection, head: Head, framing: number): Failure | undefined {
    if (head.method === METHOD.connect) return FAILURE.connectMethod
    return framing > client.listener.spec.limits.body ? FAILURE.bodyTooLarge : undefined
  }

  #route(target: Target): number {
    const { table } = this.routing
    // A normalised path lies outside of the head's bytes.
    return target.verbatim
      ? table.match(this.#context.reactor.mem, target)
      : table.matchApart(this.#context.reactor.mem, target.bytes, target)
  }

  /** The input is not fit to be understood: say so and close. */
  #refuse(client: ClientConnection, head: Head | undefined, rejection: Rejection, fate = NOWHERE): void {
    const { status, detail } = rejection
    const outcome = OUTCOME['request-rejected']
    this.#answer(client, head, { outcome, status, error: 'http_request_error', detail }, fate)
    client.closeGracefully()
  }

  /** The request is understood and has no place to go: say so; the connection goes on if no body is in the way. */
  #reply(client: ClientConnection, head: Head, failure: Failure, cluster = -1): void {
    const whole = requestFraming(head) <= 0 && requestFraming(head) !== BODY.chunked
    // To an HTTP/1.0 client our replies do not say keep-alive, so it expects the end.
    // What follows a CONNECT was meant for the tunnel it asked for, not for us.
    const keep = whole && head.minor === 1 && persistent(head) && head.method !== METHOD.connect
    const close = !keep || client.leaving || client.pipelinedOut
    this.#answer(client, head, failure, { cluster, close })
    client.done(!close)
  }

  #answer(client: ClientConnection, head: Head | undefined, failure: Failure, fate: Fate): void {
    const { cluster, close } = fate
    const method = head?.method ?? fate.method ?? METHOD.other
    const retryAfterS = failure === FAILURE.shed ? this.#overload.retryAfterS : 1
    const options = { close, method, requestIdStart: -1, retryAfterS }
    const bytes = replyFailure(this.#context, client, failure, options)
    const { record, recorder, reactor, load } = this.#context
    load.note(client.fd, client.generation, costUs(bytes))
    record.reset()
    record.listener = client.listener.spec.id
    record.cluster = cluster
    record.outcome = failure.outcome
    record.status = failure.status
    record.startedMs = reactor.nowMs
    record.wallStartMs = reactor.wallMs
    record.durationMs = 0
    record.bytesToClient = bytes
    record.peer = client.peer
    record.requestIdStart = this.#context.repliedIdStart
    record.requestIdEnd = record.requestIdStart + REQUEST_ID_BYTES
    if (head !== undefined) {
      record.minor = head.minor
      record.methodStart = head.methodStart
      record.methodEnd = head.methodEnd
      record.targetStart = head.targetStart
      record.targetEnd = head.targetEnd
    }
    recorder.finish(record)
  }
}
