import { EVENT, EVENT_WORDS, OP, OP_WORDS, RELAY } from '../../src/io/engine.ts'

/** An engine, or whoever drives it, broke a law of the engine port. */
export class AuditError extends Error {
  override readonly name: string = 'AuditError'
}

export type AuditOptions = {
  readonly arenaBytes: number
  readonly memBytes: number
  readonly queueCap: number
  readonly eventRows: number
}

/**
 * What TypeScript may believe about a live handle. Whether an op is refused can depend on what the engine knows and TypeScript
 * was not told yet (a relay that is over, a send that failed); then the belief says `maybe`, and both courses are lawful.
 */
type Belief = {
  readonly generation: number
  connecting: boolean
  paused: boolean
  ended: boolean
  hungUp: boolean
  blocked: boolean
  /** Shut down, or perhaps so by the engine it was taken over from. */
  shutdown: boolean
  /** Destinations of relay ops that may be answered yet (one row each), and whether exactly one of them runs for sure. */
  relaysTo: readonly number[]
  relaysAsked: number
  relaying: boolean
  /** Resumed since the relay was asked for: the pause a broken relay leaves may be over already. */
  resumed: boolean
  /** Handed over; `yes` can still turn out as a reset row, of a connection that was broken by then. */
  given: 'no' | 'maybe' | 'yes'
}

const BLANK: Omit<Belief, 'generation'> = {
  connecting: false,
  paused: false,
  ended: false,
  hungUp: false,
  blocked: false,
  shutdown: false,
  relaysTo: [],
  relaysAsked: 0,
  relaying: false,
  resumed: false,
  given: 'no',
}

type Row = {
  readonly kind: number
  readonly fd: number
  readonly generation: number
  readonly a: number
  readonly b: number
}

/**
 * An independent observer of one engine: sees every event row before TypeScript does and every op row before the engine
 * does, and knows nothing else. It holds the engine to these laws of the port:
 *
 * - a row names a handle that was announced and has not died: by close, reset or handover of ours, by reset or connectFailed of theirs
 * - no fd gets its next tenant before the death of the last one was reported or asked for
 * - no data and no end while paused, after the end, or while the connection relays; connected comes first and once
 * - hangup comes once, while paused, and before the end
 * - blocked and writable alternate; no more is queued than the cap
 * - relayDone answers a relay, once
 * - spans lie in the arena and do not overlap
 */
export class EngineAudit {
  readonly #options: AuditOptions
  readonly #handles: Map<number, Belief> = new Map()
  /** Generation by fd of the handles whose death the latest batch reports. */
  readonly #reported: Map<number, number> = new Map()
  /**
   * Ops that named a handle TypeScript knew to be dead: it had ended it itself, or a batch before this one had reported its death.
   * A death reported in this very batch does not count: the rows before it may have led to the op.
   */
  strayOps = 0

  constructor(options: AuditOptions) {
    this.#options = options
  }

  /** Handles TypeScript may use now. */
  get live(): number {
    return [...this.#handles.values()].filter(({ given }) => given === 'no').length
  }

  /** `connect` returned this. */
  connecting(fd: number, generation: number): void {
    this.#birth('connect', fd, generation, { connecting: true, paused: false })
  }

  /** `take` returned this generation. What the life before left queued or shut down it may not know: `flags` as `flagsOf` has them. */
  taken(fd: number, generation: number, flags: number): void {
    this.#birth('take', fd, generation, inherited(flags))
  }

  /** The rows of a batch, before the handler sees them. */
  batch(events: Int32Array, rows: number): void {
    if (rows < 0 || rows > this.#options.eventRows) throw new AuditError(`a batch of ${rows} rows`)
    const spans: [number, number][] = []
    this.#reported.clear()
    for (let row = 0; row < rows; row++) {
      const event = read(events, row * EVENT_WORDS)
      this.#event(event)
      if (event.kind === EVENT.data) spans.push([event.a, event.b])
      const ipBytes = events[row * EVENT_WORDS + 5] ?? 0
      if (event.kind === EVENT.accepted) spans.push([event.b, ipBytes])
    }
    this.#spans(spans)
  }

  /** Op rows, before they run. Whether a row is well-formed is not judged here, the engine counts that. */
  ops(ops: Int32Array, rows: number): void {
    for (let row = 0; row < rows; row++) {
      const op = read(ops, row * OP_WORDS)
      const belief = this.#handles.get(op.fd)
      if (this.#strays(op.fd, op.generation)) this.strayOps++
      else if (op.kind === OP.relay && this.#strays(op.a, op.b)) this.strayOps++
      if (belief !== undefined && belief.generation === op.generation) this.#op(op, belief)
    }
  }

  #strays(fd: number, generation: number): boolean {
    const alive = this.#handles.get(fd)?.generation === generation
    return !alive && this.#reported.get(fd) !== generation
  }

  #op(op: Row, belief: Belief): void {
    switch (op.kind) {
      case OP.pause:
        belief.paused = true
        break
      case OP.resume:
        belief.paused = false
        belief.resumed = true
        break
      case OP.shutdown:
        belief.shutdown = true
        break
      case OP.relay:
        this.#relay(op, belief)
        break
      case OP.close:
        if (op.a >= 0) this.#handles.delete(op.fd)
        break
      case OP.reset:
        this.#handles.delete(op.fd)
        break
      case OP.handover:
        this.#handover(op, belief)
        break
    }
  }

  /** A relay to oneself is refused, and so is a second one from a source or into a destination, or into one shut down. */
  #relay(op: Row, belief: Belief): void {
    if (op.a === op.fd && op.b === op.generation) return
    const target = this.#handles.get(op.a)
    const free = target === undefined || target.generation !== op.b || !target.shutdown
    belief.relaying = belief.relaysAsked === 0 && free && !this.#feeds(op.a)
    belief.relaysTo = [...belief.relaysTo, op.a]
    belief.resumed = belief.relaysAsked > 0
    belief.relaysAsked += 1
    belief.paused = false
  }

  /** Refused for a shard index out of range, while connecting, and for either end of a relay. */
  #handover(op: Row, belief: Belief): void {
    if (op.a < 0 || op.a > 255 || belief.connecting) return
    belief.given = belief.relaysAsked === 0 && !this.#feeds(op.fd) ? 'yes' : 'maybe'
  }

