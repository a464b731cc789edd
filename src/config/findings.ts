import type { Part, Path } from './plain.ts'

/** Where rules across keys report, in `check.ts` and its like. */
export type Findings = {
  error(path: Path, message: string, part?: Part): void
  warning(path: Path, message: string, part?: Part): void
  /** `line:column`, to point from one place to another. */
  where(path: Path): string
  /** Whether the value was written by somebody, in its short form maybe, rather than filled in. */
  written(path: Path): boolean
  /** Errors so far. */
  count(): number
}
