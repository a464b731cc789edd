/** The laws of a proxy, as its clients and backends can see them. Each is broken by throwing `LawBroken`. */
export const LAW = {
  answered: 'every request gets exactly one response or one reset',
  exact:
    'a complete response is byte-exact, belongs to its request and comes in order; a request arrives byte-exact',
  idle: 'an idle client outlives its shard',
  truncation: 'a truncated response never ends cleanly',
  attempts:
    'backends see a request that is not idempotent at most once, an idempotent one at most twice per try it may have',
  calm: 'when nothing fails every request gets the response it asked for',
  afterClose: 'nothing is sent after close, and no op names a dead handle',
  hops: 'what is for one hop never passes; request ids are unique; x-forwarded-for names the client',
  http: 'both sides are spoken to in valid HTTP, one exchange at a time',
  limits:
    'open connections never exceed maxPerHost and maxTotal, nor exchanges inFlight and inFlightPerEndpoint, over all shards',
  residue: 'permits, gauges, timers, slabs, connections and queued bytes return to nothing',
  drain: 'a drain ends, at its hard end at the latest',
  contained: 'nothing throws inside a shard, and the engine port is used as its page says',
  memory: 'memory is bounded',
} as const
export type Law = keyof typeof LAW

export class LawBroken extends Error {
  override readonly name: string = 'LawBroken'
  readonly law: Law

  constructor(law: Law, what: string) {
    super(`${what} [law: ${LAW[law]}]`)
    this.law = law
  }
}

export const insist = (law: Law, holds: boolean, what: string): void => {
  if (!holds) throw new LawBroken(law, what)
}

/** What is known of one exchange, from both ends. */
export type Entry = {
  readonly id: number
  readonly method: string
  /** The client's address. */
  readonly ip: string
  /** Bytes of the request's body, and of the field that makes its head larger. */
  readonly upSize: number
  readonly pad: number
  /** Times a backend read its head. */
  attempts: number
  readonly requestIds: string[]
  /** A close-delimited body that its backend ended by FIN had so many bytes. */
  closedAt: number
  /** Complete response of the backend, error of the proxy, or a reset; undefined while open. */
  outcome: 'complete' | 'refused' | 'reset' | 'unanswered' | 'abandoned' | undefined
  /** Of the final response. */
  status: number
  /** Error of `proxy-status`, if the response was the proxy's own. */
  error: string
}

/** All exchanges of a run; the two ends compare notes here. */
export class Ledger {
  readonly entries: Map<number, Entry> = new Map()
  readonly #requestIds = new Map<string, number>()
  /** Interim responses seen by clients, tunnels that carried everything: proof that a run reached something. */
  readonly seen: Map<string, number> = new Map()

  /** Tries that a request may have in all the shards that it may outlive, each with one more on a fresh connection. */
  tries = 1

  open(begun: Pick<Entry, 'id' | 'method' | 'ip' | 'upSize' | 'pad'>): Entry {
    const { id } = begun
    if (this.entries.has(id)) throw new Error(`exchange ${id} twice`)
    const entry: Entry = {
      ...begun,
      attempts: 0,
      requestIds: [],
      closedAt: -1,
      outcome: undefined,
      status: 0,
      error: '',
    }
    this.entries.set(id, entry)
    return entry
  }

  entry(id: number): Entry {
    const entry = this.entries.get(id)
    if (entry === undefined) throw new LawBroken('exact', `exchange ${id} was never begun`)
    return entry
  }

  /** A backend read the head of exchange `id`. */
  attempt(id: number, requestId: string): Entry {
    const entry = this.entry(id)
    entry.attempts++
    const most = /^(GET|HEAD|PUT|DELETE|OPTIONS|TRACE)$/.test(entry.method) ? 2 * this.tries : 1
    insist('attempts', entry.attempts <= most, `${entry.method} ${id} came ${entry.attempts} times`)
    insist('hops', /^[0-9a-f]{32}$/.test(requestId), `request id ${requestId}`)
    const owner = this.#requestIds.get(requestId) ?? id
    insist('hops', owner === id, `exchanges ${owner} and ${id} share the request id ${requestId}`)
    this.#requestIds.set(requestId, id)
    if (!entry.requestIds.includes(requestId)) entry.requestIds.push(requestId)
    return entry
  }

  count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }
}
