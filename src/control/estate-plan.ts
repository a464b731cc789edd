import { ESTATE_WORDS, EVENT, EVENT_WORDS, LIVE } from '../io/engine.ts'
import type { EngineMemory } from '../io/engine.ts'
import { BEQUEST, BEQUEST_WORDS } from '../proxy/control.ts'
import { NOTE, NOTE_WORDS, ROLE } from '../shm/notes.ts'
import type { ConnectionNotes } from '../shm/notes.ts'

/**
 * What becomes of the connections that a dead shard left. Pure but for one word: the client of a suspect upstream is noted as one that may not be tried
 * again (`notes` is ours while its writer is dead).
 *
 * ```text
 *  idle, partial, asking, waiting, pooled, accepted but never seen ──▶ some heir, with what was read and seen by nobody
 *  both sides of a tunnel ─────────────────────────────────────────▶ one heir
 *  in mid-response, upstreams in use, without a note, half a tunnel ▶ reset
 *  the one whose event row was being handled ──────────────────────▶ reset: it may be what killed the shard, and must not kill its heirs
 * ```
 *
 * Law (properties/estate.test.ts): each connection has exactly one fate.
 */
export type EstatePlan = {
  /** What must stay together: a connection, or both sides of a tunnel. */
  readonly units: readonly Unit[]
  readonly resets: readonly Reset[]
}

/** `isClient`: somebody out there notices. */
export type Reset = { readonly fd: number; readonly generation: number; readonly isClient: boolean }

export type Unit = { readonly kind: 'client' | 'upstream' | 'tunnel'; readonly bequests: readonly Bequest[] }

export type Bequest = {
  readonly fd: number
  readonly generation: number
  /** As in `BEQUEST`. */
  readonly fresh: number
  readonly unread: number
  readonly unreadBytes: number
}

/** What is known of a life that is over. */
export type Remains = {
  /** Rows of `ESTATE_WORDS` (`Connections.estate`). */
  readonly rows: Int32Array
  readonly memory: EngineMemory
  readonly notes: ConnectionNotes
}

/** Of the rows of an estate: the kind of a connection that was accepted. */
const CLIENT = 1

/** Roles that somebody else can go on with. */
const LASTING: ReadonlySet<number> = new Set([ROLE.idle, ROLE.partial, ROLE.asking, ROLE.waiting])

export function planEstate({ rows, memory, notes }: Remains): EstatePlan {
  const unseen = readUnseen(memory)
  blame(unseen, notes)
  const left = new Map<number, Bequest>()
  const clients = new Set<number>()
  for (let at = 0; at < rows.length; at += ESTATE_WORDS) {
    const bequest = bequestOf(rows[at]!, rows[at + 1]!, unseen)
    left.set(bequest.fd, bequest)
    if (rows[at + 2] === CLIENT) clients.add(bequest.fd)
  }
  const units: Unit[] = []
  const resets: Reset[] = []
  for (const bequest of left.values()) {
    const kind = kindOf(bequest, left, unseen, notes)
    const { fd, generation } = bequest
    const isClient = clients.has(fd)
    if (kind === 'none' || (kind === 'upstream' && isClient)) resets.push({ fd, generation, isClient })
    else if (kind !== 'tunnel') units.push({ kind, bequests: [bequest] })
    else {
      const other = left.get(notes.read(bequest.fd, NOTE.peer))!
      if (bequest.fd < other.fd) units.push({ kind, bequests: [bequest, other] })
    }
  }
  return { units, resets }
}

/** Units over heirs, evenly: of each kind, each heir gets as many as another, or one less; tunnels count with the clients. */
export function dealEstate(
  units: readonly Unit[],
  heirs: readonly number[],
): ReadonlyMap<number, readonly Unit[]> {
  const shares = new Map<number, Unit[]>()
  const deal = (kinds: readonly Unit['kind'][], first: number): void => {
    const those = units.filter(({ kind }) => kinds.includes(kind))
    for (const [n, unit] of those.entries()) {
      const heir = heirs[(first + n) % heirs.length]!
      const share = shares.get(heir)
      if (share === undefined) shares.set(heir, [unit])
      else share.push(unit)
    }
  }
  deal(['client', 'tunnel'], 0)
  deal(['upstream'], Math.floor(heirs.length / 2))
  return shares
}