  /** Some relay into this fd may be running. */
  #feeds(fd: number): boolean {
    for (const belief of this.#handles.values()) if (belief.relaysTo.includes(fd)) return true
    return false
  }

  #event(event: Row): void {
    switch (event.kind) {
      case EVENT.accepted:
        return this.#birth('accepted', event.fd, event.generation, { connecting: false, paused: false })
      case EVENT.takenOver:
        return this.#birth('takenOver', event.fd, event.generation, inherited(event.b))
      case EVENT.wake:
      case EVENT.exhausted:
        return
    }
    const belief = this.#handles.get(event.fd)
    if (belief === undefined || belief.generation !== event.generation)
      throw violation('names a dead handle', event)
    if (belief.given === 'yes' && event.kind !== EVENT.reset)
      throw violation('names a handle given away', event)
    this.#news(event, belief)
  }

  #news(event: Row, belief: Belief): void {
    const { kind } = event
    if (belief.connecting !== (kind === EVENT.connected || kind === EVENT.connectFailed)) {
      if (kind !== EVENT.relayDone)
        throw violation(belief.connecting ? 'precedes connected' : 'comes twice', event)
    }
    switch (kind) {
      case EVENT.connected:
        belief.connecting = false
        break
      case EVENT.connectFailed:
      case EVENT.reset:
        if (event.a <= 0) throw violation('has no errno', event)
        this.#handles.delete(event.fd)
        this.#reported.set(event.fd, event.generation)
        break
      case EVENT.data:
      case EVENT.end:
        this.#input(event, belief)
        break
      case EVENT.hangup:
        if (belief.hungUp) throw violation('comes twice', event)
        if (belief.ended) throw violation('after the end', event)
        if (!belief.paused && belief.relaysAsked === 0) throw violation('while it is read', event)
        belief.hungUp = true
        break
      case EVENT.blocked:
        if (belief.blocked) throw violation('blocked twice', event)
        if (event.a < 1 || event.a > this.#options.queueCap) throw violation('queue out of bounds', event)
        belief.blocked = true
        break
      case EVENT.writable:
        if (!belief.blocked) throw violation('was not blocked', event)
        belief.blocked = false
        break
      case EVENT.relayDone:
        this.#relayDone(event, belief)
        break
      default:
        throw violation('is of no known kind', event)
    }
  }

  #input(event: Row, belief: Belief): void {
    if (belief.paused) throw violation('while paused', event)
    if (belief.relaying) throw violation('while relaying', event)
    if (belief.ended) throw violation('after the end', event)
    if (event.kind === EVENT.end) belief.ended = true
  }

  #relayDone(event: Row, belief: Belief): void {
    if (belief.relaysAsked === 0) throw violation('no relay runs', event)
    belief.relaysAsked -= 1
    if (belief.relaysAsked === 0) belief.relaysTo = []
    belief.relaying = false
    if (event.a === RELAY.ended) belief.ended = true
    if ((event.a === RELAY.broken || event.a === RELAY.stopped) && !belief.resumed) belief.paused = true
  }

  #birth(how: string, fd: number, generation: number, state: Partial<Belief>): void {
    if (generation === 0) throw new AuditError(`${how} fd ${fd} with generation 0`)
    const old = this.#handles.get(fd)
    if (old !== undefined && old.given === 'no') {
      throw new AuditError(`${how} fd ${fd}: its last tenant ${old.generation} is still alive`)
    }
    this.#handles.set(fd, { ...BLANK, ...state, generation })
  }

  #spans(spans: [number, number][]): void {
    spans.sort((one, other) => one[0] - other[0])
    let end = 0
    for (const [offset, length] of spans) {
      if (length < 1 || offset < end) throw new AuditError(`span ${offset}+${length} overlaps or is empty`)
      end = offset + length
    }
    if (end > this.#options.arenaBytes) throw new AuditError(`a span ends at ${end}, beyond the arena`)
  }
}

/** What is known of a connection that another engine served before; perhaps it was shut down. */
function inherited(flags: number): Partial<Belief> {
  return { paused: true, shutdown: true, ended: (flags & 1) !== 0, blocked: (flags & 2) !== 0 }
}

function read(table: Int32Array, at: number): Row {
  const word = (offset: number): number => table[at + offset] ?? 0
  return { kind: word(0), fd: word(1), generation: word(2), a: word(3), b: word(4) }
}

const NAMES = Object.fromEntries(Object.entries(EVENT).map(([name, kind]) => [kind, name]))

function violation(what: string, event: Row): AuditError {
  const name = NAMES[event.kind] ?? event.kind
  return new AuditError(
    `${name} ${what} (fd ${event.fd} generation ${event.generation}, a ${event.a}, b ${event.b})`,
  )
}
