import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allocateEngineMemory } from '../src/io/engine-memory.ts'
import { ESTATE_WORDS, EVENT, EVENT_WORDS, LIVE } from '../src/io/engine.ts'
import type { EngineMemory } from '../src/io/engine.ts'
import { bequestRows, dealEstate, planEstate } from '../src/control/estate-plan.ts'
import type { EstatePlan, Unit } from '../src/control/estate-plan.ts'
import { BEQUEST, BEQUEST_WORDS } from '../src/proxy/control.ts'
import { ConnectionNotes, NOTE, NOTE_FLAG, NOTE_WORDS, ROLE } from '../src/shm/notes.ts'

const FDS = 40
const LASTING = [ROLE.idle, ROLE.partial, ROLE.asking, ROLE.waiting]

type Row = {
  readonly kind: number
  readonly fd: number
  readonly generation: number
  readonly a: number
  readonly b: number
}
type Noted = {
  readonly role: number
  /** Of an earlier tenant of the fd. */
  readonly stale: boolean
  readonly handed: boolean
  readonly peer: number
}
type Death = {
  readonly left: readonly number[]
  readonly notes: readonly Noted[]
  readonly rows: readonly Row[]
  readonly cursor: number
}

const generationOf = (fd: number): number => 100 + fd

const arbRow: fc.Arbitrary<Row> = fc
  .tuple(
    fc.constantFrom(EVENT.data, EVENT.data, EVENT.accepted, EVENT.end, EVENT.wake, EVENT.exhausted),
    fc.nat(FDS - 1),
    fc.nat(3),
    fc.nat(1000),
    fc.integer({ min: 1, max: 500 }),
  )
  .map(([kind, fd, stale, a, b]) => {
    if (kind === EVENT.wake) return { kind, fd: 0, generation: 0, a: 0, b: 0 }
    if (kind === EVENT.exhausted) return { kind, fd, generation: 0, a: 24, b: 0 }
    return { kind, fd, generation: generationOf(fd) - (stale === 0 ? 1 : 0), a, b }
  })

const arbDeath: fc.Arbitrary<Death> = fc
  .record({
    left: fc.subarray(Array.from({ length: FDS }, (_, fd) => fd)),
    notes: fc.array(
      fc.record({
        role: fc.constantFrom(...Object.values(ROLE), ROLE.tunnel, ROLE.busy),
        stale: fc.nat(9).map((n) => n === 0),
        handed: fc.nat(9).map((n) => n === 0),
        // neighbours are often a pair
        peer: fc.oneof(fc.constant(-1), fc.nat(FDS - 1)),
      }),
      { minLength: FDS, maxLength: FDS },
    ),
    rows: fc.array(arbRow, { maxLength: 30 }),
    cursor: fc.integer({ min: -1, max: 29 }),
  })
  .map((death) => ({
    ...death,
    notes: death.notes.map((note, fd) => ({ ...note, peer: note.peer === -1 ? fd ^ 1 : note.peer })),
    cursor: Math.min(death.cursor, death.rows.length - 1),
  }))

function remember({ rows, cursor }: Death): EngineMemory {
  const memory = allocateEngineMemory({ arenaBytes: 65_536, ownBytes: 65_536, eventRows: 64, opRows: 64 })
  const live = new Int32Array(memory.buffer, memory.live)
  live[LIVE.rows] = rows.length
  live[LIVE.cursor] = rows.length === 0 ? -1 : cursor
  const table = new Int32Array(memory.buffer, memory.events)
  for (const [n, { kind, fd, generation, a, b }] of rows.entries())
    table.set([kind, fd, generation, a, b], n * EVENT_WORDS)
  return memory
}

function noted(death: Death): ConnectionNotes {
  const notes = new ConnectionNotes(new Int32Array(FDS * NOTE_WORDS))
  for (const [fd, { role, stale, handed, peer }] of death.notes.entries()) {
    const at = fd * NOTE_WORDS
    notes.words[at + NOTE.generation] = generationOf(fd) - (stale ? 5 : handed ? 1 : 0)
    notes.words[at + NOTE.flags] = handed ? NOTE_FLAG.handed : 0
    notes.words[at + NOTE.role] = role
    notes.words[at + NOTE.peer] = peer
    notes.words[at + NOTE.peerGeneration] = generationOf(peer)
  }
  return notes
}

function plan(death: Death, notes = noted(death)): EstatePlan {
  const rows = new Int32Array(death.left.length * ESTATE_WORDS)
  for (const [n, fd] of death.left.entries()) rows.set([fd, generationOf(fd)], n * ESTATE_WORDS)
  return planEstate({ rows, memory: remember(death), notes })
}

/** The same fates said in another way: connection by connection, from the story. */
function fateOf(fd: number, death: Death): 'heir' | 'reset' {
  const { rows, cursor, notes } = death
  const current = (row: Row): boolean => row.fd === fd && row.generation === generationOf(fd)
  const suspect = cursor >= 0 ? rows[cursor] : undefined
  if (suspect !== undefined && current(suspect)) return 'reset'
  const unseen = rows.slice(cursor + 1).filter(current)
  const data = unseen.filter(({ kind }) => kind === EVENT.data).length
  if (data > 1) return 'reset'
  if (unseen.some(({ kind }) => kind === EVENT.accepted)) return 'heir'
  const { role, stale } = notes[fd]!
  if (stale) return 'reset'
  if (role === ROLE.pooled) return data === 0 ? 'heir' : 'reset'
  return LASTING.some((lasting) => lasting === role) ? 'heir' : 'reset'
}