/** As it is sent to an heir: rows of `BEQUEST_WORDS`. */
export function bequestRows(units: readonly Unit[]): Int32Array {
  const bequests = units.flatMap((unit) => unit.bequests.map((bequest) => ({ ...bequest, kind: unit.kind })))
  const rows = new Int32Array(bequests.length * BEQUEST_WORDS)
  for (const [n, bequest] of bequests.entries()) {
    const at = n * BEQUEST_WORDS
    rows[at + BEQUEST.fd] = bequest.fd
    rows[at + BEQUEST.generation] = bequest.generation
    rows[at + BEQUEST.fresh] = bequest.fresh
    rows[at + BEQUEST.unread] = bequest.unread
    rows[at + BEQUEST.unreadBytes] = bequest.unreadBytes
    rows[at + BEQUEST.tunnel] = bequest.kind === 'tunnel' ? 1 : 0
  }
  return rows
}

type Handle = { readonly fd: number; readonly generation: number }
type Span = { readonly start: number; readonly bytes: number }
type Unseen = {
  readonly fresh: ReadonlyMap<string, number>
  /** Undefined: more than one span, which nobody can be told of. */
  readonly data: ReadonlyMap<string, Span | undefined>
  readonly suspect: Handle | undefined
}

const keyOf = (fd: number, generation: number): string => `${fd} ${generation}`

/** Rows of the batch in which the thread ended: the one at the cursor was being handled, those behind it nobody has seen. */
function readUnseen({ buffer, events, live }: EngineMemory): Unseen {
  const words = new Int32Array(buffer, live)
  const rows = words[LIVE.rows]!
  const cursor = words[LIVE.cursor]!
  const table = new Int32Array(buffer, events, rows * EVENT_WORDS)
  const fresh = new Map<string, number>()
  const data = new Map<string, Span | undefined>()
  for (let row = cursor + 1; row < rows; row++) {
    const [kind, fd = 0, generation = 0, a = 0, b = 0] = table.subarray(row * EVENT_WORDS)
    const key = keyOf(fd, generation)
    if (kind === EVENT.accepted) fresh.set(key, a)
    if (kind === EVENT.data) data.set(key, data.has(key) ? undefined : { start: a, bytes: b })
  }
  if (cursor < 0 || cursor >= rows) return { fresh, data, suspect: undefined }
  const [, fd = 0, generation = 0] = table.subarray(cursor * EVENT_WORDS)
  return { fresh, data, suspect: generation === 0 ? undefined : { fd, generation } }
}

/** Whoever a suspect upstream was working for gets a 502: its request brought that answer, and would bring it again. */
function blame({ suspect }: Unseen, notes: ConnectionNotes): void {
  if (suspect === undefined || notes.roleOf(suspect.fd, suspect.generation) !== ROLE.busy) return
  const client = notes.read(suspect.fd, NOTE.peer)
  const generation = notes.read(suspect.fd, NOTE.peerGeneration)
  if (notes.roleOf(client, generation) === ROLE.asking)
    notes.words[client * NOTE_WORDS + NOTE.role] = ROLE.waiting
}

function bequestOf(fd: number, generation: number, { fresh, data }: Unseen): Bequest {
  const key = keyOf(fd, generation)
  const span = data.get(key)
  return {
    fd,
    generation,
    fresh: fresh.get(key) ?? -1,
    unread: span?.start ?? 0,
    unreadBytes: span?.bytes ?? 0,
  }
}

type Kind = Unit['kind'] | 'none'

function kindOf(
  bequest: Bequest,
  left: ReadonlyMap<number, Bequest>,
  unseen: Unseen,
  notes: ConnectionNotes,
): Kind {
  const alone = kindAlone(bequest, unseen, notes)
  if (alone !== 'tunnel') return alone
  const other = left.get(notes.read(bequest.fd, NOTE.peer))
  const isPair =
    other !== undefined &&
    other !== bequest &&
    notes.read(other.fd, NOTE.peer) === bequest.fd &&
    kindAlone(other, unseen, notes) === 'tunnel'
  return isPair ? 'tunnel' : 'none'
}

function kindAlone(
  { fd, generation, fresh, unreadBytes }: Bequest,
  unseen: Unseen,
  notes: ConnectionNotes,
): Kind {
  const { suspect, data } = unseen
  if (suspect?.fd === fd && suspect.generation === generation) return 'none'
  const key = keyOf(fd, generation)
  if (data.has(key) && data.get(key) === undefined) return 'none'
  if (fresh >= 0) return 'client'
  const role = notes.roleOf(fd, generation)
  if (LASTING.has(role)) return 'client'
  if (role === ROLE.tunnel) return 'tunnel'
  // An endpoint that speaks unasked is not to be asked again.
  return role === ROLE.pooled && unreadBytes === 0 ? 'upstream' : 'none'
}
