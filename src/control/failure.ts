/** The configuration, or the world, does not allow what was asked: told to people line by line, never a bug of ours. */
export class Refusal extends Error {
  readonly code = 'WEIR_REFUSED' as const
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'Refusal'
    this.problems = problems
  }
}

/** The lines to print for whatever made a start or a reload fail. */
export function problemsOf(thrown: unknown): readonly string[] {
  if (thrown instanceof Refusal) return thrown.problems
  return [thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)]
}

/** Exit code of a program whose actors die faster than its configuration allows: a master starts another one. */
export const GAVE_UP = 70
