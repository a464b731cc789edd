const MIB_OF_NUMBERS = 2 ** 17

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
    // A MiB at a time: fast enough to be a full heap before it is a thread that is not heard any more.
    const one = Array.from({ length: MIB_OF_NUMBERS }, (_, i) => i + 0.5)
    const held = [one]
    for (;;) held.push(one.slice())
  },
} as const

/** Fail so, in a turn of the thread's loop of its own: whoever asked gets an answer before. */
export function failOnPurpose(kind: keyof typeof FAULTS): void {
  // A timer and not the next turn: the answer to the call that asked for this is still to be posted.
  setTimeout(() => FAULTS[kind](), 5)
}
