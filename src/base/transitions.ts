type Table<T> = { readonly [S in keyof T]: { readonly [event: string]: keyof T & string } }
type StateOf<T> = keyof T & string
type EventOf<T> = { [S in keyof T]: keyof T[S] }[keyof T] & string

/** No transition. */
const NONE = 255

/** A state machine's table: states × events → next state, small integers throughout, every other transition an error. */
export class Transitions<S extends string, E extends string> {
  readonly name: string
  readonly states: readonly S[]
  readonly events: readonly E[]
  /** State name → number; the first state of the definition is 0, where machines begin. */
  readonly state: Readonly<Record<S, number>>
  readonly event: Readonly<Record<E, number>>
  readonly #next: Uint8Array
  readonly #width: number

  constructor(name: string, table: Readonly<Record<string, Readonly<Record<string, string>>>>) {
    this.name = name
    this.states = Object.keys(table) as S[]
    this.events = [...new Set(Object.values(table).flatMap((row) => Object.keys(row)))] as E[]
    if (this.states.length >= NONE) throw new RangeError(`${name}: too many states`)
    this.state = numbered(this.states)
    this.event = numbered(this.events)
    this.#width = this.events.length
    this.#next = new Uint8Array(this.states.length * this.#width).fill(NONE)
    for (const from of this.states) {
      for (const [event, to] of Object.entries(table[from]!) as [E, S][]) {
        if (!(to in this.state)) throw new RangeError(`${name}: ${from} × ${event} → ${to}: no such state`)
        this.#next[this.state[from] * this.#width + this.event[event]] = this.state[to]
      }
    }
  }

  /** The next state. Throws where the table has none: a bug of the caller, never of a peer. */
  next(state: number, event: number): number {
    const to = this.#next[state * this.#width + event]
    if (to === undefined || to === NONE) throw new IllegalTransition(this, state, event)
    return to
  }

  allows(state: number, event: number): boolean {
    return (this.#next[state * this.#width + event] ?? NONE) !== NONE
  }

  /** The table as Markdown, states down, events across, for the documentation. */
  toMarkdown(): string {
    const rows = this.states.map((state) => {
      const cells = this.events.map((event) => {
        const to = this.#next[this.state[state] * this.#width + this.event[event]]!
        return to === NONE ? '' : this.states[to]!
      })
      return [`**${state}**`, ...cells]
    })
    const head = [this.name, ...this.events]
    const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
    return `${lines.join('\n')}\n`
  }
}

/** A machine was told something its state does not allow. */
export class IllegalTransition extends Error {
  readonly code = 'WEIR_ILLEGAL_TRANSITION'

  constructor(table: Transitions<string, string>, state: number, event: number) {
    const from = table.states[state] ?? `state ${state}`
    super(`${table.name}: illegal transition: ${from} × ${table.events[event] ?? `event ${event}`}`)
    this.name = 'IllegalTransition'
  }
}

/** Build a table from `{ state: { event: next } }`; a state that ends the machine is `{}`. Names are checked by type. */
export const defineTransitions = <const T extends Table<T>>(
  name: string,
  table: T,
): Transitions<StateOf<T>, EventOf<T>> => new Transitions<StateOf<T>, EventOf<T>>(name, table)

const numbered = <N extends string>(names: readonly N[]): Readonly<Record<N, number>> =>
  Object.freeze(Object.fromEntries(names.map((name, index) => [name, index]))) as Record<N, number>
