/** What a thread can be told to do to itself, to see how the rest takes it. None of them returns. */
const FAULTS = {
  throw: (): never => {
    throw new Error('a fault on purpose')
  },
  exit: (): never => process.exit(70),
  spin: (): never => {
    for (;;);
  },
  oom: (): never => {
    const held = new Map<number, number[]>()
    for (let n = 0; ; n++)
      held.set(
        n,
        Array.from({ length: 128 }, (_, i) => n + i + 0.5),
      )
  },
} as const

/** Fail so, in a turn of the thread's loop of its own: whoever asked gets an answer before. */
export function failOnPurpose(kind: keyof typeof FAULTS): void {
  // A timer and not the next turn: the answer to the call that asked for this is still to be posted.
  setTimeout(() => FAULTS[kind](), 5)
}
