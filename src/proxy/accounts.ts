import type { ClientConnection } from '../downstream/client.ts'
import { costUs } from '../limit/load-sample.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { ProxyContext } from './context.ts'
import type { Entrance } from './entrance.ts'
import type { RequestSide } from './request-side.ts'
import type { ResponseSide } from './response-side.ts'
import type { Times } from './times.ts'
import type { Tries } from './tries.ts'
import type { Tunnel } from './tunnel.ts'

/** What an exchange is made of, as far as it is told of at the end. */
export type AccountParts = {
  readonly times: Times
  readonly request: RequestSide
  readonly response: ResponseSide
  readonly entrance: Entrance
  readonly tries: Tries
}

/** Where it went. `route`: -1 if it is there no more. */
export type AccountOf = { readonly route: number; readonly cluster: Cluster }

/** What is said of one exchange when it ends: to the counters, the log and whoever asks why it went where it went. Its tries end with it. */
export class Accounts {
  readonly #context: ProxyContext
  readonly #parts: AccountParts

  constructor(context: ProxyContext, parts: AccountParts) {
    this.#context = context
    this.#parts = parts
  }

  close(outcome: number, client: ClientConnection, of: AccountOf, tunnel: Tunnel | undefined): void {
    const { route, cluster } = of
    const { recorder, record, explainer, load } = this.#context
    const { times, request, response, entrance, tries } = this.#parts
    record.reset()
    record.listener = client.listener.spec.id
    record.peer = client.peer
    record.route = route
    record.cluster = cluster.spec.id
    record.outcome = outcome
    times.describe(record)
    request.describe(record)
    response.describe(record)
    tunnel?.describe(record)
    tries.conclude(record, response.started)
    if (request.rescues > 0 && tries.begun > 0) record.retries++
    entrance.describe(record)
    const kept = tries.noted
      ? explainer.wants(outcome, response.refused || response.status >= 500, tries.begun)
      : undefined
    if (kept !== undefined && request.id[0] !== 0) {
      explainer.write(kept, record, { id: request.id, cluster: cluster.spec.name, tries: tries.all() })
    }
    recorder.finish(record)
    load.note(client.fd, client.generation, costUs(record.bytesFromClient + record.bytesToClient))
    recorder.exchangeEnded(record.listener)
  }
}
