/** The world around the master's machine, for its laws: data planes that do as they please, and time. */
import assert from 'node:assert/strict'
import { seededRng } from '../src/base/random.ts'
import { MASTER_LIMITS } from '../src/control/master-life.ts'
import { MasterMachine } from '../src/control/master-machine.ts'
import type { MasterDecision, MasterNews, Order, Role } from '../src/control/master-news.ts'

/** A data plane as the world has it: what it was told, and what it has said. */
export type Plane = {
  readonly id: number
  readonly role: Role
  readonly orders: Order[]
  killed: boolean
  saidReady: boolean
  /** A bequest is owed. */
  owes: boolean
}

/** The world around the machine: it starts, kills and tells planes, which do as they please, and holds the machine to its laws. */
export class World {
  readonly planes: Map<number, Plane> = new Map()
  readonly #machine: MasterMachine
  nowMs = 0
  wasReady = false
  stops = 0
  hangUps = 0
  reloads = 0
  exits: number[] = []
  spawned = 0

  constructor(seed: number) {
    this.#machine = new MasterMachine(seededRng(seed))
    this.tell({ kind: 'start' })
  }

  get live(): readonly Plane[] {
    return [...this.planes.values()]
  }

  /** Not on their way out. */
  get staying(): readonly Plane[] {
    return this.live.filter(({ killed, orders }) => !killed && !orders.some(isEnd))
  }

  dueMs(): number {
    return this.#machine.nextDueMs()
  }

  tell(news: MasterNews): readonly MasterDecision[] {
    if (news.kind === 'signal' && news.signal === 'SIGHUP') this.hangUps++
    const decisions = this.#machine.handle(news, this.nowMs)
    for (const decision of decisions) this.#obey(decision)
    this.#check()
    return decisions
  }

  pass(ms: number): void {
    const untilMs = this.nowMs + ms
    while (this.dueMs() <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.dueMs())
      this.tell({ kind: 'tick' })
    }
    this.nowMs = untilMs
  }

  end(plane: Plane, code: number | null): void {
    this.planes.delete(plane.id)
    this.tell({ kind: 'ended', life: plane.id, ending: { code, signal: code === null ? 'SIGKILL' : null } })
  }

  #obey(decision: MasterDecision): void {
    switch (decision.kind) {
      case 'spawn':
        return this.#spawn(decision.life, decision.role)
      case 'order':
        return this.#order(this.planes.get(decision.life), decision.order)
      case 'kill':
        this.planes.get(decision.life)!.killed = true
        return undefined
      case 'exit':
        this.exits.push(decision.code)
        return undefined
      default:
        return undefined
    }
  }

  #spawn(id: number, role: Role): void {
    assert.equal(this.stops, 0, 'nobody is spawned after a stop')
    const others = this.staying
    assert.ok(
      others.length === 0 || (role === 'upgrade' && others.length === 1 && others[0]!.saidReady),
      'one at a time; two only while one that serves is replaced',
    )
    assert.equal(role === 'first', this.spawned === 0)
    assert.equal(id, ++this.spawned)
    this.planes.set(id, { id, role, orders: [], killed: false, saidReady: false, owes: false })
  }

  #order(plane: Plane | undefined, order: Order): void {
    assert.ok(plane !== undefined && !plane.killed, `${order} to one that is gone`)
    if (isEnd(order)) assert.ok(!plane.orders.some(isEnd), 'told to end once')
    if (order === 'retire') {
      const successor = this.staying.find(({ id }) => id > plane.id)
      assert.ok(successor?.saidReady, 'nobody retires before another one is ready')
    }
    if (order === 'admit') assert.ok(plane.role === 'upgrade' && !plane.saidReady)
    if (order === 'reload') this.reloads++
    if (order === 'bequeath' || order === 'yield') plane.owes = true
    plane.orders.push(order)
  }

  #check(): void {
    assert.ok(this.exits.length <= 1, 'one exit')
    assert.ok(
      this.reloads <= 2 * this.hangUps,
      'one SIGHUP reloads whoever serves and who comes next, each once',
    )
    if (this.exits.length === 1) return
    if (this.stops > 0) {
      assert.ok(this.live.length > 0, 'all are over: exit')
      assert.equal(this.staying.length, 0, 'after a stop everyone is told or killed')
    } else if (this.wasReady && !this.live.some(comes)) {
      const waitMs = this.dueMs() - this.nowMs
      assert.ok(waitMs <= MASTER_LIMITS.backoff.maxMs, 'somebody serves, or will within the longest pause')
    }
  }
}

/** It serves, it is on its way to it and nobody waits for it longer than for a restart, or its end is awaited. */
const comes = ({ role, saidReady, killed, orders }: Plane): boolean =>
  !orders.some(isEnd) && (saidReady || role !== 'upgrade' || killed)

const isEnd = (order: Order): boolean => order === 'retire' || order === 'stop'

/** What may happen next, by the plane's own will. */
export function movesOf(plane: Plane): readonly ((world: World) => void)[] {
  const { id } = plane
  const moves: ((world: World) => void)[] = [
    (world) => world.end(plane, 0),
    (world) => world.end(plane, 1),
    (world) => world.end(plane, null),
  ]
  if (plane.owes)
    moves.push((world) => {
      plane.owes = false
      world.tell({ kind: 'bequeathed', life: id })
    })
  if (plane.role === 'upgrade' && !plane.saidReady)
    moves.push((world) => void world.tell({ kind: 'prepared', life: id }))
  const mayBeReady = plane.role !== 'upgrade' || plane.orders.includes('admit')
  if (mayBeReady && !plane.orders.some(isEnd))
    moves.push((world) => {
      plane.saidReady = true
      world.wasReady = true
      world.tell({ kind: 'ready', life: id, graceMs: 1000 })
    })
  if (plane.orders.includes('reload')) moves.push((world) => void world.tell({ kind: 'reloaded', life: id }))
  return moves
}
