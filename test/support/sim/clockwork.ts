import type { SimProfile } from './profile.ts'
import { Chance } from './chance.ts'

/** Something due at a moment of virtual time. A cancelled one stays in the heap as a husk. */
export type Task = {
  readonly atMs: number
  readonly order: number
  readonly background: boolean
  run: (() => void) | null
}

type Note = { atMs: number; who: string; what: string; a: number; b: number }

const TRACE_NOTES = 2048

/**
 * Virtual time, the queue of what is due, the only source of chance, and the memory of what happened.
 *
 * Time moves only in `step`; tasks due at the same moment run in the order they were made, so a run is a pure
 * function of its seed and of what the test does.
 */
export class Clockwork {
  readonly chance: Chance
  readonly profile: SimProfile
  #nowMs = 0
  #order = 0
  #foreground = 0
  #heap: Task[] = []
  #notes: Note[] = []
  #noteCount = 0
  #fingerprint = 0x811c_9dc5 | 0

  constructor(seed: number, profile: SimProfile) {
    this.chance = new Chance(seed)
    this.profile = profile
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Nothing is due but what recurs by itself. */
  get idle(): boolean {
    return this.#foreground === 0
  }

  /** When the next task is due, Infinity if none is. */
  get nextMs(): number {
    while (this.#heap.length > 0 && this.#heap[0]?.run === null) this.#pop()
    return this.#heap[0]?.atMs ?? Infinity
  }

  after(delayMs: number, run: () => void): Task {
    return this.at(this.#nowMs + delayMs, run)
  }

  at(atMs: number, run: () => void, background = false): Task {
    const task: Task = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, background, run }
    if (!background) this.#foreground += 1
    this.#push(task)
    return task
  }

  cancel(task: Task | null): void {
    if (task === null || task.run === null) return
    task.run = null
    if (!task.background) this.#foreground -= 1
  }

  /** Run the next task; false if there is none. */
  step(): boolean {
    const task = this.nextMs === Infinity ? undefined : this.#pop()
    if (task === undefined || task.run === null) return false
    this.#nowMs = task.atMs
    const run = task.run
    this.cancel(task)
    run()
    return true
  }

  /** Let time pass without an event, up to the next task at most. */
  advanceTo(atMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, Math.min(atMs, this.nextMs))
  }

  note(who: string, what: string, a = 0, b = 0): void {
    const slot = this.#noteCount % TRACE_NOTES
    this.#noteCount += 1
    const old = this.#notes[slot]
    if (old === undefined) this.#notes.push({ atMs: this.#nowMs, who, what, a, b })
    else {
      old.atMs = this.#nowMs
      old.who = who
      old.what = what
      old.a = a
      old.b = b
    }
    this.#mix(this.#nowMs * 1024)
    this.#mix(a)
    this.#mix(b)
    for (let i = 0; i < what.length; i++) this.#mix(what.charCodeAt(i))
  }

  /** The last events, oldest first, one line each. */
  get trace(): string[] {
    const first = Math.max(0, this.#noteCount - TRACE_NOTES)
    const lines: string[] = []
    for (let i = first; i < this.#noteCount; i++) {
      const note = this.#notes[i % TRACE_NOTES]
      if (note) lines.push(`${note.atMs.toFixed(3)} ${note.who} ${note.what} ${note.a} ${note.b}`)
    }
    return lines
  }

  /** A hash over every note ever made: two runs that agree on it took the same course. */
  get fingerprint(): number {
    return this.#fingerprint
  }

  #mix(word: number): void {
    this.#fingerprint = Math.imul(this.#fingerprint ^ (word | 0), 0x0100_0193)
  }

  #push(task: Task): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(task)
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = heap[up]
      if (parent === undefined || !earlier(task, parent)) break
      heap[at] = parent
      at = up
    }
    heap[at] = task
  }

  #pop(): Task | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      const left = heap[child]
      if (left === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && earlier(right, left)) child += 1
      const next = heap[child]
      if (next === undefined || !earlier(next, last)) break
      heap[at] = next
      at = child
    }
    heap[at] = last
    return top
  }
}

function earlier(one: Task, other: Task): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)
}
