/** A run that cannot go on, said to the person who started it: no stack is printed. */
export class BenchError extends Error {
  override readonly name = 'BenchError'
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