/** A side of a tunnel that could go on if its other side can. */
function isTunnelSide(fd: number, death: Death): boolean {
  const bare = { ...death, notes: death.notes.map((one) => ({ ...one, role: ROLE.idle as number })) }
  const { role, stale } = death.notes[fd]!
  const isFresh = fateOf(fd, {
    ...death,
    notes: death.notes.map((one) => ({ ...one, role: ROLE.none as number })),
  })
  return role === ROLE.tunnel && !stale && isFresh === 'reset' && fateOf(fd, bare) === 'heir'
}

test('each connection of a dead shard has exactly one fate, and the right one', () => {
  const property = fc.property(arbDeath, (death) => {
    const { units, resets } = plan(death)
    const inherited = units.flatMap(({ bequests }) => bequests.map(({ fd }) => fd))
    const all = [...inherited, ...resets.map(({ fd }) => fd)]
    assert.deepEqual(
      all.toSorted((a, b) => a - b),
      [...death.left],
    )
    const heirs = new Set(inherited)
    for (const fd of death.left) {
      const other = death.notes[fd]!.peer
      const isPair =
        other !== fd &&
        death.left.includes(other) &&
        death.notes[other]!.peer === fd &&
        isTunnelSide(other, death)
      const expected = isTunnelSide(fd, death) ? (isPair ? 'heir' : 'reset') : fateOf(fd, death)
      assert.equal(heirs.has(fd) ? 'heir' : 'reset', expected, `fd ${fd}`)
    }
  })
  fc.assert(property, { numRuns: 1000 })
})

test('what was read and seen by nobody goes with its connection, and nothing else does: no byte is lost, none is read twice', () => {
  const property = fc.property(arbDeath, (death) => {
    const { units } = plan(death)
    const unseen = death.rows.slice(death.cursor + 1)
    for (const { bequests } of units) {
      for (const { fd, generation, fresh, unread, unreadBytes } of bequests) {
        const mine = unseen.filter((row) => row.fd === fd && row.generation === generation)
        const data = mine.filter(({ kind }) => kind === EVENT.data)
        assert.ok(data.length <= 1)
        assert.deepEqual([unread, unreadBytes], [data[0]?.a ?? 0, data[0]?.b ?? 0])
        const accepted = mine.findLast(({ kind }) => kind === EVENT.accepted)
        assert.equal(fresh, accepted?.a ?? -1)
      }
    }
  })
  fc.assert(property)
})

test('the client of the upstream whose bytes were being handled is answered, its request not tried again: a poisonous response kills one shard', () => {
  const property = fc.property(arbDeath, (death) => {
    const notes = noted(death)
    plan(death, notes)
    const suspect = death.cursor >= 0 ? death.rows[death.cursor] : undefined
    for (let fd = 0; fd < FDS; fd++) {
      const before = death.notes[fd]!
      const isBlamed =
        suspect !== undefined &&
        // a row from before it was handed over is of the same connection, as its note is
        generationOf(suspect.fd) - suspect.generation <= (death.notes[suspect.fd]!.handed ? 1 : 0) &&
        death.notes[suspect.fd]!.role === ROLE.busy &&
        !death.notes[suspect.fd]!.stale &&
        death.notes[suspect.fd]!.peer === fd &&
        before.role === ROLE.asking &&
        !before.stale
      assert.equal(notes.read(fd, NOTE.role), isBlamed ? ROLE.waiting : before.role)
    }
  })
  fc.assert(property)
})

test('a client is nobody’s endpoint, whatever the note says that the fd’s tenant before it left', () => {
  const notes = new ConnectionNotes(new Int32Array(FDS * NOTE_WORDS))
  notes.words.set([100, ROLE.pooled], NOTE_WORDS)
  const memory = remember({ left: [], notes: [], rows: [], cursor: -1 })
  const fateAs = (kind: number): EstatePlan =>
    planEstate({ rows: Int32Array.from([1, 100, kind, 0, 0, 0]), memory, notes })
  const [client, upstream] = [fateAs(1), fateAs(2)]
  assert.deepEqual([client.units.length, client.resets.length], [0, 1])
  assert.deepEqual([upstream.units.length, upstream.resets.length], [1, 0])
})

test('dealing is even: each heir gets as many clients as another, or one unit less; upstreams likewise; both sides of a tunnel go to one', () => {
  const arbUnits = fc.array(
    fc.constantFrom<Unit['kind']>('client', 'client', 'upstream', 'tunnel').map((kind): Unit => {
      const bequest = { fd: 1, generation: 1, fresh: -1, unread: 0, unreadBytes: 0 }
      return { kind, bequests: kind === 'tunnel' ? [bequest, bequest] : [bequest] }
    }),
    { maxLength: 100 },
  )
  const arbHeirs = fc.uniqueArray(fc.nat(20), { minLength: 1, maxLength: 8 })
  const property = fc.property(arbUnits, arbHeirs, (units, heirs) => {
    const shares = dealEstate(units, heirs)
    const dealt = [...shares.values()].flat()
    assert.equal(dealt.length, units.length)
    assert.deepEqual(new Set(dealt), new Set(units))
    for (const isUpstream of [true, false]) {
      const counts = heirs.map(
        (heir) => (shares.get(heir) ?? []).filter(({ kind }) => (kind === 'upstream') === isUpstream).length,
      )
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join())
    }
    for (const share of shares.values()) {
      const rows = bequestRows(share)
      assert.equal(rows.length, BEQUEST_WORDS * share.flatMap(({ bequests }) => bequests).length)
      for (let at = 0; at < rows.length; at += BEQUEST_WORDS) assert.equal(rows[at + BEQUEST.fresh], -1)
    }
  })
  fc.assert(property)
})
