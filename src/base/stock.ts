/** Something that can be made ready for its next user. */
export interface Reusable {
  reset(): void
}

/** Objects kept for reuse, because making one is dear and few are in use at a time. Grows to the peak in use and no further. */
export class Stock<T extends Reusable> {
  readonly #make: () => T
  readonly #spare: T[] = []

  constructor(make: () => T) {
    this.#make = make
  }

  take(): T {
    return this.#spare.pop() ?? this.#make()
  }

  giveBack(item: T): void {
    item.reset()
    this.#spare.push(item)
  }
}
