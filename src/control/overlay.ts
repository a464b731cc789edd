import type { Snapshot } from '../config/snapshot.ts'
import { ADMIN_STATES } from '../health/states.ts'
import type { AdminState } from '../health/states.ts'
import { MAX_ENDPOINTS } from '../shm/layout.ts'
import { AdminWord } from '../shm/tables.ts'
import type { AdminTable } from '../shm/tables.ts'
import type { EndpointPatch } from './patch.ts'

/** Writes an endpoint's admin row, then tells every shard of it. */
export type AdminVoice = { readonly admin: (slot: number, word: AdminWord) => void }

/** What one patch came to. */
export type Applied =
  | {
      readonly ok: true
      /** For people, e.g. `admin ready → drain, weight 1 (configured) → 3`; '' if nothing changed. */
      readonly change: string
    }
  /** There is no such cluster or endpoint: what there is. */
  | { readonly ok: false; readonly detail: string }

/** What is wished of one endpoint, for whoever comes after us. */
export type NamedWish = Wish & { readonly cluster: string; readonly address: string }

type Wish = { readonly admin: AdminState; /** null: as configured. */ readonly weight: number | null }

const NO_WISH: Wish = { admin: 'ready', weight: null }
/** Endpoints named in a refusal. */
const MOST_NAMED = 8

/**
 * What operators want of endpoints, over what is configured: by cluster and address, so that it outlives reloads and endpoints that leave and come
 * back, until it is undone. Owner: main. Law: after `apply` and every `patch` the admin row of each endpoint of the snapshot says what is wished of
 * it, whoever had the slot before.
 */
export class Overlay {
  readonly #table: Pick<AdminTable, 'read'>
  readonly #voice: AdminVoice
  /** Oldest first. */
  readonly #wishes = new Map<string, Wish>()
  readonly #most: number
  readonly #row = new AdminWord()

  constructor(table: Pick<AdminTable, 'read'>, voice: AdminVoice, most: number = MAX_ENDPOINTS) {
    this.#table = table
    this.#voice = voice
    this.#most = most
  }

  /** Endpoints, present and absent ones, of which something is wished. */
  get size(): number {
    return this.#wishes.size
  }

  patch(
    snapshot: Snapshot,
    place: { readonly cluster: string; readonly address: string },
    patch: EndpointPatch,
  ): Applied {
    const cluster = snapshot.clusters.find(({ name }) => name === place.cluster)
    if (cluster === undefined)
      return { ok: false, detail: 'No such cluster; GET /api/v1/clusters lists them.' }
    const endpoint = cluster.endpoints.find(({ address }) => address === place.address)
    if (endpoint === undefined) return { ok: false, detail: missing(cluster, place.address) }
    const key = keyOf(cluster.name, endpoint.address)
    const before = this.#wishes.get(key) ?? NO_WISH
    const wish: Wish = {
      admin: patch.admin ?? before.admin,
      weight: patch.weight === undefined ? before.weight : patch.weight,
    }
    this.#wishes.delete(key)
    if (wish.admin !== 'ready' || wish.weight !== null) this.#wishes.set(key, wish)
    this.#forgetAbsent(snapshot)
    this.#write(endpoint, wish)
    return { ok: true, change: changeOf(before, wish, endpoint.weight) }
  }

  /** All that is wished, oldest first. */
  get wishes(): readonly NamedWish[] {
    return Array.from(this.#wishes, ([key, wish]) => {
      const [cluster = '', address = ''] = key.split(' ')
      return { cluster, address, ...wish }
    })
  }

  /** Wish this, and nothing else; what the rows say changes with `apply`. */
  restore(wishes: readonly NamedWish[]): void {
    this.#wishes.clear()
    for (const { cluster, address, admin, weight } of wishes.slice(-this.#most))
      this.#wishes.set(keyOf(cluster, address), { admin, weight })
  }

  /** To be called before shards hear of the snapshot. */
  apply({ clusters }: Snapshot): void {
    for (const cluster of clusters) {
      for (const endpoint of cluster.endpoints) {
        this.#write(endpoint, this.#wishes.get(keyOf(cluster.name, endpoint.address)) ?? NO_WISH)
      }
    }
  }

  /** Only where it says something else: most endpoints nobody ever patches. */
  #write({ id, generation }: { readonly id: number; readonly generation: number }, wish: Wish): void {
    const state = ADMIN_STATES.indexOf(wish.admin)
    const weight = wish.weight ?? Number.NaN
    const row = this.#row
    const known = this.#table.read(id, row) && row.generation === generation
    const said = known ? row : NOTHING_SAID
    if (said.state === state && Object.is(said.weight, weight)) return
    this.#voice.admin(id, Object.assign(row, { generation, state, weight }))
  }

  /** Wishes are bounded: of endpoints that are not there any more the oldest go. Those that are there are fewer than the bound. */
  #forgetAbsent({ clusters }: Snapshot): void {
    if (this.#wishes.size <= this.#most) return
    const present = new Set(
      clusters.flatMap((cluster) => cluster.endpoints.map(({ address }) => keyOf(cluster.name, address))),
    )
    for (const key of this.#wishes.keys()) {
      if (this.#wishes.size <= this.#most) return
      if (!present.has(key)) this.#wishes.delete(key)
    }
  }
}

/** What an untouched row means. */
const NOTHING_SAID: Readonly<AdminWord> = new AdminWord()

function keyOf(cluster: string, address: string): string {
  return `${cluster} ${address}` // neither holds a blank
}

function changeOf(before: Wish, after: Wish, configured: number): string {
  const weight = (wish: Wish): string =>
    wish.weight === null ? `${configured} (configured)` : String(wish.weight)
  return [
    ...(before.admin === after.admin ? [] : [`admin ${before.admin} → ${after.admin}`]),
    ...(before.weight === after.weight ? [] : [`weight ${weight(before)} → ${weight(after)}`]),
  ].join(', ')
}

/** Which addresses there are; those behind a name, if a name was given. */
function missing(
  {
    name,
    endpoints,
  }: { readonly name: string; readonly endpoints: Snapshot['clusters'][number]['endpoints'] },
  asked: string,
): string {
  const named = endpoints.filter(({ configured }) => configured === asked)
  const choice = named.length > 0 ? named : endpoints
  const addresses = choice.slice(0, MOST_NAMED).map(({ address }) => address)
  const more = choice.length > addresses.length ? ` and ${choice.length - addresses.length} more` : ''
  if (choice.length === 0) return `Cluster ${name} has no endpoints.`
  const what =
    named.length > 0 ? 'That is a name; it stands for' : `No such endpoint in cluster ${name}; there are`
  return `${what} ${addresses.join(', ')}${more}.`
}
