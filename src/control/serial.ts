/**
 * One thing at a time: changes of the running program never overlap. What asks for a change that already waits, not yet begun,
 * shares it: a hundred SIGHUPs are two reloads.
 */
export class Serial {
  #tail: Promise<unknown> = Promise.resolve()
  readonly #waiting = new Map<string, Promise<unknown>>()

  run<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(task)
    this.#tail = turn.catch(() => {})
    return turn
  }

  /** `kind` must always name tasks of one result type. */
  share<T>(kind: string, task: () => Promise<T>): Promise<T> {
    const waiting = this.#waiting.get(kind)
    // By the contract of `kind`
    if (waiting !== undefined) return waiting as Promise<T>
    const turn = this.run(() => {
      this.#waiting.delete(kind)
      return task()
    })
    this.#waiting.set(kind, turn)
    return turn
  }
}
