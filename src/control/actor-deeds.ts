import type { Remote } from '../actor/rpc.ts'
import type { Timers } from '../actor/timers.ts'
import { problem } from '../io/problem.ts'
import type { DoorReply } from '../io/problem.ts'
import { FAULT_KINDS } from '../proxy/control.ts'
import type { FaultKind } from '../proxy/control.ts'
import { readObject, unknownKeys } from './json-body.ts'
import type { MainControl, OrderResult, ProgramView } from './protocol.ts'
import { shardId, shardOf } from './tree.ts'

/** What the admin API is asked to do to actors. `id`: as in the tree. */
export type ActorDeed =
  | { readonly deed: 'restart'; readonly id: string }
  | { readonly deed: 'restart-all' }
  | { readonly deed: 'fault'; readonly id: string; readonly type: string; readonly body: Uint8Array }

const FAULT_TYPES = ['application/json']

/** Why a deed is not even tried: 403 for faults that are not allowed, 404 for an actor that is not there. */
function refusalOf(deed: ActorDeed, view: ProgramView): DoorReply | undefined {
  if (deed.deed === 'fault' && !view.snapshot.admin.faults)
    return problem(
      403,
      'faults-off',
      'Faults on purpose are not allowed here; the key `admin: { faults: on }` allows them.',
    )
  if (deed.deed === 'restart-all' || actorsOf(view).includes(deed.id)) return undefined
  return problem(404, 'not-found', `There is no ${deed.id}; there are: ${actorsOf(view).join(', ')}.`)
}

export type ActorDeedsContext = {
  readonly main: Pick<Remote<MainControl>, 'restartShard' | 'restartShards' | 'fault'>
  readonly timers: Timers
  /** As main shows it now. */
  readonly view: () => ProgramView
  readonly say: (line: string) => void
}

/** Until our own answer has left. */
const LAST_WORDS_MS = 50

/** Deeds as main does them, with what is answered: 200 when it is done, 202 when it has begun, 409 for what cannot be done now. Every one of them is audited. */
export class ActorDeeds {
  readonly #context: ActorDeedsContext

  constructor(context: ActorDeedsContext) {
    this.#context = context
  }

  async do(deed: ActorDeed, peer: string): Promise<DoorReply> {
    const refused = refusalOf(deed, this.#context.view())
    if (refused !== undefined) return refused
    switch (deed.deed) {
      case 'restart':
        return this.#restart(deed.id, peer)
      case 'restart-all':
        return this.#restartAll(peer)
      case 'fault': {
        const kind = readFault(deed.type, deed.body)
        return typeof kind === 'string' ? this.#fault({ id: deed.id, kind, peer }) : kind
      }
    }
  }

  async #restart(id: string, peer: string): Promise<DoorReply> {
    const { main, view } = this.#context
    this.#audit(`${id} restart`, peer)
    const result = await main.restartShard(shardOf(id))
    if (!result.ok) return conflict(result.detail)
    const { state, restarts } = view().shards[shardOf(id)] ?? { state: 'stopped', restarts: 0 }
    return json(200, { id: shardOf(id), state, restarts })
  }

  async #restartAll(peer: string): Promise<DoorReply> {
    this.#audit('all shards restart', peer)
    const result = await this.#context.main.restartShards()
    if (!result.ok) return conflict(result.detail)
    return json(202, { restarting: this.#context.view().shards.map((_, shard) => shard) })
  }

  async #fault({ id, kind, peer }: Fault): Promise<DoorReply> {
    const { main, timers } = this.#context
    this.#audit(`${id} fault ${kind}`, peer)
    const order = (): Promise<OrderResult> => main.fault(id, kind)
    // We are telemetry: nobody else would tell that it was done.
    if (id === 'telemetry') timers.after(LAST_WORDS_MS, () => void order().catch(ignore))
    else {
      const result = await order()
      if (!result.ok) return conflict(result.detail)
    }
    return json(202, { actor: id, kind })
  }

  #audit(what: string, peer: string): void {
    this.#context.say(`weir: audit: ${what} by ${peer}`)
  }
}

type Fault = { readonly id: string; readonly kind: FaultKind; readonly peer: string }

/** The shard that a path names; what is no number of a shard is one that is not there. */
export function shardNamed(text: string): string {
  return /^(0|[1-9]\d{0,2})$/.test(text)
    ? shardId(Number(text))
    : `shard ${JSON.stringify(text.slice(0, 32))}`
}

/** What sort of failure a body asks for, or why it asks for none: as with patches (`json-body.ts`). */
function readFault(type: string, body: Uint8Array): FaultKind | DoorReply {
  const read = readObject({ type, body }, FAULT_TYPES, unprocessable)
  if ('status' in read) return read
  const kind = FAULT_KINDS.find((known) => known === read.fields['kind'])
  const problems = [...unknownKeys(read.fields, ['kind'])]
  if (kind === undefined) problems.push(`kind must be one of ${KINDS}`)
  return kind === undefined || problems.length > 0 ? unprocessable(problems) : kind
}

const KINDS = FAULT_KINDS.map((kind) => `"${kind}"`).join(', ')

function unprocessable(problems: readonly string[]): DoorReply {
  return problem(422, 'unprocessable', `The body is { "kind": ${FAULT_KINDS.join(' | ')} }.`, { problems })
}

function conflict(detail: string): DoorReply {
  return problem(409, 'conflict', detail)
}

function actorsOf(view: ProgramView): readonly string[] {
  return [...Object.keys(view.restarts), ...view.shards.map((_, shard) => shardId(shard))]
}

function json(status: number, value: unknown): DoorReply {
  return { status, type: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` }
}

function ignore(): void {}
